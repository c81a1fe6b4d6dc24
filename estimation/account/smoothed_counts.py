"""Smoothed counts: the mean of a cell over many similar cells, so that one unusual count changes little.

Variances and shared biases of the account are proportional to smoothed counts. With observed counts instead,
or with smoothing so narrow that a cell's own error comes through, low cells would have too much weight and
random errors would be taken for bias: totals would drift down.
"""

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers

AGE_KERNEL = (1, 2, 3, 2, 1)
OVERALL_SHARE = 0.05
"""Share of the mean of all cells in the count behind a variance: no cell is empty for certain."""
SMALLEST_VARIANCE_COUNT = 1e-3
"""The count behind a variance in a measure whose total is zero."""


def with_smoothed_counts(cells: pl.DataFrame, *, stock: bool) -> pl.DataFrame:
    """Return `cells`, with `count` by `area, sex, nationality_group, cohort, age, time`, with two more columns.

    `smoothed_count` is what a shared bias multiplies: for a stock the mean of its cohort over the years; for a
    flow the age profile of its nationality group in its area (both sexes, all years, neighbouring ages), scaled to
    the counts of its sex and group. It is the same in every year: scaled to a year's own count it would contain the
    very bias that it multiplies. `variance_count`, for variances, is the same mixed with a little of the mean of
    all cells, and always positive.
    """
    if cells.is_empty():
        return cells.with_columns(smoothed_count=pl.col("count"), variance_count=pl.col("count"))
    count = cells["count"].to_numpy().astype(float)
    smoothed = _cohort_means(cells, count) if stock else _age_profiles(cells, count)
    mixed = (1 - OVERALL_SHARE) * smoothed + OVERALL_SHARE * count.mean()
    return cells.with_columns(
        smoothed_count=pl.Series(np.maximum(smoothed, 0.0)).round(9),
        variance_count=pl.Series(np.maximum(mixed, SMALLEST_VARIANCE_COUNT)).round(9),
    )


def _group_index(cells: pl.DataFrame, columns: list[str]) -> Integers:
    """Return the number of each row's combination of values, in sorted order."""
    numbered = cells.select(columns).unique().sort(columns).with_row_index("group")
    found = cells.select(columns).join(numbered, on=columns, how="left", maintain_order="left")
    return found["group"].to_numpy().astype(np.int64)


def _cohort_means(cells: pl.DataFrame, count: Floats) -> Floats:
    series = _group_index(cells, ["area", "sex", "nationality_group", "cohort"])
    return (np.bincount(series, weights=count) / np.bincount(series))[series]


def _age_profiles(cells: pl.DataFrame, count: Floats) -> Floats:
    group, age = _group_index(cells, ["area", "nationality_group"]), (cells["age"] - cells["age"].min()).to_numpy()
    shape = (int(group.max()) + 1, int(age.max()) + 1)
    sums, present = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (group, age), count)
    np.add.at(present, (group, age), 1.0)
    profile = (_kernel_sum(sums) / np.maximum(_kernel_sum(present), 1.0))[group, age]
    return _scaled(profile, count, _group_index(cells, ["area", "sex", "nationality_group"]))


def _kernel_sum(values: Floats) -> Floats:
    """Return the weighted sum over neighbouring ages."""
    reach = len(AGE_KERNEL) // 2
    padded = np.pad(values, ((0, 0), (reach, reach)))
    return sum(
        (weight * padded[:, i : i + values.shape[1]] for i, weight in enumerate(AGE_KERNEL)), np.zeros_like(values)
    )


def _scaled(profile: Floats, count: Floats, group: Integers) -> Floats:
    """Return the profile scaled to the total count of each group; 0 in groups whose profile is 0."""
    totals, sums = np.bincount(group, weights=count), np.bincount(group, weights=profile)
    return profile * np.where(sums > 0, totals / np.where(sums > 0, sums, 1.0), 0.0)[group]
