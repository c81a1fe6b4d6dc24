"""Rubin's rule in nests, by hand: what is within, between draws of links, and between replicates of a draw."""

import numpy as np
import pytest

from estimation.by_replicates.rubin import nested_variance


def variance(values, draw, within=0.0):
    found = nested_variance(np.array(values, dtype=float)[:, None], np.array(draw), np.array([within]))
    return tuple(float(one[0]) for one in (found.links, found.rest, found.total))


def test_two_draws_of_two_replicates_by_hand():
    """Means 2 and 6 of nests {1, 3} and {5, 7}: S = (1 + 1 + 1 + 1) / 2 = 2, L = (2 · 8 − 2) / 2 = 7."""
    links, rest, total = variance([1, 3, 5, 7], [1, 1, 2, 2], within=10.0)
    assert (links, rest) == (7.0, 2.0)
    assert total == pytest.approx(10 + (1 + 1 / 2) * 7 + (1 + 1 / 4) * 2)


def test_without_links_it_is_rubins_rule():
    """Draws with the same mean: total = within + (1 + 1/R) between."""
    links, rest, total = variance([4, 6, 4, 6], [1, 1, 2, 2], within=3.0)
    assert links == 0.0
    assert rest == pytest.approx(np.var([4, 6, 4, 6], ddof=1))
    assert total == pytest.approx(3 + (1 + 1 / 4) * rest)


def test_links_alone_have_the_variance_of_their_draws():
    links, rest, total = variance([1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 2, 2, 3, 3, 4, 4])
    assert (links, rest) == (pytest.approx(1 / 3), 0.0)
    assert total == pytest.approx((1 + 1 / 4) / 3)


def test_draws_need_not_have_equally_many_replicates():
    """Nests {0, 2}, {4}, {6, 6}: S = 2 / 2, means 1, 4 and 6 about 3.6, n0 = (5 − 9/5) / 2 = 1.6."""
    links, rest, _ = variance([0, 2, 4, 6, 6], [1, 1, 2, 3, 3])
    outside = 2 * (1 - 3.6) ** 2 + (4 - 3.6) ** 2 + 2 * (6 - 3.6) ** 2
    assert rest == pytest.approx(1.0)
    assert links == pytest.approx((outside / 2 - 1) / 1.6)
