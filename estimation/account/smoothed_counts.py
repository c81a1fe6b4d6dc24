"""Expected counts: what a cell would hold on average, from many cells so that its own error hardly matters.

Variances and shared biases of the account are proportional to expected counts. With observed counts in
their place, or with a smoothing so narrow that a cell's own error comes through, low cells would weigh too
much and every bias would be found where there is only chance: totals would drift down.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimation.account.least_squares import Array

AGE_KERNEL = (1, 2, 3, 2, 1)
EVERYWHERE = 0.05
"""Share of the mean of all cells in the expected count of a variance: no cell is empty for certain."""
LEAST = 1e-3
"""Expected count, for a variance, of a cell of a measure that counts nobody at all."""


def with_expected(cells: pl.DataFrame, *, stock: bool) -> pl.DataFrame:
    """Return `cells` (one row a `sex, nationality_group, cohort, age, time`, with `count`) with two columns.

    `expected`, the effect of a shared bias: of a stock the mean of its cohort over the years; of a flow the
    age profile of its nationality group (both sexes, all years, neighbouring ages), scaled to the counts of
    its sex and group. It is the same in every year: scaled to a year's own count it would hold the very bias
    that it multiplies. `chance`, for variances, is the same mixed with a little of the mean of all cells,
    and always positive.
    """
    if cells.is_empty():
        return cells.with_columns(expected=pl.col("count"), chance=pl.col("count"))
    count = cells["count"].to_numpy().astype(float)
    expected = _cohort_means(cells, count) if stock else _profiles(cells, count)
    chance = np.maximum((1 - EVERYWHERE) * expected + EVERYWHERE * count.mean(), LEAST)
    return cells.with_columns(
        expected=pl.Series(np.maximum(expected, 0.0)).round(9), chance=pl.Series(chance).round(9)
    )


def _place(cells: pl.DataFrame, columns: list[str]) -> NDArray[np.int64]:
    """Return the number of each row's combination of values, in their order."""
    numbered = cells.select(columns).unique().sort(columns).with_row_index("place")
    found = cells.select(columns).join(numbered, on=columns, how="left", maintain_order="left")
    return found["place"].to_numpy().astype(np.int64)


def _cohort_means(cells: pl.DataFrame, count: Array) -> Array:
    series = _place(cells, ["sex", "nationality_group", "cohort"])
    return (np.bincount(series, weights=count) / np.bincount(series))[series]


def _profiles(cells: pl.DataFrame, count: Array) -> Array:
    group, age = _place(cells, ["nationality_group"]), (cells["age"] - cells["age"].min()).to_numpy()
    shape = (int(group.max()) + 1, int(age.max()) + 1)
    sums, present = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (group, age), count)
    np.add.at(present, (group, age), 1.0)
    expected = (_spread(sums) / np.maximum(_spread(present), 1.0))[group, age]
    return _scaled(expected, count, _place(cells, ["sex", "nationality_group"]))


def _spread(values: Array) -> Array:
    """Return the weighted sum over neighbouring ages."""
    reach = len(AGE_KERNEL) // 2
    padded = np.pad(values, ((0, 0), (reach, reach)))
    return sum(
        (weight * padded[:, i : i + values.shape[1]] for i, weight in enumerate(AGE_KERNEL)), np.zeros_like(values)
    )


def _scaled(expected: Array, count: Array, place: NDArray[np.int64]) -> Array:
    """Return expected counts that add up to the counts of every place; where nothing is expected, nothing is."""
    wanted, sums = np.bincount(place, weights=count), np.bincount(place, weights=expected)
    return expected * np.where(sums > 0, wanted / np.where(sums > 0, sums, 1.0), 0.0)[place]
