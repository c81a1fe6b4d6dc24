"""Precision and recall by decisions: worked by hand, against slow oracles, and held by their intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq

from linkage.quality_by_decisions import combined, contradict
from linkage.review_estimate import Interval, decided_quality, jeffreys, ratio, total


def numbers(*values):
    return np.array(values, dtype=float)


def test_two_strata_by_hand():
    """Of 900 linked people 90 are seen, 1 of them linked wrongly; of 100 apart 20 are, of whom 5 were missed.

    W = 900 / 90 = 10 and M = 100 · 5 / 20 = 25, so that precision is 890 / 900 and recall 890 / 915.
    """
    found = decided_quality(numbers(1, 0), numbers(0, 5), numbers(90, 20), numbers(900, 100), linked=900)
    assert found.decisions == 110
    assert found.precision.estimate == pytest.approx(890 / 900)
    assert found.recall.estimate == pytest.approx(890 / 915)
    assert found.precision.low < 0.98 < found.precision.high < 1
    assert found.recall.low < 0.96 < found.recall.high < 0.99


def test_whoever_is_decided_upon_in_full_is_known():
    found = decided_quality(numbers(1, 0), numbers(0, 5), numbers(90, 20), numbers(90, 20), linked=90)
    assert found.precision == Interval(*[pytest.approx(89 / 90)] * 3)
    assert found.recall == Interval(*[pytest.approx(89 / 94)] * 3)


def test_without_an_error_the_interval_is_one_sided():
    found = decided_quality(numbers(0, 0), numbers(0, 0), numbers(200, 50), numbers(9000, 500), linked=9000)
    assert found.precision.estimate == found.precision.high == found.recall.estimate == found.recall.high == 1
    assert 0.985 < found.recall.low < 0.99
    assert 0.985 < found.precision.low < 0.99


def test_nobody_linked_has_no_precision_and_no_recall():
    found = decided_quality(numbers(0), numbers(3), numbers(10), numbers(100), linked=0)
    assert (found.precision, found.recall) == (None, None)


@given(st.integers(0, 8), st.integers(1, 30))
def test_limits_are_quantiles_of_the_posterior(errors, more):
    """Against Jeffreys' posterior integrated numerically: 2.5% lie beyond either limit, if there is one."""
    decided = errors + more
    (low,), (high,) = jeffreys(numbers(errors), numbers(decided), numbers(1e12))

    def posterior(t):  # the share is t², which takes the pole at 0 away
        return 2 * t ** (2 * errors) * (1 - t * t) ** (more - 0.5)

    whole = quad(posterior, 0, 1, limit=200)[0]
    assert quad(posterior, high**0.5, 1, limit=200)[0] / whole == pytest.approx(0.025, abs=2e-4)
    if errors:
        assert quad(posterior, 0, low**0.5, limit=200)[0] / whole == pytest.approx(0.025, abs=2e-4)
    else:
        assert low == 0


@given(st.integers(0, 20), st.integers(1, 40), st.integers(0, 500))
def test_the_share_lies_between_its_limits_and_a_larger_stratum_is_less_certain(errors, more, left):
    decided = numbers(errors + more)
    (low,), (high,) = jeffreys(numbers(errors), decided, decided + left)
    (low_of_more,), (high_of_more,) = jeffreys(numbers(errors), decided, decided + left + 100)
    assert low <= errors / decided[0] <= high
    assert low_of_more <= low + 1e-12
    assert high <= high_of_more + 1e-12


@given(
    st.floats(0, 100), st.floats(0, 1), st.floats(0, 50),
    st.floats(50, 1000), st.floats(0.01, 0.5), st.floats(0.01, 0.5),
)  # fmt: skip
def test_limits_of_a_ratio_solve_the_equation_that_defines_them(top, below, above, bottom, down, up):
    """Method of variance estimates recovery: a ratio R is a limit where θ₁ − R θ₂ is as far from 0 as its spread."""
    one = Interval(top, top * (1 - below), top + above)
    other = Interval(bottom, bottom * (1 - down), bottom * (1 + up))
    found = ratio(one, other)
    assert found.estimate == pytest.approx(top / bottom)

    def above_zero(at):
        return top - at * bottom + np.hypot(one.high - top, at * (bottom - other.low))

    def below_zero(at):
        return top - at * bottom - np.hypot(top - one.low, at * (other.high - bottom))

    assert found.high == pytest.approx(brentq(above_zero, top / bottom, 1e4), rel=1e-5, abs=1e-5)
    assert found.low == pytest.approx(brentq(below_zero, -1e-9, top / bottom + 1e-9), rel=1e-5, abs=1e-5)


def test_a_published_ratio_of_odds():
    """The package ORCI of R gives .1648 to 15.68 for 2 of 14 against 1 of 11, from limits of Wilson's score."""

    def odds(cases, of, z=1.96):
        share, centre = cases / of, (cases / of + z * z / 2 / of) / (1 + z * z / of)
        half = z * np.sqrt(share * (1 - share) / of + z * z / 4 / of**2) / (1 + z * z / of)
        return Interval(*(one / (1 - one) for one in (share, centre - half, centre + half)))

    found = ratio(odds(2, 14), odds(1, 11))
    assert (found.low, found.high) == (pytest.approx(0.1648, abs=5e-5), pytest.approx(15.68, rel=2e-3))


def test_intervals_hold_what_is_true():
    """Twelve hundred samples of 500 of a population with a recall of .97: 95% of the intervals, and half-widths."""
    random = np.random.default_rng(4)
    size, decided = np.array([9000, 400, 300, 300]), np.array([300, 70, 60, 70])
    wrong, missed = np.array([5, 40, 0, 0]), np.array([2, 15, 90, 180])
    linked, right = 9400, 9355
    recall, precision = right / (right + 287), right / linked
    found = [
        decided_quality(
            random.hypergeometric(wrong, size - wrong, decided).astype(float),
            random.hypergeometric(missed, size - missed, decided).astype(float),
            decided.astype(float), size.astype(float), linked,
        )
        for _ in range(1200)
    ]  # fmt: skip
    of_recall, of_precision = ([getattr(one, rate) for one in found] for rate in ("recall", "precision"))
    assert np.mean([one.estimate for one in of_recall]) == pytest.approx(recall, abs=0.0005)
    assert 0.93 < np.mean([one.low <= recall <= one.high for one in of_recall]) < 0.98
    assert 0.92 < np.mean([one.low <= precision <= one.high for one in of_precision]) < 0.99
    assert np.mean([(one.high - one.low) / 2 for one in of_recall]) < 0.01


def test_a_total_adds_its_strata():
    found = total(numbers(1, 5), numbers(90, 20), numbers(900, 100))
    alone = [total(numbers(x), numbers(n), numbers(size)) for x, n, size in ((1, 90, 900), (5, 20, 100))]
    assert found.estimate == pytest.approx(sum(one.estimate for one in alone)) == pytest.approx(35)
    assert found.estimate - found.low == pytest.approx(np.hypot(*(one.estimate - one.low for one in alone)))
    assert found.high - found.estimate == pytest.approx(np.hypot(*(one.high - one.estimate for one in alone)))


def test_estimates_are_combined_by_their_precision_unless_they_exclude_one_another():
    """Half-widths of .01 and .02 weigh 4 to 1: (4 · .98 + .96) / 5, and 1 / √(100² + 50²) either way."""
    model, near, far = Interval(0.98, 0.97, 0.99), Interval(0.96, 0.94, 0.98), Interval(0.9, 0.88, 0.92)
    found = combined(model, near)
    assert found.estimate == pytest.approx(0.976)
    assert found.estimate - found.low == found.high - found.estimate == pytest.approx(0.0089442719)
    assert not contradict(model, near)
    assert contradict(model, far)
    assert combined(model, far) == far
    assert combined(None, near) == near
    assert combined(model, None) == model
    assert combined(None, None) is None
