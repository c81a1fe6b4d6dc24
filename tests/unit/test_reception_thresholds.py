"""Thresholds of reception: binomial and Poisson tails by hand, and what is tolerated."""

from math import comb, exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.contracts import read_contracts
from reception.thresholds import FAMILY_WISE, Thresholds, Tolerance

LEVEL = 1e-4
THRESHOLDS = Thresholds(LEVEL)


def binomial_tail(count: int, of: int, share: float) -> float:
    """The probability of at least so many, term by term."""
    return sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count, of + 1))


@given(of=st.integers(1, 60), share=st.sampled_from([0.001, 0.01, 0.1]), data=st.data())
def test_too_many_is_the_binomial_tail(of, share, data):
    count = data.draw(st.integers(0, of))
    assert THRESHOLDS.too_many(count, of, share) == (binomial_tail(count, of, share) < LEVEL and count > share * of)


@given(expected=st.floats(0.5, 30), count=st.integers(0, 40))
def test_too_few_is_the_poisson_tail(expected, count):
    tail = sum(exp(-expected) * expected**k / factorial(k) for k in range(count + 1))
    if abs(tail - LEVEL) > 1e-12:
        assert THRESHOLDS.too_few(count, expected) == (tail < LEVEL and count < expected)


def test_a_share_that_does_not_matter_is_no_fault_however_certain_it_is():
    tolerance = Tolerance(usual=0.001, least=0.01)
    assert not THRESHOLDS.too_many(900, 100_000, tolerance)  # 0.9%: certainly more than 0.1%, and less than 1%
    assert THRESHOLDS.too_many(1_100, 100_000, tolerance)
    assert THRESHOLDS.too_many(5, 100, tolerance)  # by chance 5 or more of 0.1% of 100: 7 in 10^8
    assert not THRESHOLDS.too_many(1, 20, tolerance)


def test_the_largest_share_is_that_of_which_a_sample_is_just_no_surprise():
    largest = THRESHOLDS.largest_share(3, 50)
    at_most = sum(comb(50, k) * largest**k * (1 - largest) ** (50 - k) for k in range(4))
    assert at_most == pytest.approx(LEVEL, rel=1e-6)
    assert THRESHOLDS.largest_share(5, 5) == 1.0


def test_more_columns_make_each_comparison_stricter():
    contracts = list(read_contracts().values())
    every, one = Thresholds.of(contracts), Thresholds.of(contracts[:1])
    assert every.level < one.level < FAMILY_WISE
