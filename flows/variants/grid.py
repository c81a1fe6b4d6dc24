"""The grid of a sweep: parameters with their values, as `--set` gives them, and every combination of these."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import product
from math import prod

from pipeline.errors import UserError, unknown
from rules.model import RuleSet
from rules.parameters import WHOLE, Parameter, parameters_in

Number = int | float
Values = dict[str, Number]
Grid = dict[str, tuple[Number, ...]]
MOST_VARIANTS = 2_000
HOW = "Write --set rule.parameter=9..15, or =30..360:30 for every 30th, or =9,12,18."


def read_grid(settings: Sequence[str], known: Mapping[str, Parameter]) -> Grid:
    """Return the values of each parameter that the options `--set` name, in their order.

    Raises `UserError` for a parameter that is not `known`, and for a value that it cannot take.
    """
    if not settings:
        raise UserError(f"--set: no parameter is given, so there is nothing to vary. {HOW}")
    grid: Grid = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        where = f"--set {setting}"
        if not equals or not text:
            raise UserError(f"{where}: no value is given. {HOW}")
        if name not in known:
            raise unknown("parameter", name, known, where)
        if name in grid:
            raise UserError(f"{where}: {name} is set twice. List all of its values in one --set.")
        grid[name] = _values(text, known[name], where)
        for value in grid[name]:
            try:
                known[name].having(value)
            except ValueError as error:
                raise UserError(f"{where}, {name} = {value}: {error}.") from None
    number = prod(len(values) for values in grid.values())
    if number > MOST_VARIANTS:
        raise UserError(
            f"--set: these are {number:,} variants, and at most {MOST_VARIANTS:,} are possible. Give fewer values."
        )
    return grid


def variants_of(grid: Mapping[str, Sequence[Number]], rules: RuleSet) -> Iterator[Values]:
    """Yield every combination, in the order in which least is computed again: later rules are varied fastest."""
    order = in_order_of_rules(grid, rules)
    for values in product(*(grid[name] for name in order)):
        found = dict(zip(order, values, strict=True))
        yield {name: found[name] for name in grid}


def in_order_of_rules(names: Iterable[str], rules: RuleSet) -> list[str]:
    """Return parameters in the order in which rules use them: evidence, stays, what is unfinished, residence."""
    people = rules.people
    layers = [
        set(parameters_in(rules.evidence)),
        {name for part in (*people.stays, people.definition) for name in parameters_in(part)},
        set(parameters_in(people.unfinished)),
    ]
    return sorted(names, key=lambda name: next((n for n, layer in enumerate(layers) if name in layer), len(layers)))


def _values(text: str, parameter: Parameter, where: str) -> tuple[Number, ...]:
    found = [value for part in text.split(",") for value in _part(part.strip(), parameter, where)]
    return tuple(dict.fromkeys(found))


def _part(text: str, parameter: Parameter, where: str) -> Iterator[Number]:
    """Yield the values of one part: a number, or a range with both of its ends and a step (1, if omitted)."""
    span, has_step, step_text = text.partition(":")
    first_text, is_range, last_text = span.partition("..")
    first = _number(first_text, where)
    if not is_range:
        if has_step:
            raise UserError(f"{where}: '{text}' has a step and is no range. {HOW}")
        yield _as_value(first, parameter)
        return
    last, whole = _number(last_text, where), parameter.unit in WHOLE
    if not has_step and not whole:
        raise UserError(f"{where}: a range of {parameter.unit} needs a step. Write {span}:0.1, say.")
    step = _number(step_text, where) if has_step else Decimal(1)
    if last < first or step <= 0:
        raise UserError(f"{where}: '{text}' is empty. Give the lower end first, and a step above 0.")
    if (last - first) / step > MOST_VARIANTS:
        raise UserError(f"{where}: '{text}' has more than {MOST_VARIANTS:,} values. Give a larger step.")
    for number in range(int((last - first) / step) + 1):
        yield _as_value(first + number * step, parameter)


def _number(text: str, where: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise UserError(f"{where}: '{text.strip()}' is not a number. {HOW}") from None
    if not number.is_finite():
        raise UserError(f"{where}: '{text.strip()}' is not a finite number. {HOW}")
    return number


def _as_value(number: Decimal, parameter: Parameter) -> Number:
    """Return a number as the parameter takes it: whole where its unit is counted, unless it is not."""
    return int(number) if parameter.unit in WHOLE and number == int(number) else float(number)
