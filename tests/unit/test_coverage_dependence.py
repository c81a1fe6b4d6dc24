"""Residents who are missed because whom the list misses tends to miss the survey too."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from estimation.coverage.classes import members
from estimation.coverage.dependence import dependence_sensitivity, missed_by_both
from estimation.coverage.lists import Lists


def share_on_both(on_list: float, answering: float, odds_ratio: float) -> float:
    """Return the share of residents on both lists, from the shares on each and the odds ratio between them.

    The root of t (p1 - x)(p2 - x) = x (1 - p1 - p2 + x) that lies within both shares.
    """
    a, b, c = odds_ratio - 1, 1 + (on_list + answering) * (odds_ratio - 1), odds_ratio * on_list * answering
    return on_list * answering if a == 0 else (b - (b**2 - 4 * a * c) ** 0.5) / (2 * a)


def one_class(on_list: float, answering: float) -> Lists:
    """Return a class in which each resident estimated is counted once, with these shares of them on either list."""
    none, one = np.zeros(1), np.ones(1)
    return Lists(one, on_list * one, none, none, none, none, none, none, answering * one, none, none, one)


@pytest.mark.parametrize(
    ("on_list", "answering", "odds_ratio", "bias"),
    [
        (0.97, 0.92, 1.5, -0.0011), (0.97, 0.92, 2.0, -0.0022), (0.90, 0.85, 1.5, -0.0067),
        (0.90, 0.85, 2.0, -0.0122), (0.84, 0.74, 1.5, -0.0176), (0.84, 0.74, 2.0, -0.0306),
    ],
)  # fmt: skip
def test_the_residents_at_an_odds_ratio_are_those_that_there_are(on_list, answering, odds_ratio, bias):
    """A country of 1 resident whose lists depend on each other is estimated as p1 p2 / p11, and corrected to 1."""
    both = share_on_both(on_list, answering, odds_ratio)
    estimated = on_list * answering / both
    missed = missed_by_both(one_class(on_list / estimated, answering / estimated), np.ones(1))[0]

    assert estimated - 1 == pytest.approx(bias, abs=5e-5)
    assert estimated * (1 + (odds_ratio - 1) * missed) == pytest.approx(1.0)


def test_the_worked_table():
    """Of 1,000 residents 900 are listed, 850 answer and 765 are on both: 15 are on neither, and 30 at the ratio 2."""
    assert missed_by_both(one_class(0.9, 0.85), np.ones(1))[0] * 1_000 == pytest.approx(15)


def test_groups_have_the_residents_of_their_cells_in_each_class():
    """800 British counted with the factor 1.1, of whom 1% are missed twice; 100 and 50 others with 1.2 and 2%."""
    british, others = ("F", "25-44", "British"), (("F", "25-44", "EU"), ("F", "25-44", "non_EU"))
    coverage = pl.DataFrame({
        "survey_date": [date(2017, 6, 30)] * 2, "coverage_class": ["one", "two"],
        "members": [members((british,)), members(others)], "factor": [1.1, 1.2],
    })  # fmt: skip
    counted = pl.DataFrame(
        [(*british, 500.0), (*british, 300.0), (*others[0], 100.0), (*others[1], 50.0)],
        schema=["sex", "age_group", "nationality_group", "count"],
        orient="row",
    )
    table = dependence_sensitivity(coverage, counted, np.array([0.01, 0.02]))
    found = {row[:2]: row[2:] for row in table.drop("survey_date").iter_rows()}

    assert found[1.0, "British"] == (880, 0)
    assert found[2.0, "British"] == pytest.approx((880 * 1.01, 0.01))
    assert found[1.5, "EU"] == pytest.approx((120 * 1.01, 0.01))
    assert found[2.0, "all"] == pytest.approx((1060 + 8.8 + 3.6, 12.4 / 1060))
    assert found.keys() == {
        (ratio, group) for ratio in (1.0, 1.5, 2.0) for group in ("British", "EU", "non_EU", "all")
    }
