"""Sizes of what the rules decide, each worked by hand: windows, and shares of unfinished cases."""

import datetime as dt
from pathlib import Path

import pytest
from rule_timelines import DEFAULT, observed, outcome_of, outcomes_of, tax_year

from pipeline.ingest.contracts import read_contracts
from rules.rule_set import read_rules

D = dt.date


def stay(arrived: dt.date, *crossings: dt.date) -> list[dict]:
    """A stay on a permission to work, with alternate crossings outwards and inwards after it began."""
    rules = ("border_out", "border_in")
    return [
        observed("permission_to_stay", arrived, D(2022, 1, 1), code="work"),
        observed("border_in", arrived),
        *(observed(rules[number % 2], day) for number, day in enumerate(crossings)),
    ]


def later(evidence: list[dict], known_on: dt.date, crossings: int) -> list[dict]:
    """The same evidence, of which the last crossings are reported on a later day."""
    return [*evidence[:-crossings], *({**one, "known_on": known_on} for one in evidence[-crossings:])]


# Signs of residence: a window is (a year before the date, the date].


@pytest.mark.parametrize(("day", "years"), [(D(2016, 6, 30), {2016}), (D(2016, 7, 1), {2017})])
def test_a_sign_counts_for_one_reference_date_a_year(day: dt.date, years: set[int]) -> None:
    assert set(outcome_of([observed("nhs_posted", day)]).residents) == years


@pytest.mark.parametrize(("ends", "counts"), [(D(2016, 7, 1), False), (D(2016, 7, 2), True)])
def test_an_enrolment_counts_as_long_as_its_last_day_is_in_the_window(ends: dt.date, counts: bool) -> None:
    """`ends` is the first day without it: an enrolment until 30 June 2016 is no sign for 30 June 2017."""
    outcome = outcome_of([observed("student_enrolled", D(2015, 9, 20), ends)])
    assert (2017 in outcome.residents) == counts


# Unfinished absences on the data date, 31 December 2019: the share that lasted of those a year before.

AWAY = stay(D(2016, 9, 1), D(2018, 5, 1))
BACK = stay(D(2016, 9, 1), D(2018, 5, 1), D(2019, 2, 1))
LEFT = stay(D(2016, 9, 1), D(2019, 5, 1))


@pytest.mark.parametrize(("away", "back", "expected", "resident"), [(30, 10, 0.25, False), (10, 30, 0.75, True)])
def test_a_person_away_is_a_resident_as_far_as_such_people_return(
    away: int, back: int, expected: float, resident: bool
) -> None:
    """On 30 June 2019 the person has been away for two months; `back` of 40 were away as long, and returned."""
    outcome, *_ = outcomes_of([LEFT, *[AWAY] * away, *[BACK] * back], group="non_EU")
    assert outcome.probable[2019] == expected
    assert outcome.residents[2019] is resident


@pytest.mark.parametrize(
    ("left_again", "expected"),
    [
        (D(2018, 10, 31), 0.25),  # 183 days later: the same absence, which lasted, as 30 of 40 did
        (D(2018, 11, 1), 0.75),  # 184 days later: another one, so that 10 of 40 lasted
    ],
)
def test_an_absence_that_is_dated_again_is_the_same_within_183_days(left_again: dt.date, expected: float) -> None:
    """30 people had left on 1 May 2018, so it seemed that year; crossings reported since then show a later day."""
    dated_again = later(stay(D(2016, 9, 1), D(2018, 5, 1), D(2018, 5, 20), left_again), D(2019, 6, 1), crossings=2)
    others = [BACK] * 10 if expected == 0.25 else [AWAY] * 10
    outcome, *_ = outcomes_of([LEFT, *[dated_again] * 30, *others], group="non_EU")
    assert outcome.probable[2019] == expected


def test_an_absence_that_ended_by_death_here_has_not_lasted(tmp_path: Path) -> None:
    """Of two people away on 30 September 2018 one stayed away, one died here in November: absences last by half.

    The rules here call an absence of more than 180 days a departure: the death is longer ago than that.
    """
    short = tmp_path / "short.toml"
    short.write_text(
        DEFAULT.read_text().replace("value = 365", "value = 180").replace("value = 180", "value = 365", 1)
    )
    left_in_june = stay(D(2016, 9, 1), D(2018, 6, 1))
    died, away, leaver = outcomes_of(
        [left_in_june, left_in_june, stay(D(2016, 9, 1), D(2019, 6, 1))],
        died=D(2018, 11, 1),
        group="non_EU",
        data_date=D(2019, 9, 30),
        rule_set=read_rules(short, read_contracts()),
    )
    assert (died.ends, away.ends) == (["death"], ["departure"])
    assert leaver.probable[2019] == 0.5


def test_the_share_of_few_cases_is_drawn_towards_that_of_all() -> None:
    """All 30 who left in May 2018 stayed away, all 10 who left in November came back: of all, three quarters lasted.

    For a departure in November 2019 the 10 count with another 10, of whom three quarters lasted: 7.5 of 20.
    """
    came_back = stay(D(2016, 9, 1), D(2018, 11, 1), D(2019, 2, 1))
    leaver, *_ = outcomes_of([stay(D(2016, 9, 1), D(2019, 11, 1)), *[AWAY] * 30, *[came_back] * 10], group="non_EU")
    assert leaver.probabilities[-1] == 0.375


def test_the_end_of_a_whole_year_is_no_departure_like_that_within_a_year() -> None:
    """As of 2018, ten people seemed gone after a whole tax year, and worked again; ten left in May, and did not."""
    whole = [tax_year(year, 52) for year in range(2009, 2017)]
    quiet, gone = [*whole, tax_year(2018, 52)], [*whole, tax_year(2017, 5)]
    at_the_end, within = outcomes_of(
        [[*whole, tax_year(2017, 52)], [*whole, tax_year(2017, 52), tax_year(2018, 5)], *[quiet] * 10, *[gone] * 10]
    )[:2]
    assert at_the_end.migrations == []
    assert (within.migrations, within.probabilities) == (["emigration 2018-05 probable"], [1.0])


# Arrival flags.


@pytest.mark.parametrize(("registered", "arrives"), [(D(2017, 1, 25), True), (D(2017, 1, 26), False)])
def test_a_flag_within_730_days_after_the_first_weeks_makes_them_an_arrival(
    registered: dt.date, arrives: bool
) -> None:
    """Ten weeks before 6 April 2015 began on 26 January; 730 days later is 25 January 2017."""
    weeks = [tax_year(2014, 10), *(tax_year(year, 52) for year in range(2015, 2019))]
    outcome = outcome_of([*weeks, observed("worker_arrived", registered)], born=D(1995, 5, 1))
    assert outcome.composite["start"].to_list() == [D(2015, 1, 26)]
    assert outcome.migrations == ["immigration 2015-01 certain"] * arrives
