"""Days in a window, as the kernel classifies crossings and as the slow, obvious way does."""

import csv
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.lengths_of_stay import presence
from rules.lengths_of_stay.crossings import Crossings
from rules.lengths_of_stay.days_in_window import DaysInWindow, days_in_window
from tests.slow_stays import Crossing, classify_person

EPOCH = date(1970, 1, 1)


def day_number(day):
    return (day - EPOCH).days


def by_kernel(people, rule, observed_to):
    """Classify people, each a pair of initial residence and crossings, as rows of five answers."""
    crossings = Crossings(
        np.array([position == 0 for _, own in people for position in range(len(own))], dtype=np.bool_),
        np.array([crossing.day for _, own in people for crossing in own], dtype=np.int32),
        np.array([crossing.is_arrival for _, own in people for crossing in own], dtype=np.bool_),
    )
    initial = np.array([resident for resident, own in people for _ in own], dtype=np.bool_)
    found = days_in_window(crossings, initial, rule, observed_to)
    flags = (found.resident_before, found.resident_after, found.long_term_migration)
    answers = [[None if flag < 0 else bool(flag) for flag in column] for column in flags]
    return list(zip(found.days_in_country.tolist(), found.days_observed.tolist(), *answers, strict=True))


def by_oracle(people, rule, observed_to):
    return [
        tuple(row)
        for resident, own in people
        for row in classify_person(own, resident, rule.threshold, rule.window, observed_to)
    ]


@pytest.mark.parametrize(("table", "rule"), [("12_16", DaysInWindow(365, 487)), ("9_12", DaysInWindow(274, 365))])
def test_worked_rows_of_stats_nz(table, rule):
    """The crossings are of random histories, and the answers those of Stats NZ's package migstat (see NOTICE)."""
    text = Path(__file__).with_name(f"crossings_{table}.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))[1:]
    people, expected = [], []
    for _, own in groupby(rows, key=lambda row: row[0]):
        of_person = list(own)
        crossings = [Crossing(day_number(date.fromisoformat(row[1])), row[2] == "1") for row in of_person]
        people.append((of_person[0][3] == "1", crossings))
        expected += [
            (int(row[4]), int(row[5]), *(None if flag == "" else flag == "1" for flag in row[6:]))
            for row in of_person
        ]
    assert by_kernel(people, rule, day_number(date(2018, 12, 31))) == expected
    assert by_oracle(people, rule, day_number(date(2018, 12, 31))) == expected


LAST_DAY = 60


@st.composite
def histories(draw):
    """People whose crossings and windows are short, so that every boundary is met often; many cross on one day."""
    gaps = st.one_of(st.sampled_from([0, 0, 1, 1, 2, 3]), st.integers(0, 25))
    people = []
    for _ in range(draw(st.integers(1, 4))):
        days = np.cumsum([draw(st.integers(0, 20)), *draw(st.lists(gaps, max_size=9))]).tolist()
        alternating = draw(st.booleans())
        first = draw(st.booleans())
        directions = [
            (position % 2 == 0) == first if alternating else draw(st.booleans()) for position in range(len(days))
        ]
        people.append((draw(st.booleans()), [Crossing(*pair) for pair in zip(days, directions, strict=True)]))
    return people


@st.composite
def rules(draw):
    window = draw(st.integers(1, 30))
    return DaysInWindow(draw(st.one_of(st.just(window), st.just(1), st.integers(1, window))), window)


@settings(max_examples=600, deadline=None)
@given(histories(), rules(), st.integers(-1, LAST_DAY), st.sampled_from([1, 3, presence.NEAR]))
@example([(False, [Crossing(0, True), Crossing(5, True)])], DaysInWindow(4, 6), 5, 8)
@example([(True, [Crossing(0, False), Crossing(0, True), Crossing(0, False)])], DaysInWindow(1, 1), 0, 8)
def test_the_kernel_agrees_with_the_oracle(people, rule, observed_to, near):
    """Also where a window holds more crossings than are compared one after another."""
    with patch.object(presence, "NEAR", near):
        assert by_kernel(people, rule, observed_to) == by_oracle(people, rule, observed_to)


def test_a_commuter_crosses_hundreds_of_times_in_a_window():
    people = [
        (False, [Crossing(10 + 3 * number, number % 2 == 0) for number in range(count)]) for count in (1, 300, 9, 128)
    ]
    rule = DaysInWindow(365, 487)
    assert by_kernel(people, rule, 900) == by_oracle(people, rule, 900)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_they_agree_on_years_of_days(data):
    """Real windows over leap years, ending at every distance from the last crossings."""
    people = []
    for _ in range(data.draw(st.integers(1, 3))):
        days = sorted(data.draw(st.lists(st.integers(0, 1500), min_size=1, max_size=12)))
        start = day_number(date(2015, 10, 1))
        crossings = [Crossing(start + day, data.draw(st.booleans())) for day in days]
        people.append((data.draw(st.booleans()), crossings))
    rule = data.draw(st.sampled_from([DaysInWindow(365, 487), DaysInWindow(274, 365), DaysInWindow(365, 365)]))
    observed_to = day_number(date(2016, 2, 29) + timedelta(days=data.draw(st.integers(0, 1200))))
    assert by_kernel(people, rule, observed_to) == by_oracle(people, rule, observed_to)


def test_a_person_does_not_change_what_is_found_of_another():
    """Running sums go over all people; the days of one far away in time are not those of the next."""
    people = [
        (False, [Crossing(40_000, True)]),
        (True, [Crossing(-20_000, False), Crossing(-19_999, True), Crossing(12_000, False)]),
        (False, [Crossing(0, True), Crossing(400, False)]),
    ]
    rule = DaysInWindow(365, 487)
    alone = [row for person in people for row in by_kernel([person], rule, 50_000)]
    assert by_kernel(people, rule, 50_000) == alone == by_oracle(people, rule, 50_000)


def test_so_many_people_over_so_many_years_that_their_days_need_64_bits():
    stays = [[Crossing(-20_000 + number % 7, True), Crossing(40_000 + number % 5, False)] for number in range(60_000)]
    people = [(False, stay) for stay in stays]
    rule = DaysInWindow(365, 487)
    assert by_kernel(people, rule, 50_000) == [row for number in range(60_000) for row in TWO_ROWS]


TWO_ROWS = [(487, 487, False, True, True), (0, 487, True, False, True)]


def test_nobody_is_classified_into_nothing():
    assert by_kernel([], DaysInWindow(365, 487), 0) == []
