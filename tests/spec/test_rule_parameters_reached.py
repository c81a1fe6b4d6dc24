"""Of every parameter of the set that ships: it is described, a rule names it, and another value decides otherwise.

The people are those of the cases that ship, some more drawn here, and two hundred with random crossings, weeks and
registrations. A parameter that no value in its range can make decide anything about them is not reached.
"""

import datetime as dt
import random
from functools import cache

import pytest
from rule_timelines import DATA_DATE, default_rules, observed, tax_year

from rules.cases import read_cases
from rules.evidence_sql import names_in_expressions
from rules.parameters import with_values
from rules.rule_file import SETS
from rules.timelines import Decisions, TimelinePerson, decide, drawn

D = dt.date
PARAMETERS = default_rules().parameters
OF_EVIDENCE = {"student_enrolled.academic_year": "test_rule_evidence.py"}
"""Parameters of evidence rules, and the test that reaches each: the others begin with evidence."""
OF_RECORDS = {name for name in PARAMETERS if name.startswith("nationality.")}
"""Parameters of nationality, which is read from records: `test_rule_people.py` reaches them."""
OF_ADDRESSES = {"household.younger_by_at_least", "household.younger_by_at_most"}
"""Parameters by which households are found, from addresses: `test_rule_quiet_people.py` reaches them."""


def test_every_parameter_is_described_and_says_where_its_value_comes_from() -> None:
    assert len(PARAMETERS) > 30
    for one in PARAMETERS.values():
        assert one.says.endswith("."), one.id
        assert len(one.source_of_value) > 10, one.id
        assert one.range[0] < one.range[1], one.id


def test_every_parameter_that_the_file_declares_is_named_by_a_rule() -> None:
    assert default_rules().declared <= set(PARAMETERS)


def test_parameters_of_evidence_rules_are_named_in_their_expressions() -> None:
    named = names_in_expressions(default_rules().evidence)
    assert {name.rpartition(".")[2] for name in OF_EVIDENCE} <= named


def random_person(rng: random.Random) -> TimelinePerson:
    """A person with some of everything, in the ten years before the data date."""

    def day(first: int = 2010) -> dt.date:
        return D(first, 1, 1) + dt.timedelta(rng.randrange((DATA_DATE - D(first, 1, 1)).days))

    evidence: list[dict] = []
    born = D(rng.randrange(1945, 2012), rng.randrange(1, 13), 1)
    if rng.random() < 0.5:
        worked = rng.choice([2009, 2012, 2015, 2017])
        evidence += [
            tax_year(year, rng.choice([2, 3, 13, 45, 50, 51, 52, 52]))
            for year in range(worked, 2019)
            if rng.random() < 0.8
        ]
        evidence += [observed("worker_arrived", day(), code="work")] if rng.random() < 0.5 else []
    if rng.random() < 0.5:
        evidence += [
            observed(rng.choice(["border_in", "border_in", "border_out"]), day(2014))
            for _ in range(rng.randrange(1, 5))
        ]
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        start = day(2012)
        end = start + dt.timedelta(rng.choice([90, 200, 400, 1000]))
        settled = rng.random() < 0.2
        code = "settlement" if settled else rng.choice(["study", "work"])
        evidence.append(
            observed("permission_to_stay", start, None if settled or rng.random() < 0.3 else end, code=code)
        )
    if rng.random() < 0.6:
        evidence += [observed("nhs_posted", day()) for _ in range(rng.randrange(3))]
        evidence += [
            observed("nhs_listed", D(year, 7, 31))
            for year in range(rng.randrange(2010, 2016), rng.randrange(2016, 2020))
        ]
        evidence += [observed("nhs_moved", day())] if rng.random() < 0.4 else []
        evidence += [observed("nhs_first_from_abroad", day())] if rng.random() < 0.4 else []
        evidence += [observed("nhs_removed", day(), code="embarked")] if rng.random() < 0.2 else []
    return TimelinePerson(evidence, born, rng.choice(["EU", "non_EU", "British"]))


def recent(days_before: int, gone_after: int | None) -> TimelinePerson:
    """A person on a visa who came so many days before the data date, and left after some, or is here."""
    came = DATA_DATE - dt.timedelta(days_before)
    evidence = [observed("border_in", came), observed("permission_to_stay", came, D(2022, 1, 1), code="work")]
    if gone_after is not None:
        evidence.append(observed("border_out", came + dt.timedelta(gone_after)))
    return TimelinePerson(evidence, group="non_EU")


LISTED = [observed("nhs_listed", D(year, 7, 31)) for year in range(2014, 2020)]
QUIET = (
    # a child of seventeen, one who moves four months after the mother has left, and the mother
    TimelinePerson([observed("nhs_posted", D(1999, 5, 3)), *LISTED], D(1999, 5, 1), "British"),
    TimelinePerson(
        [observed("nhs_posted", D(2010, 5, 3)), *LISTED, observed("nhs_moved", D(2016, 12, 20)),
         observed("nhs_posted", D(2016, 12, 20))], D(2010, 5, 1), "British",
    ),
    TimelinePerson([*(tax_year(year, 52) for year in range(2009, 2016)), tax_year(2016, 20)], group="British"),
    # twenty years old, registered from abroad, and then only listed
    TimelinePerson([observed("nhs_first_from_abroad", D(2016, 6, 1)), *LISTED[3:]], D(1996, 5, 1)),
    TimelinePerson(
        [observed("student_from_abroad", D(2014, 9, 20)), observed("student_enrolled", D(2014, 9, 20), D(2017, 7, 1)),
         *LISTED[1:]], D(1995, 1, 1),
    ),
    TimelinePerson([*(tax_year(year, 52) for year in range(2009, 2019)),
                    observed("nhs_removed", D(2019, 10, 1), code="embarked")], group="British"),
    TimelinePerson([observed("worker_arrived", D(2018, 5, 10)), tax_year(2018, 44)]),
    TimelinePerson(
        [observed("border_in", D(2013, 9, 10)), observed("permission_to_stay", D(2013, 9, 1), D(2015, 9, 1),
        code="study"),
         tax_year(2014, 20), tax_year(2015, 52), tax_year(2016, 4)], group="non_EU",
    ),
)  # fmt: skip
FAMILIES = [(1, 3), (2, 3)]
TWO_OR_ONE = [
    # one stops working, the other begins; two stop four months apart
    *(
        TimelinePerson([tax_year(year, 52) for year in years], group="British")
        for years in (range(2009, 2016), range(2016, 2019))
    ),
    *(
        TimelinePerson([*(tax_year(year, 52) for year in range(2009, 2015)), tax_year(2015, weeks)])
        for weeks in (45, 27)
    ),
]
POSSIBLY_ONE = [(1, 2, 0.6), (3, 4, 0.6)]


@cache
def people() -> tuple[TimelinePerson, ...]:
    rng = random.Random(8)
    cases = read_cases(SETS / "cases" / "long_term_2019.toml")
    drawn_here = [
        TimelinePerson(drawn(one.timeline, default_rules()), one.born, one.group, one.died) for one in cases.case
    ]
    # of the year before: 45 who came as recently stayed or left early; some of this year are not decided yet
    year_before = [recent(days, gone) for days in (480, 520, 600) for gone in (40, None, None) for _ in range(5)]
    open_cases = [recent(days, None) for days in (120, 150, 230, 300)] + [recent(900, 800), recent(1300, 800)]
    absent_before = [recent(1500, 1500 - days) for days in (450, 500, 550) for _ in range(6)]
    many_of_one_band = [recent(480, None) for _ in range(35)]
    gap_of_three_weeks = TimelinePerson(
        [
            observed("permission_to_stay", D(2014, 1, 5), D(2016, 6, 1), code="study"),
            observed("permission_to_stay", D(2016, 6, 21), D(2019, 1, 1), code="work"),
            observed("border_in", D(2014, 1, 5)),
            observed("border_out", D(2015, 1, 5)),
            observed("border_out", D(2018, 3, 1)),  # came back on the one permission or on the other
        ],
        group="non_EU",
    )
    return (
        *QUIET,
        *TWO_OR_ONE,
        gap_of_three_weeks,
        *many_of_one_band,
        *drawn_here,
        *year_before,
        *open_cases,
        *absent_before,
        *(random_person(rng) for _ in range(200)),
    )


def decided(values: dict[str, int | float]) -> Decisions:
    rules = with_values(default_rules(), values) if values else default_rules()
    two = [(len(QUIET) + one, len(QUIET) + other, probability) for one, other, probability in POSSIBLY_ONE]
    return decide(people(), rules, DATA_DATE, range(2015, 2020), FAMILIES, two)


def tables_of(found: Decisions) -> tuple[list, ...]:
    return (
        sorted(found.stays.drop("days_over_threshold").rows(), key=str),
        sorted(found.migrations.rows(), key=str),
        sorted(found.late_migrations.rows(), key=str),
        sorted(found.residents.rows(), key=str),
    )


@cache
def as_it_is() -> tuple[list, ...]:
    return tables_of(decided({}))


@pytest.mark.parametrize("name", sorted(set(PARAMETERS) - set(OF_EVIDENCE) - OF_ADDRESSES - OF_RECORDS))
def test_another_value_decides_otherwise(name: str) -> None:
    low, high = PARAMETERS[name].range
    assert any(
        tables_of(decided({name: value})) != as_it_is() for value in (high, low) if value != PARAMETERS[name].value
    )
