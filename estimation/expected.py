"""Expected counts: what a cell would hold on average, smoothed over ages and years.

Variances and shared biases of the account are proportional to expected counts. Observed counts would give
cells that drew low by chance too much weight, and totals would drift down.
"""

import numpy as np
import polars as pl

from estimation.least_squares import Array

AGE_KERNEL = (1, 2, 3, 2, 1)
TIME_KERNEL = (1, 2, 1)
EVERYWHERE = 0.05
"""Share of the mean of all cells in the expected count of a variance: no cell is empty for certain."""
LEAST = 1e-3
"""Expected count, for a variance, of a cell of a measure that counts nobody at all."""


def with_expected(cells: pl.DataFrame) -> pl.DataFrame:
    """Return `cells` (one row a `sex, nationality_group, age, time`, with `count`) with `expected`, `chance`.

    `expected`, the effect of a shared bias, is the weighted mean over the neighbouring ages (within 2) and
    years (within 1) of one sex and nationality group. `chance`, for variances, is the same mixed with a
    little of the mean of all cells, and always positive.
    """
    if cells.is_empty():
        return cells.with_columns(expected=pl.col("count"), chance=pl.col("count"))
    of = ["sex", "nationality_group"]
    groups = cells.select(of).unique().sort(of).with_row_index("group")
    group = cells.select(of).join(groups, on=of, how="left", maintain_order="left")["group"].to_numpy()
    age = (cells["age"] - cells["age"].min()).to_numpy()
    time = (cells["time"] - cells["time"].min()).to_numpy()
    place = (group.astype(np.int64), age.astype(np.int64), time.astype(np.int64))
    shape = tuple(int(one.max()) + 1 for one in place)
    counts, present = np.zeros(shape), np.zeros(shape)
    counts[place] = cells["count"].to_numpy()
    present[place] = 1.0
    smooth = (_spread(counts) / np.maximum(_spread(present), 1e-300))[place]
    mean = counts.sum() / present.sum()
    chance = np.maximum((1 - EVERYWHERE) * smooth + EVERYWHERE * mean, LEAST)
    return cells.with_columns(expected=pl.Series(smooth).round(9), chance=pl.Series(chance).round(9))


def _spread(values: Array) -> Array:
    """Return the sum over neighbours in age and time, each with its weight."""
    ages, times = len(AGE_KERNEL) // 2, len(TIME_KERNEL) // 2
    padded = np.pad(values, ((0, 0), (ages, ages), (times, times)))
    total = np.zeros_like(values)
    for i, by_age in enumerate(AGE_KERNEL):
        for j, by_time in enumerate(TIME_KERNEL):
            total += by_age * by_time * padded[:, i : i + values.shape[1], j : j + values.shape[2]]
    return total
