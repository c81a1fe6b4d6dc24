"""Of every parameter that `definitions_2019` adds: it is described, and another value decides otherwise.

The people are those of the cases that ship with the set, and two hundred with random crossings, permissions and
enrolments. Only the stays of definitions that the set adds are compared: nothing else may change.
"""

import datetime as dt
import random
from functools import cache

import pytest
from rule_timelines import DATA_DATE, default_rules, observed, tax_year

from pipeline.ingest.contracts import read_contracts
from rules.cases import read_cases
from rules.evidence_sql import names_in_expressions
from rules.model import RuleSet
from rules.parameters import with_values
from rules.rule_file import SETS
from rules.rule_set import read_rules
from rules.timelines import Evidence, TimelinePerson, decide, drawn, piece_of_evidence

D = dt.date


@cache
def definitions() -> RuleSet:
    return read_rules(SETS / "definitions_2019.toml", read_contracts())


OF_EVIDENCE = {"foreign_student_enrolled.academic_year"}
"""Parameters of evidence rules: these cases begin with evidence."""
ADDED = sorted(set(definitions().parameters) - set(default_rules().parameters))


def test_every_parameter_is_described_and_says_where_its_value_comes_from() -> None:
    assert len(ADDED) > 25
    for name in ADDED:
        one = definitions().parameters[name]
        assert one.says.endswith("."), name
        assert len(one.source_of_value) > 10, name
        assert one.range[0] < one.range[1], name
        assert one.unit in ("days", "months", "years", "times"), name


def test_every_parameter_that_the_file_declares_is_named_by_a_rule() -> None:
    assert definitions().declared <= set(definitions().parameters)
    named = names_in_expressions(definitions().evidence)
    assert {name.rpartition(".")[2] for name in OF_EVIDENCE} <= named


def random_traveller(rng: random.Random) -> TimelinePerson:
    rules = {one.id: one for one in definitions().evidence.rules}
    day, inwards = D(2006, 1, 1) + dt.timedelta(rng.randrange(3600)), rng.random() < 0.8
    evidence: list[Evidence] = []
    for _ in range(rng.randrange(1, 12)):
        evidence.append(observed("border_in" if inwards else "border_out", day))
        inwards = not inwards if rng.random() < 0.9 else inwards
        day += dt.timedelta(rng.choice([10, 25, 45, 75, 100, 150, 200, 300, 340, 380, 400, 500, 700]))
        if day > DATA_DATE:
            break
    start = evidence[0]["date"] - dt.timedelta(rng.choice([0, 20, 100, 200, 400, 600]))
    for _ in range(rng.randrange(4)):
        end = start + dt.timedelta(rng.choice([90, 200, 400, 800]))
        kind = rng.choice(
            ["permission_to_stay", "permission_to_stay", "permission_to_visit", "foreign_student_enrolled"]
        )
        code = {"permission_to_visit": "visit", "foreign_student_enrolled": "study"}.get(kind)
        settled = kind == "permission_to_stay" and rng.random() < 0.2
        evidence.append(
            piece_of_evidence(
                rules[kind], start, None if settled else end,
                code=code or rng.choice(["study", "work", "extension", "protection"]),
            )
        )  # fmt: skip
        start = end + dt.timedelta(rng.choice([1, 20, 40, 90, 150, 250, 500]))
    if rng.random() < 0.3:
        evidence += [tax_year(year, rng.choice([9, 26, 52])) for year in range(2009, 2019) if rng.random() < 0.6]
    return TimelinePerson([one for one in evidence if one["date"] <= DATA_DATE], group="non_EU")


@cache
def people() -> tuple[TimelinePerson, ...]:
    rng = random.Random(5)
    cases = read_cases(SETS / "cases" / "definitions_2019.toml").case
    return (
        *(TimelinePerson(drawn(one.timeline, definitions()), one.born, one.group, one.died) for one in cases),
        *(random_traveller(rng) for _ in range(220)),
    )


def decided(values: dict[str, int | float]) -> tuple[list, list]:
    rules = with_values(definitions(), values) if values else definitions()
    found = decide(people(), rules, DATA_DATE, [2019])
    return sorted(found.stays.drop("days_over_threshold").rows(), key=str), sorted(found.migrations.rows(), key=str)


@cache
def as_it_is() -> tuple[list, list]:
    return decided({})


@pytest.mark.parametrize("name", sorted(set(ADDED) - OF_EVIDENCE))
def test_another_value_decides_otherwise(name: str) -> None:
    low, high = definitions().parameters[name].range
    value = definitions().parameters[name].value
    assert any(decided({name: other}) != as_it_is() for other in (high, low) if other != value)
