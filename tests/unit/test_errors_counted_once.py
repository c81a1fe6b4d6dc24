"""A whole coverage class errs as its factor does: what its cells err by is taken off the factor's variance."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimation.account.errors_counted_once import errors_counted_once


def stocks(classes: dict[str, list[tuple[float, float]]], years: int = 1) -> pl.DataFrame:
    """Return cells of people and the variance of one year, each in all years."""
    rows = [
        (name, "F", "British", 1900 + at, 2015 + year, people, years * variance)
        for name, cells in classes.items()
        for at, (people, variance) in enumerate(cells)
        for year in range(years)
    ]
    columns = ["coverage_class", "sex", "nationality_group", "cohort", "time", "count", "variance_persistent"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def factors(sampling: np.ndarray, linkage: float = 0.0) -> pl.DataFrame:
    """Return the covariance of factors of classes a, b, ...: of sampling, and of linkage which all share."""
    names = [chr(ord("a") + at) for at in range(len(sampling))]
    rows = [
        (one, other, float(sampling[i, j]) + linkage, float(sampling[i, j]), linkage)
        for i, one in enumerate(names)
        for j, other in enumerate(names)
    ]
    return pl.DataFrame(rows, schema=["class_l", "class_r", "covariance", "sampling", "linkage"], orient="row")


def matrix(frame: pl.DataFrame, column: str) -> np.ndarray:
    size = round(frame.height**0.5)
    return frame[column].to_numpy().reshape(size, size)


def test_a_worked_example():
    """Of 100 residents in two cells with variances of 3 and 6 the whole varies by 9, relative to 100 by 0.0009."""
    given_factors = factors(np.array([[0.0025, 0.0001], [0.0001, 0.0016]]), 0.0004)
    found = errors_counted_once(given_factors, stocks({"a": [(40, 3), (60, 6)], "b": [(50, 1)]}), 1)

    assert matrix(found, "sampling") == pytest.approx(np.array([[0.0016, 0.0001], [0.0001, 0.0012]]))
    assert matrix(found, "covariance") == pytest.approx(np.array([[0.0020, 0.0005], [0.0005, 0.0016]]))
    assert found["linkage"].to_list() == [0.0004] * 4


def test_what_persists_is_that_of_one_year_in_the_mean_of_many():
    """In each of three years a cell has three times its variance, so that their mean has it once."""
    given_factors = factors(np.array([[0.0025]]))
    one, three = (errors_counted_once(given_factors, stocks({"a": [(100, 9)]}, years), years) for years in (1, 3))

    assert one["sampling"].to_list() == pytest.approx([0.0016])
    assert three["sampling"].to_list() == pytest.approx([0.0016])


def test_a_class_whose_cells_err_by_more_than_its_factor_keeps_the_errors_of_its_cells():
    found = errors_counted_once(factors(np.diag([0.0004, 0.0025]), 0.0001), stocks({"a": [(100, 9)]}), 1)

    assert matrix(found, "sampling") == pytest.approx(np.diag([0.0, 0.0025]))
    assert matrix(found, "covariance") == pytest.approx(np.array([[0.0001, 0.0001], [0.0001, 0.0026]]))


def test_factors_of_years_lose_the_same_in_every_pair_of_years():
    """The list misses the same people in both years; a class without people keeps its factor's error."""
    terms = [("a", 2015), ("a", 2016), ("b", 2015), ("b", 2016)]
    rows = [
        (*one, *other, 0.0025 if one == other else 0.002 if one[0] == other[0] else 0.0)
        for one in terms
        for other in terms
    ]
    columns = ["class_l", "year_l", "class_r", "year_r", "sampling"]
    of_years = pl.DataFrame(rows, schema=columns, orient="row").with_columns(covariance="sampling")
    found = errors_counted_once(of_years, stocks({"a": [(100, 4)]}, 2), 2)

    of_a, of_b = np.array([[0.0021, 0.0016], [0.0016, 0.0021]]), np.array([[0.0025, 0.002], [0.002, 0.0025]])
    assert matrix(found, "sampling") == pytest.approx(np.block([[of_a, np.zeros((2, 2))], [np.zeros((2, 2)), of_b]]))


@given(
    sizes=st.lists(st.lists(st.floats(1, 1_000), min_size=1, max_size=6), min_size=1, max_size=4),
    seed=st.integers(0, 1_000),
)
def test_a_whole_class_errs_as_its_factor_does(sizes, seed):
    """Cells err by themselves and by what is left of the factor; all cells of a class by the factor as it was."""
    random = np.random.default_rng(seed)
    root = random.normal(size=(len(sizes), len(sizes) + 2)) * 0.01
    sampling = root @ root.T + np.diag([0.0002] * len(sizes))
    cells = {
        chr(ord("a") + at): [(people, 0.0001 * people * sum(of_class) * random.random()) for people in of_class]
        for at, of_class in enumerate(sizes)
    }
    found = matrix(errors_counted_once(factors(sampling), stocks(cells), 1), "sampling")

    assert np.linalg.eigvalsh(found).min() > -1e-9
    for at, of_class in enumerate(cells.values()):
        people, own = (sum(one[i] for one in of_class) for i in range(2))
        assert people**2 * found[at, at] + own == pytest.approx(people**2 * sampling[at, at], rel=1e-6, abs=1e-5)
