"""One move is one migration, whoever records it, under whatever permission and of whatever nationality."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_timelines import observed, outcome_of, outcomes_of, tax_year

from pipeline.schemas import NATIONALITY_GROUPS

D = date
CAME, LEFT = D(2015, 9, 10), D(2018, 3, 1)
CROSSED = [observed("border_in", CAME), observed("border_out", LEFT)]


@settings(deadline=None, max_examples=15)
@given(
    changes=st.lists(st.dates(D(2015, 11, 1), D(2018, 1, 1)), max_size=3, unique=True),
    codes=st.lists(st.sampled_from(["study", "work", "family"]), min_size=4, max_size=4),
)
def test_a_change_of_visa_neither_makes_nor_hides_a_migration(changes: list[date], codes: list[str]) -> None:
    """However often the permission changes, there is one arrival and one departure, on the days of the crossings."""
    opens = [D(2015, 9, 1), *sorted(changes)]
    closes = [*opens[1:], D(2018, 6, 1)]
    permissions = [
        observed("permission_to_stay", start, end, code=code)
        for start, end, code in zip(opens, closes, codes, strict=False)
    ]
    found = outcome_of([*CROSSED, *permissions], group="non_EU")
    assert found.migration_rows.sort("date").select("direction", "date", "probability").rows() == [
        ("immigration", CAME, 1.0),
        ("emigration", LEFT, 1.0),
    ]


def test_a_change_of_visa_without_travel_is_no_departure() -> None:
    study = observed("permission_to_stay", D(2015, 9, 1), D(2016, 9, 1), code="study")
    work = observed("permission_to_stay", D(2016, 9, 1), D(2021, 9, 1), code="work")
    assert outcome_of([CROSSED[0], study, work], group="non_EU").migrations == ["immigration 2015-09 certain"]


STAYED = [
    [*CROSSED, observed("permission_to_stay", D(2015, 9, 1), D(2018, 6, 1), code="work")],
    [observed("worker_arrived", CAME), *(tax_year(year, 52) for year in (2016, 2017)), tax_year(2015, 29)],
    [observed("nhs_first_from_abroad", CAME), observed("student_enrolled", CAME, D(2018, 7, 1))],
]


@pytest.mark.parametrize("evidence", STAYED, ids=["travel", "work", "study"])
def test_a_change_of_nationality_neither_makes_nor_hides_a_migration(evidence: list[dict]) -> None:
    """The same records give the same migrations and residence, whatever group the person is in, or becomes."""
    found = [outcome_of(evidence, group=group) for group in NATIONALITY_GROUPS]
    certain = [one.migration_rows.filter(status="certain").drop("person_id").rows() for one in found]
    assert all(certain)
    assert certain == certain[:1] * len(NATIONALITY_GROUPS)
    assert [one.residents for one in found] == [found[0].residents] * len(NATIONALITY_GROUPS)


@pytest.mark.parametrize(
    ("evidence", "born", "expected"),
    [
        (STAYED[1], D(1985, 5, 1), "immigration 2015-09 certain"),
        (STAYED[2], D(1995, 5, 1), "immigration 2015-09 certain"),
        (
            [observed("nhs_flag_4", CAME), *(observed("nhs_listed", D(year, 7, 31)) for year in range(2016, 2020))],
            D(2010, 5, 1),
            "immigration 2015-09 certain",
        ),
        (
            [observed("permission_to_stay", CAME, D(2018, 6, 1), code="family")],
            D(1985, 5, 1),
            "immigration 2015-09 certain",
        ),
    ],
    ids=["who works", "who studies", "a child on a list", "with a permission alone"],
)
def test_a_person_without_border_data_is_no_silent_non_migrant(
    evidence: list[dict], born: date, expected: str
) -> None:
    assert not [one for one in evidence if one["rule_id"].startswith("border")]
    assert expected in outcome_of(evidence, born=born).migrations


def test_a_single_arrival_is_not_taken_for_a_visit_where_weeks_show_a_stay() -> None:
    """A visit of 180 days would be assumed of the crossing alone; three whole tax years show that she stayed."""
    arrived = observed("border_in", CAME)
    alone = outcome_of([arrived], group="non_EU")
    assert (alone.classes, alone.migrations) == (["short_term"], [])
    worked = outcome_of([arrived, tax_year(2015, 29), *(tax_year(year, 52) for year in range(2016, 2019))])
    assert worked.migrations == ["immigration 2015-09 certain"]
    assert worked.classes == ["long_term"]


def test_the_end_of_a_permission_is_no_departure_where_weeks_show_that_the_person_stayed() -> None:
    """One crossing inwards, a permission to September 2017, and whole tax years to April 2019: still here."""
    permitted = [
        observed("border_in", CAME),
        observed("permission_to_stay", D(2015, 9, 1), D(2017, 9, 1), code="study"),
    ]
    alone = outcome_of(permitted, group="non_EU")
    assert alone.migrations == ["immigration 2015-09 certain", "emigration 2017-08 certain"]
    weeks = [tax_year(2016, 20), tax_year(2017, 52), tax_year(2018, 52)]
    assert outcome_of([*permitted, *weeks], group="non_EU").migrations == ["immigration 2015-09 certain"]
    some_weeks = [tax_year(2016, 20), tax_year(2017, 26)]
    left = outcome_of([*permitted, *some_weeks], group="non_EU")
    assert left.migrations == ["immigration 2015-09 certain", "emigration 2017-08 certain"]


def test_a_list_does_not_keep_anybody_beyond_the_end_of_a_permission() -> None:
    permitted = [
        observed("border_in", CAME),
        observed("permission_to_stay", D(2015, 9, 1), D(2017, 9, 1), code="study"),
    ]
    listed = [
        observed("nhs_posted", D(2015, 10, 1)),
        *(observed("nhs_listed", D(year, 7, 31)) for year in range(2016, 2020)),
    ]
    found = outcome_of([*permitted, *listed], group="non_EU")
    assert found.migrations == ["immigration 2015-09 certain", "emigration 2017-08 certain"]


def test_a_single_departure_is_an_emigration_where_weeks_show_that_the_person_lived_here() -> None:
    left = observed("border_out", D(2017, 6, 1))
    alone = outcome_of([left], group="non_EU")
    assert alone.migrations == []
    worked = outcome_of([*(tax_year(year, 52) for year in range(2009, 2017)), tax_year(2017, 8), left])
    assert worked.migrations == ["emigration 2017-06 certain"]


@pytest.mark.parametrize(
    "evidence",
    [
        [
            observed("worker_arrived", CAME), observed("nhs_first_from_abroad", D(2016, 3, 20)),
            observed("nhs_flag_4", D(2017, 1, 15)), tax_year(2015, 29),
            *(tax_year(year, 52) for year in range(2016, 2019)),
        ],
        [
            observed("student_from_abroad", CAME), observed("nhs_first_from_abroad", D(2015, 12, 1)),
            observed("nhs_flag_4", D(2016, 2, 1)), observed("student_enrolled", CAME, D(2018, 7, 1)),
        ],
    ],
    ids=["active", "registered"],
)  # fmt: skip
def test_flags_of_one_move_make_one_migration_on_the_stated_day(evidence: list[dict]) -> None:
    """The NHS registers months after the arrival that the person, or the university, states."""
    arrivals = outcome_of(evidence).migration_rows.filter(direction="immigration")
    assert arrivals["date"].to_list() == [CAME]
    assert arrivals["dated_by"].to_list() == [evidence[0]["rule_id"]]


def test_a_flag_outside_the_window_is_another_move() -> None:
    """Registered from abroad four years after the first arrival, with a gap of activity between: two immigrations."""
    first = [observed("worker_arrived", D(2012, 5, 1)), tax_year(2012, 45), tax_year(2013, 40)]
    again = [observed("nhs_first_from_abroad", D(2017, 5, 1)), tax_year(2017, 47), tax_year(2018, 52)]
    one, two = outcomes_of([first, [*first, *again]])
    assert [row.split()[0] for row in one.migrations].count("immigration") == 1
    assert [row.split()[0] for row in two.migrations].count("immigration") == 2
