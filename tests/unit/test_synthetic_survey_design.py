"""The design of the coverage survey: precise enough, or everyone is asked."""

from math import sqrt

from hypothesis import given
from hypothesis import strategies as st

from synthetic_data.surveys import coverage_design
from synthetic_data.surveys.coverage_design import (
    BETWEEN,
    HOUSEHOLD,
    HOUSEHOLDS_ASKED,
    RESPONSE,
    design,
    postcodes_needed,
)


def coefficient_of_variation(sampled: int, postcodes: int, mean: float, households: float) -> float:
    reached = households * RESPONSE
    between = (1 - sampled / postcodes) * BETWEEN
    return sqrt((between + (1 - reached) * HOUSEHOLD / (reached * mean)) / sampled)


def test_precision_decides_where_postcodes_are_many() -> None:
    # reached 0.8 * 0.93 = 0.744; W = 0.256 * 2.9 / (0.744 * 15) = 0.066523; B = 0.25
    # n = 0.316523 / (0.0001 + 0.25 / 300,000) = 3139.1
    assert postcodes_needed(300_000, 15, 0.8) == 3140


def test_respondents_decide_where_precision_is_not_asked_for() -> None:
    needed = postcodes_needed(100_000, 15, 1.0, cv=0.5)
    expected, spread = 0.93 * 15 * needed, sqrt(0.25 + 0.07 * 2.9 / (0.93 * 15)) * 0.93 * 15 * sqrt(needed)
    assert expected - 3 * spread >= 3_000 > expected - 15 - 3 * spread


@given(postcodes=st.integers(4, 400_000), residents=st.integers(500, 6_000_000))
def test_the_design_keeps_its_promise_or_asks_everywhere(postcodes: int, residents: int) -> None:
    chosen = design(postcodes, residents)
    mean = coverage_design.GROWTH * residents / postcodes
    assert 0 < chosen.postcodes <= postcodes
    if chosen.postcodes < postcodes:
        assert chosen.households == HOUSEHOLDS_ASKED
        assert coefficient_of_variation(chosen.postcodes, postcodes, mean, chosen.households) <= 0.01 * (1 + 1e-9)
        assert chosen.postcodes * mean * chosen.households * RESPONSE > 3_000
    else:
        assert chosen.households == 1
