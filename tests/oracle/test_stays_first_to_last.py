"""First arrival to last departure on chains of permissions: cases by hand, and slow and obvious Python."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.lengths_of_stay.first_to_last import FirstToLast, first_to_last
from tests.slow_first_to_last import slow_stays

D = date
OBSERVED = D(2019, 12, 31)
CROSSINGS = {"person_id": pl.Int64, "date": pl.Date, "is_arrival": pl.Boolean}
PERMISSIONS = {"person_id": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date, "is_visit": pl.Boolean}


def stays_of(people, rule, observed_to=OBSERVED):
    """People are pairs of crossings (date, is_arrival) and permissions (from, to, is_visit)."""
    crossings = [(at, *crossing) for at, (own, _) in enumerate(people) for crossing in own]
    permissions = [(at, *permission) for at, (_, own) in enumerate(people) for permission in own]
    return first_to_last(
        pl.DataFrame(crossings, schema=CROSSINGS, orient="row"),
        pl.DataFrame(permissions, schema=PERMISSIONS, orient="row"),
        rule,
        observed_to,
    ).rows()


def stay_of(crossings, permissions, **parameters):
    """The stays of one person, without the person."""
    return [row[1:] for row in stays_of([(crossings, permissions)], FirstToLast(**parameters))]


IN, OUT = True, False
STUDY = (D(2015, 9, 1), D(2016, 8, 31), False)
WORK = (D(2016, 9, 15), D(2018, 9, 14), False)


def test_trips_inside_a_chain_are_ignored_and_visas_that_follow_one_another_are_one():
    crossings = [(D(2015, 9, 20), IN), (D(2015, 12, 20), OUT), (D(2016, 1, 10), IN), (D(2018, 6, 1), OUT)]
    assert stay_of(crossings, [STUDY, WORK]) == [(D(2015, 9, 20), D(2018, 6, 1), True, True, True, True)]
    # not one chain: the end of the first stands for the departure, and the second is a stay of its own
    apart = stay_of(crossings, [STUDY, WORK], chain_within=7, change_within=0, return_within=1)
    assert [row[:4] for row in apart] == [
        (D(2015, 9, 20), D(2016, 8, 31), True, False),
        (D(2016, 9, 15), D(2018, 6, 1), False, True),
    ]


def test_a_change_of_visa_without_travel_is_no_departure():
    later = (D(2016, 11, 1), D(2018, 10, 31), False)  # two months after the end of the first
    here = [(D(2015, 9, 20), IN), (D(2018, 6, 1), OUT)]
    assert stay_of(here, [STUDY, later]) == [(D(2015, 9, 20), D(2018, 6, 1), True, True, True, True)]
    # who left in between changed nothing in the country: the first stay was short, and ended
    left = [(D(2015, 9, 20), IN), (D(2016, 7, 1), OUT), (D(2016, 11, 5), IN), (D(2018, 6, 1), OUT)]
    assert stay_of(left, [STUDY, later]) == [
        (D(2015, 9, 20), D(2016, 7, 1), True, True, False, False),
        (D(2016, 11, 5), D(2018, 6, 1), True, True, True, True),
    ]


def test_trips_and_returns_have_parameters_of_their_own():
    permission = (D(2014, 1, 1), D(2019, 6, 30), False)
    crossings = [(D(2014, 1, 5), IN), (D(2016, 1, 1), OUT), (D(2016, 10, 1), IN), (D(2018, 6, 1), OUT)]
    whole = [(D(2014, 1, 5), D(2018, 6, 1), True, True, True, True)]
    parts = [
        (D(2014, 1, 5), D(2016, 1, 1), True, True, True, True),
        (D(2016, 10, 1), D(2018, 6, 1), True, True, True, True),
    ]
    assert stay_of(crossings, [permission]) == whole
    assert stay_of(crossings, [permission], trip_up_to=180) == whole  # too long for a trip, but a return
    assert stay_of(crossings, [permission], trip_up_to=180, return_within=180) == parts


def test_every_limit_is_the_most_that_still_counts():
    later = (D(2016, 9, 15), D(2018, 10, 31), False)  # 15 days after the end of the first
    here = [(D(2015, 9, 20), IN), (D(2018, 6, 1), OUT)]
    for limit, stays in ((15, 1), (14, 2)):
        assert len(stay_of(here, [STUDY, later], chain_within=limit, change_within=0, return_within=0)) == stays
        assert len(stay_of(here, [STUDY, later], chain_within=0, change_within=limit, return_within=0)) == stays
    permission = (D(2014, 1, 1), D(2019, 6, 30), False)
    away = [(D(2014, 1, 5), IN), (D(2016, 1, 1), OUT), (D(2016, 1, 31), IN), (D(2018, 6, 1), OUT)]  # 30 days
    for limit, stays in ((30, 1), (29, 2)):
        assert len(stay_of(away, [permission], trip_up_to=limit, return_within=0)) == stays
        assert len(stay_of(away, [permission], trip_up_to=0, return_within=limit)) == stays


def test_a_short_return_does_not_undo_an_emigration():
    permissions = [(D(2014, 1, 1), D(2016, 12, 31), False), (D(2017, 3, 1), D(2017, 8, 31), False)]
    crossings = [(D(2014, 1, 5), IN), (D(2016, 10, 1), OUT), (D(2017, 3, 5), IN), (D(2017, 8, 1), OUT)]
    assert stay_of(crossings, permissions) == [
        (D(2014, 1, 5), D(2016, 10, 1), True, True, True, True),
        (D(2017, 3, 5), D(2017, 8, 1), True, True, False, False),
    ]
    assert stay_of(crossings, permissions, return_more_than=0) == [
        (D(2014, 1, 5), D(2017, 8, 1), True, True, True, True)
    ]


def test_visits_and_travel_without_permission_are_apart():
    visit = (D(2017, 1, 1), D(2018, 12, 31), True)
    crossings = [(D(2015, 9, 20), IN), (D(2016, 12, 30), OUT), (D(2017, 1, 10), IN), (D(2017, 6, 1), OUT)]
    stay = (D(2015, 9, 1), D(2016, 12, 31), False)
    expected = [(D(2015, 9, 20), D(2016, 12, 30), True, True, True, True)]
    assert stay_of(crossings, [stay, visit]) == expected
    assert stay_of([*crossings, (D(2019, 1, 1), IN)], [stay, visit]) == expected  # an arrival without permission
    assert stay_of(crossings, [visit]) == []
    # within a month of the end, and not as a visitor, it is a late return on the chain
    assert stay_of(crossings, [stay]) == [(D(2015, 9, 20), D(2017, 6, 1), True, True, True, True)]


@pytest.mark.parametrize(
    ("crossings", "stay"),
    [
        ([], (D(2015, 9, 1), D(2016, 8, 31), False, False, False, False)),
        ([(D(2016, 7, 1), OUT)], (D(2015, 9, 1), D(2016, 7, 1), False, True, False, False)),
        ([(D(2015, 9, 5), IN)], (D(2015, 9, 5), D(2016, 8, 31), True, False, False, False)),
        ([(D(2015, 9, 5), IN), (D(2017, 2, 1), OUT)], (D(2015, 9, 5), D(2017, 2, 1), True, True, True, True)),
    ],
)
def test_the_permission_stands_for_a_crossing_that_was_not_recorded(crossings, stay):
    assert stay_of(crossings, [STUDY]) == [stay]


def test_what_is_not_settled_is_unknown():
    valid = (D(2018, 9, 1), D(2021, 8, 31), False)
    assert stay_of([(D(2019, 3, 1), IN)], [valid]) == [(D(2019, 3, 1), None, True, False, None, None)]
    assert stay_of([(D(2018, 9, 3), IN)], [valid]) == [(D(2018, 9, 3), None, True, False, True, None)]
    gone = [(D(2018, 9, 3), IN), (D(2019, 10, 1), OUT)]
    assert stay_of(gone, [valid]) == [(D(2018, 9, 3), D(2019, 10, 1), True, True, True, None)]
    short = [(D(2019, 1, 3), IN), (D(2019, 10, 1), OUT)]
    assert stay_of(short, [valid]) == [(D(2019, 1, 3), D(2019, 10, 1), True, True, False, False)]


def day_of(number):
    return D(2014, 1, 1) + timedelta(days=number)


@st.composite
def travellers(draw):
    days = draw(st.lists(st.integers(0, 300), max_size=8))
    crossings = [(day_of(day), draw(st.booleans())) for day in sorted(days)]
    starts = draw(st.lists(st.integers(0, 280), max_size=4, unique=True))
    permissions = [(day_of(start), day_of(start + draw(st.integers(0, 90))), draw(st.booleans())) for start in starts]
    return crossings, permissions


@settings(max_examples=400, deadline=None)
@given(
    st.lists(travellers(), min_size=1, max_size=3),
    st.builds(FirstToLast, *[st.integers(0, 60) for _ in range(6)]),
    st.integers(50, 330),
)
def test_the_stays_are_those_of_the_oracle(people, rule, end):
    observed_to = day_of(end)
    expected = [(at, *row) for at, person in enumerate(people) for row in slow_stays(*person, rule, observed_to)]
    assert stays_of(people, rule, observed_to) == expected
