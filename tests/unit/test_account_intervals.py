"""Intervals of cells that cannot be negative."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from estimation.account.results import never_negative_intervals


def interval(estimate: float, centre: float, error: float) -> tuple[float, float]:
    lower, upper = never_negative_intervals(np.array([estimate]), np.array([centre]), np.array([error]))
    return float(lower[0]), float(upper[0])


def test_far_above_zero_they_are_1_96_standard_errors():
    assert interval(100.0, 100.0, 10.0) == pytest.approx((80.4, 119.6))


def test_at_zero_half_of_the_normal_distribution_remains():
    assert interval(0.0, 0.0, 2.0) == pytest.approx((0.0, 2 * 1.96), abs=1e-3)


def test_a_cell_known_exactly_has_no_width():
    assert interval(7.0, 7.0, 0.0) == (7.0, 7.0)


@given(centre=st.floats(-300, 1.95), error=st.floats(0.1, 10))
def test_cut_intervals_have_95_percent_of_what_remains_above_zero(centre, error):
    lower, upper = interval(max(centre * error, 0.0), centre * error, error)
    outside = norm.logsf(upper, centre * error, error) - norm.logsf(0.0, centre * error, error)

    assert lower == 0
    assert np.exp(outside) == pytest.approx(0.05, rel=1e-4)
    assert upper >= max(centre * error, 0.0)
