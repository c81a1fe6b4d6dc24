"""A rule set in words: every rule with its sentence, its conditions, its source, its parameters and their sources."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from rules.evidence_sql import expressions_of
from rules.model import EvidenceRule, RuleSet
from rules.parameters import Parameter, parameters_in

Decided = Mapping[tuple[str, str], str]
"""What each rule decided in a run, in words, by kind and id."""
APART = {"id", "says", "form", "source_of_rule", "parameters", "kind", "source", "extract"}
"""Keys of a rule that its heading, its sentence or its sources show already."""


def rules_in_words(rule_set: RuleSet, decided: Decided) -> list[str]:
    """Return the lines that show a rule set; `decided` is empty without a run."""
    people = rule_set.people
    lines = [f"{rule_set.id}: {rule_set.title}", f"  {rule_set.says}", f"  SHA-256 {rule_set.digest}"]
    lines += [f"  extends {one.id}, SHA-256 {one.digest}" for one in rule_set.extends]
    lines += [f"  residents by {people.published_family}, migrations by {people.published}"]
    shared = [one for name, one in sorted(rule_set.parameters.items()) if "." not in name]
    if shared:
        lines += ["", "Parameters of several rules", *(line for one in shared for line in _parameter(one))]
    kinds = {
        "evidence": ("Evidence: what a record shows", rule_set.evidence.rules),
        "stay": ("Stays: evidence becomes spells of presence", people.stays),
        "group": (
            f"Definition {people.definition.id}: the stay rule of the first group counts",
            people.definition.groups,
        ),
        "resident": ("Signs of residence and reasons against it", people.residents),
        "resident_family": ("Families of residence rules", people.families),
        "attribute": ("Attributes: the first place with a value", people.attributes),
    }
    for kind, (title, rules) in kinds.items():
        lines += ["", title]
        for rule in rules:
            lines += ["", *_rule(kind, rule, decided)]
        if kind == "group":
            own = parameters_in(people.definition.model_copy(update={"groups": ()}))
            lines += [line for one in own.values() for line in _parameter(one)]
    sections = {
        "Nationality": people.nationality,
        "Households": people.household,
        "Two people who may be one": people.possibly_one,
        "Unfinished stays and absences": people.unfinished,
    }
    for title, section in ((title, one) for title, one in sections.items() if one is not None):
        lines += ["", title, f"  {section.says}"]
        lines += [line for one in parameters_in(section).values() for line in _parameter(one)]
    return lines


def rules_as_table(rule_set: RuleSet) -> list[dict[str, Any]]:
    """Return one row per parameter: id, sentence, value, unit, range, the day from which it holds, and its source."""
    return [
        {
            "parameter": one.id, "says": one.says, "value": value, "unit": one.unit, "lowest": one.range[0],
            "highest": one.range[1], "holds_from": since.isoformat(), "source_of_value": one.source_of_value,
        }
        for one in rule_set.parameters.values()
        for since, value in one.values.items()
    ]  # fmt: skip


def _rule(kind: str, rule: BaseModel, decided: Decided) -> Iterator[str]:
    data = rule.__dict__
    about = [str(data[key]) for key in ("extract", "kind", "form") if key in data]
    yield f"  {data['id']}" + (f" ({', '.join(about)})" if about else "")
    yield f"    {data['says']}"
    if isinstance(rule, EvidenceRule):
        yield from (f"    {key}: {text}" for key, text in expressions_of(rule))
    else:
        yield from (
            f"    {key}: {_words(value)}"
            for key, value in data.items()
            if key not in APART and value not in (None, (), {}) and not isinstance(value, Parameter)
        )
    for key, value in data.items():
        if isinstance(value, Parameter) and "." not in value.id:
            yield f"    {key} = ${value.id}, {_value(value)}"
    own = {name: one for name, one in parameters_in(rule).items() if name.startswith(f"{data['id']}.")}
    for parameter in own.values():
        yield from (f"  {line}" for line in _parameter(parameter))
    if data.get("source_of_rule"):
        yield f"    source: {data['source_of_rule']}"
    if (kind, str(data["id"])) in decided:
        yield f"    decided: {decided[kind, str(data['id'])]}"


def _words(value: object) -> str:
    if isinstance(value, BaseModel):
        parts = ((key, one) for key, one in value.__dict__.items() if key != "says" and one not in (None, (), {}))
        return "; ".join(f"{key} {_words(one)}" for key, one in parts)
    if isinstance(value, Parameter):
        return _value(value)
    if isinstance(value, tuple):
        return ", ".join(_words(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{key} {_words(one)}" for key, one in value.items())
    return str(value)


def _value(one: Parameter) -> str:
    return ", ".join(f"{value} {one.unit} from {since}" for since, value in one.values.items())


def _parameter(one: Parameter) -> list[str]:
    low, high = one.range
    return [
        f"  {one.id} = {_value(one)} ({low} to {high})",
        f"    {one.says} Source: {one.source_of_value}.",
    ]
