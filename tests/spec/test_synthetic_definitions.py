"""The truth under every definition, by hand: spells of presence in, statuses out."""

from datetime import date, timedelta

import pytest

from synthetic_data.truth.definitions import Crossing, after_months, crossings, statuses
from synthetic_data.truth.life import Life, Spell

BEGIN, HORIZON = date(2010, 1, 1), date(2021, 1, 1)
BIRTH = date(1985, 5, 5)
HOME = date(1985, 5, 5)
START = date(2015, 3, 1)


def after(days: int) -> date:
    return START + timedelta(days=days)


def statuses_under(
    definition: str, spells: list[Spell], *, birth: date = date(1980, 1, 1), death: date | None = None
) -> list:
    found = statuses(Life(spells, birth, death, BEGIN, HORIZON))
    return [f"{status.kind} {status.date}" for status in found if status.definition == definition]


STUDENT: list[Spell] = [
    (date(2015, 9, 20), date(2015, 12, 20)),
    (date(2016, 1, 10), date(2016, 6, 15)),
    (date(2016, 9, 20), date(2016, 12, 20)),
    (date(2017, 1, 10), date(2017, 6, 20)),
]
"""Two years of study, at home at Christmas (21 days) and in summer (97 days)."""


def test_a_student_is_long_term_from_the_first_day_by_days_from_a_later_one_and_never_without_a_break() -> None:
    """139 of the first 487 days are spent away (21, 97 and 21), more than 122, so the first arrival is no migration;
    of the 487 days from the return after Christmas on 118 are."""
    assert statuses_under("long_term", STUDENT) == ["immigration 2015-09-20", "emigration 2017-06-20"]
    assert statuses_under("days_365_of_487", STUDENT) == ["immigration 2016-01-10", "emigration 2017-06-20"]
    assert statuses_under("twelve_months", STUDENT) == []


def test_one_journey_fewer_makes_the_student_a_migrant_by_days_from_the_first_arrival() -> None:
    one_christmas = [*STUDENT[:2], (date(2016, 9, 20), date(2017, 6, 20))]
    assert statuses_under("days_365_of_487", one_christmas) == ["immigration 2015-09-20", "emigration 2017-06-20"]
    assert statuses_under("twelve_months", one_christmas) == []


def test_a_student_of_one_year_who_travels_is_no_migrant_by_days() -> None:
    one_year = [*STUDENT[:2], (date(2016, 9, 20), date(2016, 10, 20))]
    assert statuses_under("long_term", one_year) == ["immigration 2015-09-20", "emigration 2016-10-20"]
    assert statuses_under("days_365_of_487", one_year) == []


# --- twelve months without a break -----------------------------------------------------------------------------


def test_twelve_calendar_months_are_long_and_a_day_less_is_not() -> None:
    assert statuses_under("twelve_months", [(START, date(2016, 3, 1))]) == [
        f"immigration {START}",
        "emigration 2016-03-01",
    ]
    assert statuses_under("twelve_months", [(START, date(2016, 2, 29))]) == []


def test_a_journey_breaks_the_twelve_months_and_they_begin_anew_at_the_return() -> None:
    spells: list[Spell] = [(START, date(2015, 12, 1)), (date(2015, 12, 8), date(2018, 1, 1))]
    assert statuses_under("twelve_months", spells) == ["immigration 2015-12-08", "emigration 2018-01-01"]


def test_a_resident_stays_one_over_journeys_of_under_twelve_months() -> None:
    eleven_months_away: list[Spell] = [(HOME, date(2016, 1, 1)), (date(2016, 12, 31), None)]
    assert statuses_under("twelve_months", eleven_months_away) == []
    twelve: list[Spell] = [(HOME, date(2016, 1, 1)), (date(2017, 1, 1), None)]
    assert statuses_under("twelve_months", twelve) == ["emigration 2016-01-01", "immigration 2017-01-01"]


def test_a_visit_breaks_the_absence_of_a_leaver() -> None:
    visited: list[Spell] = [(HOME, date(2016, 1, 1)), (date(2016, 10, 1), date(2016, 10, 9))]
    assert statuses_under("twelve_months", visited) == ["emigration 2016-10-09"]
    assert statuses_under("long_term", visited) == ["emigration 2016-10-09"]


def test_the_first_long_interval_settles_the_residence_of_the_born_here_without_a_migration() -> None:
    born = date(2015, 1, 1)
    on_holiday: list[Spell] = [(born, date(2015, 8, 1)), (date(2015, 9, 1), None)]
    assert statuses_under("twelve_months", on_holiday, birth=born) == []
    taken_away: list[Spell] = [(born, date(2015, 4, 1)), (date(2017, 4, 1), None)]
    assert statuses_under("twelve_months", taken_away, birth=born) == ["immigration 2017-04-01"]
    assert statuses_under("days_365_of_487", taken_away, birth=born) == ["immigration 2017-04-01"]
    assert statuses_under("short_term_3_to_12", taken_away, birth=born) == []


def test_death_is_no_emigration_under_any_definition() -> None:
    dies: list[Spell] = [(START, date(2018, 1, 1))]
    for definition in ("long_term", "twelve_months", "days_365_of_487"):
        assert statuses_under(definition, dies, death=date(2018, 1, 1)) == [f"immigration {START}"]
    soon: list[Spell] = [(START, after(200))]
    assert list(statuses(Life(soon, BIRTH, after(200), BEGIN, HORIZON))) == []


def test_a_stay_that_ended_before_2010_has_no_status() -> None:
    assert list(statuses(Life([(date(2007, 1, 1), date(2009, 12, 31))], BIRTH, None, BEGIN, HORIZON))) == []


def test_days_count_the_time_until_the_next_migration() -> None:
    spells: list[Spell] = [(START, after(400)), (after(1000), None)]
    found = [status.days for status in statuses(Life(spells, BIRTH, None, BEGIN, HORIZON))]
    assert found[:3] == [400, 600, None]


# --- 365 of 487 days: a dozen histories, observed to the end of 2018 -------------------------------------------

YES, NO, OPEN = True, False, None
END = date(2018, 12, 31)
HISTORIES = {
    "365 of 487 days in one piece": (
        [("2015-01-01", "2016-01-01")], NO,
        [(NO, YES, YES), (YES, NO, YES)],
    ),
    "364 of 487 days": ([("2015-01-01", "2015-12-31")], NO, [(NO, NO, NO), (NO, NO, NO)]),
    "365 of 487 days in two pieces, 122 away": (
        [("2015-01-01", "2015-07-01"), ("2015-10-31", "2016-06-01")], NO,
        [(NO, YES, YES), (YES, YES, NO), (YES, YES, NO), (YES, NO, YES)],
    ),
    "123 days away": (
        [("2015-01-01", "2015-07-01"), ("2015-11-01", "2016-06-01")], NO,
        [(NO, NO, NO), (NO, NO, NO), (NO, NO, NO), (NO, NO, NO)],
    ),
    "the second arrival is the one that counts": (
        [("2015-01-01", "2015-02-01"), ("2015-09-01", None)], NO,
        [(NO, NO, NO), (NO, NO, NO), (NO, YES, YES)],
    ),
    "a resident who is away for 365 days of 487": (
        [(None, "2015-01-01"), ("2016-01-01", None)], YES,
        [(YES, NO, YES), (NO, YES, YES)],
    ),
    "a resident who is away for 364 days": (
        [(None, "2015-01-01"), ("2015-12-31", None)], YES,
        [(YES, YES, NO), (YES, YES, NO)],
    ),
    "a resident who visits for 122 days in the sixteen months after the departure has left": (
        [(None, "2015-01-01"), ("2015-06-01", "2015-10-01")], YES,
        [(YES, NO, YES), (NO, NO, NO), (NO, NO, NO)],
    ),
    "too near to the end to decide": ([("2018-10-01", None)], NO, [(NO, OPEN, OPEN)]),
    "365 days are there before the window ends": ([("2017-12-31", None)], NO, [(NO, YES, YES)]),
    "one day too few before the end": ([("2018-01-01", None)], NO, [(NO, OPEN, OPEN)]),
    "123 days away before the window ends": (
        [("2018-01-01", "2018-08-30")], NO,
        [(NO, NO, NO), (NO, NO, NO)],
    ),
    "after an open arrival a departure within 243 days is no migration, and the rest is open": (
        [("2018-02-01", "2018-10-01"), ("2018-10-15", "2018-12-01")], NO,
        [(NO, OPEN, OPEN), (OPEN, OPEN, NO), (OPEN, OPEN, OPEN), (OPEN, OPEN, OPEN)],
    ),
    "after an open arrival a departure after 243 days is open": (
        [("2018-02-01", "2018-10-02")], NO,
        [(NO, OPEN, OPEN), (OPEN, OPEN, OPEN)],
    ),
}  # fmt: skip
"""Spells of presence, residence before, and (before, after, migration) of every crossing."""


@pytest.mark.parametrize("history", HISTORIES)
def test_crossings_under_the_rule_of_365_in_487_days(history: str) -> None:
    texts, resident, expected = HISTORIES[history]
    spells: list[Spell] = [(_day(start or "1985-05-05"), _day(end) if end else None) for start, end in texts]
    arrivals = [(_day(start), True) for start, _ in texts if start]
    events = sorted(arrivals + [(_day(end), False) for _, end in texts if end])
    found = crossings(events, spells, resident=resident, until=END)
    assert found == [Crossing(on, arrival, *of) for (on, arrival), of in zip(events, expected, strict=True)]


def _day(text: str) -> date:
    return date.fromisoformat(text)


def test_the_rule_of_nine_in_twelve_months_is_the_same_with_other_numbers() -> None:
    spells: list[Spell] = [(date(2015, 1, 1), date(2015, 10, 2))]  # 274 days
    events = [(date(2015, 1, 1), True), (date(2015, 10, 2), False)]
    found = crossings(events, spells, resident=False, until=END, days=274, window=365)
    assert [crossing.is_migration for crossing in found] == [True, True]


# --- visits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "length"),
    [
        (date(2015, 3, 31), None),
        (date(2015, 4, 1), "1_to_3_months"),
        (date(2015, 5, 31), "1_to_3_months"),
        (date(2015, 6, 1), "3_to_6_months"),
        (date(2015, 9, 1), "6_to_12_months"),
        (date(2016, 2, 29), "6_to_12_months"),
        (date(2016, 3, 1), None),
    ],
)
def test_visits_are_classed_by_calendar_months(end: date, length: str | None) -> None:
    assert statuses_under("short_term_1_to_12", [(START, end)]) == ([f"{length} {START}"] if length else [])
    long_enough = length in ("3_to_6_months", "6_to_12_months")
    assert statuses_under("short_term_3_to_12", [(START, end)]) == ([f"visit {START}"] if long_enough else [])


def test_a_journey_makes_two_visits_of_one_and_residents_make_none() -> None:
    twice: list[Spell] = [(START, date(2015, 5, 1)), (date(2015, 5, 8), date(2015, 8, 9))]
    assert statuses_under("short_term_3_to_12", twice) == ["visit 2015-05-08"]
    assert statuses_under("short_term_1_to_12", STUDENT) == []


def test_a_return_visit_of_an_emigrant_is_a_visit_and_one_that_is_not_over_is_open() -> None:
    back: list[Spell] = [(HOME, date(2013, 1, 1)), (date(2016, 1, 1), date(2016, 5, 1))]
    assert statuses_under("short_term_3_to_12", back) == ["visit 2016-01-01"]
    assert statuses_under("short_term_3_to_12", [(date(2020, 3, 1), date(2020, 7, 1))]) == []


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2015, 11, 30), 3, date(2016, 2, 29)),
        (date(2016, 2, 29), 12, date(2017, 2, 28)),
        (date(2015, 12, 31), 1, date(2016, 1, 31)),
        (date(2015, 12, 15), 12, date(2016, 12, 15)),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last_one(start: date, months: int, end: date) -> None:
    assert after_months(start, months) == end


# --- circular migrants -----------------------------------------------------------------------------------------


def test_three_changes_of_residence_within_ten_years_are_circular() -> None:
    """Each must be followed by twelve months without a crossing; 90 days are enough for the looser variant."""
    years = [date(year, 1, 1) for year in range(2011, 2020)]
    thrice: list[Spell] = [(years[0], years[2]), (years[4], years[6])]
    assert statuses_under("circular", thrice) == ["third_change 2015-01-01"]
    assert statuses_under("circular", [(years[0], years[2]), (years[4], None)]) == ["third_change 2015-01-01"]
    assert statuses_under("circular", [(HOME, years[2]), (years[4], None)]) == []
    assert statuses_under("circular", [(years[0], years[2])]) == []
    seasons: list[Spell] = [(date(2015, 4, 1), date(2015, 8, 1)), (date(2016, 4, 1), date(2016, 8, 1))]
    assert statuses_under("circular", seasons) == []
    assert statuses_under("circular_90_days", seasons) == ["third_change 2016-04-01"]


def test_three_changes_over_more_than_ten_years_are_not_circular() -> None:
    slow: list[Spell] = [(date(2010, 1, 1), date(2015, 1, 1)), (date(2020, 1, 1), None)]
    assert statuses_under("circular", slow) == ["third_change 2020-01-01"]
    slower: list[Spell] = [(date(2010, 1, 1), date(2015, 1, 1)), (date(2020, 1, 2), None)]
    assert statuses_under("circular_90_days", slower) == []
