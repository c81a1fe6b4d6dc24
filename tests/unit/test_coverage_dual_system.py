"""Dual-system estimates, and their correction for linkage error."""

import numpy as np
import pytest
from chapman_variance import chapman_variance

from estimation.coverage.dual_system import chapman, true_matches


def test_the_published_example_of_chapman():
    # n1 = n2 = 100, m = 20: 101 x 101 / 21 - 1, as published with recapr and by Rcapture.
    assert chapman(100, 100, 20) == pytest.approx(484.7619, abs=1e-4)
    assert chapman_variance(100, 100, 20) == pytest.approx(6729.169, abs=1e-3)


def test_chapman_needs_no_match():
    assert chapman(10, 10, 0) == 120


def test_complete_lists_give_their_size():
    assert chapman(50, 50, 50) == 50
    assert chapman_variance(50, 50, 50) == 0


@pytest.mark.parametrize(
    ("true", "second", "recall", "false_rate"),
    [(900, 1000, 0.97, 0.02), (800, 1000, 0.94, 0.05), (50, 60, 1.0, 0.0), (0, 40, 0.9, 0.1)],
)
def test_the_correction_returns_the_true_matches(true, second, recall, false_rate):
    linked = recall * true + false_rate * (second - true)

    assert true_matches(linked, second, recall, false_rate) == pytest.approx(true)


def test_a_worked_example_of_the_correction():
    # 1,000 surveyed, 893 links, of the true matches 97% linked, of the others 2%: (893 - 20) / 0.95.
    assert true_matches(893, 1000, 0.97, 0.02) == pytest.approx(918.947368)
    # Without it 2,000 on the list would be estimated as 2,239.6 residents, with it as 2,176.4.
    assert pytest.approx(2239.64, abs=0.01) == 2000 * 1000 / 893
    assert 2000 * 1000 / true_matches(893, 1000, 0.97, 0.02) == pytest.approx(2176.40, abs=0.01)


def test_it_works_on_arrays():
    assert true_matches(np.array([90.0, 80.0]), 100, 0.9, 0.0) == pytest.approx([100, 88.888889])
