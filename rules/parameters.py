"""Parameters: every value by which a rule decides about a person, with what a reader must know of it.

A parameter has a sentence, a unit, the range in which it may be tried, the source of its value and the day from which
the value holds; `later` has the values that replaced it, by the day from which each holds. A rule uses the value in
force on the day that it decides about: the day of an arrival, the start of an absence, a reference date. The earliest
value holds for the time before it too, so that no day is without one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, StrictFloat, StrictInt, ValidationError, field_validator, model_validator

from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen
from rules.sql_text import quoted

Unit = Literal[
    "days", "weeks", "months", "years", "families", "cases", "times", "classes", "share", "probability", "points"
]  # fmt: skip
UNITS: tuple[str, ...] = get_args(Unit)
OF_TIME = {"days": "DAY", "weeks": "WEEK", "months": "MONTH", "years": "YEAR"}
"""Units by which a date can be shifted, and the unit of SQL."""
WHOLE = {"days", "weeks", "months", "years", "families", "cases", "times", "classes"}
Number = StrictInt | StrictFloat
Model = TypeVar("Model", bound=BaseModel)


class Parameter(Frozen):
    """One declared value: `value` since `holds_from` (and before), replaced by those of `later`.

    `id` is `rule.parameter`, or the name alone of a parameter of the whole file.
    """

    id: str = ""
    says: str
    value: Number
    unit: Unit
    range: tuple[Number, Number]
    source_of_value: str
    holds_from: date
    later: dict[date, Number] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _described(cls, data: Any) -> Any:
        if isinstance(data, dict | Parameter):
            return data
        raise ValueError(
            "a value alone does not say what it is. Declare a parameter of this name, with says, value, unit, range, "
            'source_of_value and holds_from; or refer to a parameter of the whole file as "$name"'
        )

    @field_validator("says", "source_of_value")
    @classmethod
    def _not_empty(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("it is empty. Write a sentence")
        return text

    @model_validator(mode="after")
    def _in_range(self) -> "Parameter":
        low, high = self.range
        if low > high:
            raise ValueError(f"the range {low} to {high} is empty. Give the lower end first")
        for number in (low, high, *self.values.values()):
            if self.unit in WHOLE and isinstance(number, float):
                raise ValueError(f"{number} is not a whole number of {self.unit}")
        for number in self.values.values():
            if not low <= number <= high:
                raise ValueError(f"the value {number} is outside its range, {low} to {high}")
        if any(day <= self.holds_from for day in self.later):
            raise ValueError(f"a later value holds from a day after {self.holds_from}, the first one's 'holds_from'")
        return self

    @property
    def values(self) -> dict[date, int | float]:
        """All values in order of the day from which each holds."""
        return {self.holds_from: self.value, **dict(sorted(self.later.items()))}

    @property
    def name(self) -> str:
        """The name without that of the rule."""
        return self.id.rpartition(".")[2]

    def having(self, value: int | float) -> "Parameter":
        """Return the parameter with another value at all times; raises `ValueError` outside its range."""
        data = self.model_dump() | {"value": value, "later": {}}
        try:
            return type(self).model_validate(data)
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(message)

    def on(self, day: date) -> int | float:
        """Return the value in force on a day."""
        return [value for since, value in self.values.items() if since <= day or since == self.holds_from][-1]

    def at(self, day: str) -> str:
        """Return SQL of the value in force on the day of an SQL expression: the number itself, if there is one."""
        if not self.later:
            return repr(self.value)
        newest_first = sorted(self.later.items(), reverse=True)
        branches = " ".join(f"WHEN {day} >= {quoted(since)} THEN {value!r}" for since, value in newest_first)
        return f"(CASE {branches} ELSE {self.value!r} END)"

    def interval(self, day: str) -> str:
        """Return SQL of the span of time in force on the day of an SQL expression."""
        return f"INTERVAL ({self.at(day)}) {OF_TIME[self.unit]}"


@dataclass(frozen=True)
class Bounds:
    """What the key of a form can take: a parameter in this unit, whose range lies within these bounds."""

    unit: Unit
    low: int | float
    high: int | float

    def __call__(self, parameter: Parameter) -> Parameter:
        """Return the parameter; raises `ValueError` if the form cannot take it."""
        if parameter.unit != self.unit:
            raise ValueError(f"its unit is {self.unit} here, found {parameter.unit}")
        low, high = parameter.range
        if not (self.low <= low and high <= self.high):
            raise ValueError(f"its range must lie within {self.low} to {self.high} here, found {low} to {high}")
        return parameter


def each_parameter(value: object) -> Iterator[Parameter]:
    """Yield every parameter in a rule, or in whatever contains rules, as often as it is used."""
    if isinstance(value, Parameter):
        yield value
    elif isinstance(value, BaseModel):
        yield from each_parameter(value.__dict__)
    elif isinstance(value, Mapping):
        yield from each_parameter(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from each_parameter(one)


def parameters_in(model: BaseModel) -> dict[str, Parameter]:
    """Return every parameter that a rule, or a model with rules in it, uses, by its id."""
    return {one.id: one for one in each_parameter(model)}


Rules = TypeVar("Rules", bound=BaseModel)


def with_values(rules: Rules, values: Mapping[str, int | float], where: str = "the rules") -> Rules:
    """Return rules in which some parameters, by id, have other values, each of them at all times.

    Raises `UserError` that begins with `where` for a parameter that the rules do not have, or a value that it cannot
    take.
    """
    known, changed = parameters_in(rules), {}
    for name, value in values.items():
        if name not in known:
            raise unknown("parameter", name, known, where)
        try:
            changed[name] = known[name].having(value)
        except ValueError as error:
            raise UserError(f"{where}, {name} = {value}: {error}.") from None
    return with_parameters(rules, changed)


def with_parameters(rules: Rules, changed: Mapping[str, Parameter]) -> Rules:
    """Return rules in which some parameters, by id, are others."""

    def replaced(value: Any) -> Any:
        if isinstance(value, Parameter):
            return changed.get(value.id, value)
        if isinstance(value, BaseModel):
            fields = {key: replaced(getattr(value, key)) for key in type(value).model_fields}
            return type(value).model_construct(value.model_fields_set, **fields)
        if isinstance(value, Mapping):
            return {key: replaced(one) for key, one in value.items()}
        return tuple(replaced(one) for one in value) if isinstance(value, tuple) else value

    return replaced(rules)
