"""Migrations by category, counted by hand: shares, their error, and the area of a move."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from estimation.flow_categories import NOT_RECORDED, count_categories
from estimation.flow_details import NATIONALITIES, _shares


def shares(counted: list[list[float]], totals: list[float], unfinished: float = 0.0):
    """Return shares of cells of one sex and age group, and the variances of division and of unfinished stays.

    A cell is a nationality group.
    """
    counts = np.array(counted, dtype=float)
    return _shares(counts, np.full_like(counts, unfinished), np.array(totals, dtype=float))


def test_of_three_migrants_two_are_workers():
    found, variance, of_open = shares([[2, 1, 0]] * NATIONALITIES, [3.0, 6.0, 0.0, 1.5])
    assert found[0] == pytest.approx([2 / 3, 1 / 3, 0])
    assert variance[0] == pytest.approx([0, 0, 0]), "all three are known"
    assert variance[1, 0] == pytest.approx(2 / 9 * (3 + 9 / 3)), "three of six are not"
    assert variance[3, 0] == pytest.approx(2 / 9 * (1.5 + 1.5**2 / 3)), "as many are known as are too many"
    assert not of_open.any()


def test_unfinished_stays_make_a_share_uncertain_and_never_a_whole():
    found, division, variance = shares([[2, 2]] * NATIONALITIES, [4.0] * NATIONALITIES, unfinished=0.25)
    assert not division.any(), "all four are known"
    assert variance[0] == pytest.approx([0.25 * 0.5, 0.25 * 0.5]), "(1 - 2s) v + s^2 V of the four"
    found, division, variance = shares([[4, 0]] * NATIONALITIES, [4.0] * NATIONALITIES, unfinished=0.25)
    assert found[0] == pytest.approx([1, 0])
    assert division[0] == pytest.approx([0, 0])
    assert variance[0, 0] == pytest.approx((1 - 2) * 0.25 + 0.5), "(1 - 2s) v + s^2 V, with the v of another category"


def test_a_cell_in_which_nobody_was_counted_is_divided_as_its_group_is():
    two_ages = [[1, 3], *[[1, 0]] * (NATIONALITIES - 1), *[[0, 0]] * NATIONALITIES]
    found, *_ = shares(two_ages, [1.0] * len(two_ages))
    assert found[NATIONALITIES] == pytest.approx([0.25, 0.75])
    assert found[NATIONALITIES + 1] == pytest.approx([1, 0])


def test_without_any_count_nothing_is_recorded():
    found, *_ = shares([[0, 0]] * NATIONALITIES, [1.0] * NATIONALITIES)
    assert found.tolist() == [[0.0, 1.0]] * NATIONALITIES


def moved(direction: str, on: date, history: list[tuple[str, date | None]]) -> str:
    """Return the area under which one migration of a person with these areas is counted."""
    moves = pl.DataFrame(
        {"person_id": [1], "date": [on], "direction": [direction], "reason": ["work"], "years_later": [0],
         "cases": [1.0], "variance_of_cases": [0.0]}
    )  # fmt: skip
    counted = pl.DataFrame(
        {"person_id": [1], "sex": ["F"], "cohort": [1980], "nationality_group": ["EU"], "share": [1.0]}
    )
    areas = pl.Series([history], dtype=pl.List(pl.Struct({"area": pl.String, "since": pl.Date})))
    people = pl.DataFrame(
        {"person_id": [1], "country_of_birth": pl.Series([None], dtype=pl.String), "area_history": areas}
    )
    found = count_categories(moves, counted, people, (2016,))
    assert found.filter(kind="reason")["category"].item() == "work"
    assert found.filter(kind="country_of_birth")["category"].item() == NOT_RECORDED
    assert found["count"].to_list() == [1.0, 1.0, 1.0]
    return found.filter(kind="area")["category"].item()


def as_history(*entries: tuple[str, date | None]) -> list:
    return [{"area": area, "since": since} for area, since in entries]


D = date


@pytest.mark.parametrize(
    ("direction", "on", "history", "area"),
    [
        ("immigration", D(2015, 9, 1), as_history(("old", D(2010, 1, 1)), ("new", D(2015, 10, 3))), "new"),
        ("emigration", D(2016, 3, 1), as_history(("old", D(2010, 1, 1)), ("new", D(2015, 10, 3))), "new"),
        ("emigration", D(2015, 9, 1), as_history(("old", D(2010, 1, 1)), ("new", D(2015, 10, 3))), "old"),
        ("emigration", D(2015, 9, 1), as_history(("later", D(2016, 1, 1))), "later"),
        ("immigration", D(2016, 2, 1), as_history(("before", D(2010, 1, 1)), ("then", D(2014, 1, 1))), "then"),
        ("immigration", D(2016, 2, 1), as_history(("undated", None)), "undated"),
        ("immigration", D(2016, 2, 1), [], NOT_RECORDED),
    ],
)
def test_the_area_is_where_an_immigrant_came_to_and_an_emigrant_left(direction, on, history, area):
    assert moved(direction, on, history) == area
