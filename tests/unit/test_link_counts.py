"""Precision by the number of links of a record: the mixture solved, by hand and on drawn records."""

import numpy as np
import pytest

from linkage.link_counts import count_links


def test_records_with_at_most_one_link_have_no_false_ones():
    """800 of 1,000 records have one link each: nothing speaks for a false one that would not have come twice."""
    found = count_links(np.ones(800, dtype=np.int64), 1000)
    assert found.links == 800
    assert found.precision == pytest.approx(1.0)
    assert found.found == pytest.approx(800)


def test_the_equations_hold_at_what_is_found():
    """A mean of π + λ links, and (1 − π) e^−λ without any: 700 records with one link and 100 with two."""
    found = count_links(np.repeat([1, 2], [700, 100]), 1000)
    share, false = found.found / 1000, found.links / 1000 * (1 - found.precision)
    assert share + false == pytest.approx(0.9)
    assert (1 - share) * np.exp(-false) == pytest.approx(0.2)


@pytest.mark.parametrize(("share", "false"), [(0.9, 0.02), (0.5, 0.1), (0.97, 0.3)])
def test_the_share_of_right_links_of_drawn_records_is_found(share, false):
    draw = np.random.default_rng(7)
    estimates = []
    for _ in range(60):
        links = (draw.random(4000) < share) + draw.poisson(false, 4000)
        estimates.append(count_links(links[links > 0], 4000))
    true = share / (share + false)
    values, errors = np.array([one.precision for one in estimates]), np.array([one.precision_se for one in estimates])
    assert values.mean() == pytest.approx(true, abs=0.003)
    assert errors.mean() == pytest.approx(values.std(), rel=0.3)


def test_too_few_records_say_nothing():
    assert count_links(np.ones(99, dtype=np.int64), 1000) is None
