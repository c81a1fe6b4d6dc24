"""Continuous stays, the ladder, circular movers and days present, against slow and obvious Python."""

from calendar import monthrange
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.lengths_of_stay.circular import circular_movers
from rules.lengths_of_stay.continuous import continuous, without_short_absences, without_short_visits
from rules.lengths_of_stay.crossings import NEVER, Crossings
from rules.lengths_of_stay.days_present import days_present
from rules.lengths_of_stay.duration import NINETY_DAYS, TWELVE_MONTHS, Duration
from rules.lengths_of_stay.presence import Presence
from rules.lengths_of_stay.spells import between, rung, spells
from tests.slow_stays import Crossing, with_missing_crossings

EPOCH = date(1970, 1, 1)


def number(day):
    return (day - EPOCH).days


def after_months(day, months):
    """The same day of the month some months later, or the last one of a shorter month; days are numbers."""
    on = EPOCH + timedelta(days=day)
    year, month = divmod(on.year * 12 + on.month - 1 + months, 12)
    return number(date(year, month + 1, min(on.day, monthrange(year, month + 1)[1])))


def arrays(people):
    crossings = Crossings(
        np.array([position == 0 for _, own in people for position in range(len(own))], dtype=np.bool_),
        np.array([crossing.day for _, own in people for crossing in own], dtype=np.int32),
        np.array([crossing.is_arrival for _, own in people for crossing in own], dtype=np.bool_),
    )
    return crossings, np.array([resident for resident, own in people for _ in own], dtype=np.bool_)


def answers(column):
    return [None if value < 0 else bool(value) for value in column]


@st.composite
def people_of_years(draw):
    """People whose gaps lie around 12 months, 90 days and a month, over leap years."""
    gaps = st.one_of(st.sampled_from([0, 1, 28, 30, 31, 89, 90, 91, 364, 365, 366, 367]), st.integers(0, 900))
    people = []
    for _ in range(draw(st.integers(1, 4))):
        start = number(date(2011, 2, 27)) + draw(st.integers(0, 400))
        days = np.cumsum([start, *draw(st.lists(gaps, max_size=9))]).tolist()
        first, alternating = draw(st.booleans()), draw(st.booleans())
        directions = [
            (position % 2 == 0) == first if alternating else draw(st.booleans()) for position in range(len(days))
        ]
        people.append((draw(st.booleans()), [Crossing(*pair) for pair in zip(days, directions, strict=True)]))
    return people


ENDS = st.integers(number(date(2012, 1, 1)), number(date(2020, 3, 1)))


def end_of_state(position, own):
    """The day on which the presence or absence after a crossing ends, None if no later crossing is known."""
    complete = with_missing_crossings(own)
    # the crossing's place among all: two crossings of one direction have another one between them
    place = position + sum(own[i].is_arrival == own[i + 1].is_arrival for i in range(position))
    return complete[place + 1].day if place + 1 < len(complete) else None


def slow_continuous(resident, own, over, observed_to):
    """Rows of before, after, migration; `over` gives the day on which the least stay is over."""
    rows, before = [], resident
    for position, crossing in enumerate(own):
        if before is None:
            rows.append((None, None, None))
        elif crossing.is_arrival == before:
            rows.append((before, before, False))
        else:
            end = end_of_state(position, own)
            seen = end is not None and end <= observed_to
            lasted = (end if seen else observed_to) - over(crossing.day) >= 0
            migration = True if lasted else False if seen else None
            after = {True: crossing.is_arrival, False: before, None: None}[migration]
            rows.append((before, after, migration))
            before = after
    return rows


LEAST = [(TWELVE_MONTHS, lambda day: after_months(day, 12)), (NINETY_DAYS, lambda day: day + 90)]


@settings(max_examples=300, deadline=None)
@given(people_of_years(), ENDS, st.sampled_from(LEAST))
def test_continuous_stays(people, observed_to, least):
    duration, over = least
    found = continuous(*arrays(people), observed_to, duration)
    rows = list(zip(answers(found.before), answers(found.after), answers(found.migration), strict=True))
    assert rows == [row for resident, own in people for row in slow_continuous(resident, own, over, observed_to)]


def slow_circular(rows, own, certain):
    """The first day of a change that is the third within ten years, None if there is none."""
    dates = [
        crossing.day
        for crossing, (_, _, migration) in zip(own, rows, strict=True)
        if migration or (migration is None and not certain)
    ]
    for first, third in zip(dates, dates[2:], strict=False):
        if third <= after_months(first, 120):
            return third
    return None


@settings(max_examples=300, deadline=None)
@given(people_of_years(), ENDS, st.sampled_from(LEAST))
def test_circular_movers(people, observed_to, least):
    duration, over = least
    found = circular_movers(*arrays(people), observed_to, least=duration)
    for at, (resident, own) in enumerate(people):
        rows = slow_continuous(resident, own, over, observed_to)
        since = slow_circular(rows, own, certain=True)
        expected = True if since is not None else None if slow_circular(rows, own, certain=False) else False
        assert answers(found.is_circular)[at] == expected
        assert found.since[at] == (NEVER if since is None else since)


def test_ten_years_to_the_day_are_within_ten_years():
    days = [date(2001, 3, 1), date(2005, 6, 1), date(2011, 3, 1)]
    for shift, expected in ((0, True), (1, False)):
        own = [Crossing(number(day), at % 2 == 0) for at, day in enumerate(days)]
        own[2] = Crossing(own[2].day + shift, True)
        found = circular_movers(*arrays([(False, own)]), number(date(2015, 1, 1)))
        assert answers(found.is_circular) == [expected]


def slow_spells(own):
    """Pairs of first and last day; None for what nobody knows."""
    complete = with_missing_crossings(own)
    found = [] if complete[0].is_arrival else [(None, complete[0].day)]
    for crossing, following in zip(complete, [*complete[1:], None], strict=True):
        if crossing.is_arrival:
            found.append((crossing.day, None if following is None else following.day))
    return found


def slow_rung(start, end, observed_to):
    if start is None:
        return -1
    last = observed_to if end is None or end > observed_to else end
    rungs = [at for at, months in enumerate((0, 1, 3, 6, 12)) if after_months(start, months) <= last]
    highest = max(rungs, default=0)
    return highest if last == end or highest == 4 else -1


@settings(max_examples=300, deadline=None)
@given(people_of_years(), ENDS)
def test_spells_and_the_ladder(people, observed_to):
    crossings, _ = arrays(people)
    found = spells(crossings)
    expected = [(at, *pair) for at, (_, own) in enumerate(people) for pair in slow_spells(own)]
    ends = [None if end == NEVER else end for end in found.end.tolist()]
    starts = [None if start == -NEVER else start for start in found.start.tolist()]
    assert list(zip(found.person.tolist(), starts, ends, strict=True)) == expected
    assert rung(found, observed_to).tolist() == [slow_rung(*pair, observed_to) for _, *pair in expected]
    short = answers(between(found, Duration(months=1), TWELVE_MONTHS, observed_to))
    for answer, (_, start, end) in zip(short, expected, strict=True):
        step = slow_rung(start, end, observed_to)
        if step >= 0:
            assert answer == (1 <= step <= 3)
        else:
            assert answer is None
    for row, start in zip(found.arrival, found.start, strict=True):
        assert row < 0 or (crossings.is_arrival[row] and crossings.day[row] == start)
    for row, end in zip(found.departure, found.end, strict=True):
        assert row < 0 or (not crossings.is_arrival[row] and crossings.day[row] == end)


def test_the_rungs_of_the_ladder_are_calendar_months():
    start = number(date(2015, 1, 31))
    ends = [
        date(2015, 2, 27),
        date(2015, 2, 28),
        date(2015, 4, 30),
        date(2015, 7, 31),
        date(2016, 1, 30),
        date(2016, 1, 31),
    ]
    people = [(False, [Crossing(start, True), Crossing(number(end), False)]) for end in ends]
    found = spells(arrays(people)[0])
    assert rung(found, number(date(2020, 1, 1))).tolist() == [0, 1, 2, 3, 3, 4]
    # while somebody is still here, only the top of the ladder is certain
    assert rung(found, number(date(2016, 1, 30))).tolist() == [0, 1, 2, 3, 3, -1]


@settings(max_examples=200, deadline=None)
@given(people_of_years(), st.integers(0, 100), st.booleans())
def test_short_absences_and_visits_are_left_out(people, days, visits):
    crossings, _ = arrays(people)
    kept = (without_short_visits if visits else without_short_absences)(crossings, days).tolist()
    expected, at = [], 0
    for _, own in people:
        left_out = set()
        for position, (one, following) in enumerate(pairwise(own)):
            pair = one.is_arrival == visits and following.is_arrival != visits
            if pair and following.day - one.day <= days:
                left_out |= {position, position + 1}
        expected += [at + position for position in range(len(own)) if position not in left_out]
        at += len(own)
    assert kept == expected


def slow_days_present(own, start, observed_to):
    complete = with_missing_crossings(own)
    if after_months(start, 16) > observed_to:
        return -1
    count = 0
    for day in range(start + 1, after_months(start, 14) + 1):
        earlier = [crossing.is_arrival for crossing in complete if crossing.day < day]
        count += earlier[-1] if earlier else not complete[0].is_arrival
    return count


def test_days_present_of_a_student_who_is_home_for_the_summer():
    """Fourteen months from 20 September 2015 end on 20 November 2016; sixteen months on 20 January 2017."""
    start = number(date(2015, 9, 20))
    home = [date(2015, 12, 20), date(2016, 1, 10), date(2016, 6, 15), date(2016, 9, 20)]
    own = [Crossing(start, True), *(Crossing(number(day), at % 2 == 1) for at, day in enumerate(home))]
    for last, expected in ((date(2017, 1, 20), 427 - 21 - 97), (date(2017, 1, 19), -1)):
        presence = Presence(arrays([(False, own)])[0], number(last))
        assert days_present(presence, np.array([0], np.int32), np.array([start], np.int32)).tolist() == [expected]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_days_present(data):
    people = data.draw(people_of_years())
    observed_to = data.draw(ENDS)
    crossings, _ = arrays(people)
    chosen = data.draw(st.lists(st.integers(0, len(people) - 1), min_size=1, max_size=3))
    starts = [data.draw(st.integers(number(date(2010, 1, 31)), number(date(2019, 6, 1)))) for _ in chosen]
    found = days_present(
        Presence(crossings, observed_to), np.array(chosen, dtype=np.int32), np.array(starts, dtype=np.int32)
    )
    expected = [
        slow_days_present(people[who][1], start, observed_to) for who, start in zip(chosen, starts, strict=True)
    ]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("day", "months", "days", "later"),
    [
        (date(2016, 2, 29), 12, 0, date(2017, 2, 28)),
        (date(2015, 2, 28), 12, 0, date(2016, 2, 28)),
        (date(2015, 12, 31), 2, 0, date(2016, 2, 29)),
        (date(1969, 12, 31), 14, 3, date(1971, 3, 3)),
        (date(2015, 12, 31), 0, 365, date(2016, 12, 30)),
    ],
)
def test_a_duration_is_over_on_a_day(day, months, days, later):
    assert Duration(months, days).after(np.array([number(day), NEVER], dtype=np.int32)).tolist() == [
        number(later),
        NEVER,
    ]
