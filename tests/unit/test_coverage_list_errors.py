"""How a list errs in a cell: a list of yes and no by its formula, one of probabilities by hand and by simulation."""

import numpy as np
import polars as pl
import pytest

from estimation.coverage.classes import CELLS
from estimation.coverage.list_errors import ListErrors, list_errors
from estimation.coverage.lists import Lists

PLACE = {"sex": pl.lit("F"), "age_group": pl.lit("25-44"), "nationality_group": pl.lit("British")}


def errors_of(
    listed: np.ndarray,
    found: np.ndarray,
    residents: float,
    recall: float = 1.0,
    false_link_rate: float = 0.0,
    known: np.ndarray | None = None,
    people_known: int = 1_000_000,
) -> ListErrors:
    """Return the errors of a class: probabilities of all who are listed, and of each survey person (0: no link)."""
    counted = pl.DataFrame({"count": listed, "squares": listed**2}).with_columns(**PLACE)
    linked = found > 0 if known is None else known
    asked, of_linked, of_counted, of_squares = (
        np.array([[[float(one)]]]) for one in (len(found), linked.sum(), found.sum(), (found**2).sum())
    )
    none = np.zeros(1)
    lists = Lists(
        none, none, asked, of_linked, none[None, None], of_counted, of_squares, none, none, none, none, none + 1
    )
    factor = np.array([residents / listed.sum()])
    return list_errors(lists, factor, counted, [CELLS], people_known, recall, false_link_rate)


def test_a_list_of_yes_and_no():
    """Of 1,000 residents 80 are missed, and 30 of the 950 listed are wrong: f^2 (u (1 - u) + o / f)."""
    found = errors_of(np.ones(950), np.repeat([1.0, 0.0], [920, 80]), 1_000)
    factor, missed, wrong = 1_000 / 950, 0.08, 30 / 950

    assert (found.missed[0], found.erroneous[0]) == pytest.approx((missed, wrong))
    assert found.variance[0] == pytest.approx(factor**2 * missed * (1 - missed) + factor * wrong)


def test_a_perfect_list_has_no_error():
    found = errors_of(np.ones(500), np.ones(200), 500)

    assert (found.missed[0], found.erroneous[0], found.variance[0]) == pytest.approx((0, 0, 0))


def test_people_who_count_by_their_probability():
    """Five people count at 0.8 and five at 0.2, and as many of them are residents.

    Residents are four at 0.8 and one at 0.2: their mean is 0.68, so 0.32 are missed and as much of others counts;
    they vary by 0.64 x 0.8 + 0.04 x 0.2 - 0.68^2, and the others, one at 0.8 and four at 0.2, count 0.8 in squares.
    """
    found = errors_of(np.repeat([0.8, 0.2], 5), np.repeat([0.8, 0.2], [4, 1]), 5)

    assert (found.missed[0], found.erroneous[0]) == pytest.approx((0.32, 0.32))
    assert found.variance[0] == pytest.approx(0.52 - 0.68**2 + 0.8 / 5)


def test_links_that_are_missed_or_false_are_corrected():
    """With 90% of the links made, the residents found are as many as with all; nobody seems missed for it."""
    probability = np.ones(950)
    all_found = errors_of(probability, np.repeat([1.0, 0.0], [920, 80]), 1_000, known=np.ones(1_000, dtype=bool))
    fewer = errors_of(
        probability, np.repeat([1.0, 0.0], [828, 172]), 1_000, recall=0.9, known=np.repeat([True, False], [900, 100])
    )

    assert fewer.missed == pytest.approx(all_found.missed)
    assert fewer.variance == pytest.approx(all_found.variance)


def test_the_variance_is_that_of_the_counts_of_many_small_cells():
    """Residents count at 1, at a probability, or not at all; some who left count too. Cells of 50 residents."""
    random, cells, size = np.random.default_rng(5), 4_000, 50
    kind = random.choice(3, (cells, size), p=[0.85, 0.1, 0.05])
    counts = np.choose(kind, [1.0, 0.6, 0.0])
    gone = random.poisson(2.0, cells)
    factor = cells * size / (counts.sum() + 0.6 * gone.sum())
    errors = factor * (counts.sum(axis=1) + 0.6 * gone) - size
    listed = np.concatenate([counts.ravel(), np.full(gone.sum(), 0.6)])
    found = errors_of(listed[listed > 0], counts.ravel()[: cells * size // 2], cells * size)

    assert found.variance[0] * size == pytest.approx(errors.var(), rel=0.05)
