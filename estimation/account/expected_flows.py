"""Flows that are expected before anything is observed: the optional files `prior_immigration` and `prior_emigration`.

The true number in a cell is a gamma-Poisson count about its mean m, with variance m + d m^2 (as in Bryant & Graham
2013, Bayesian Analysis 8). The means come from the files; the dispersion d of each measure, which they do not
contain, is estimated from the reported counts, whose own errors and common level are taken out.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from estimation.account.columns import read_columns, refuse_blanks, refuse_rows, to_numbers, to_sex_codes
from estimation.arrays import Floats

SMALLEST_DISPERSION = 1e-3
SMALLEST_VARIANCE = 1e-3
"""Variance of a flow that is never expected: no cell is empty for certain."""
MEASURES = ("immigration", "emigration")
COHORT = ["area", "sex", "nationality_group", "cohort"]


def with_expected_flows(
    cells: dict[str, pl.DataFrame], folder: Path, places: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Return the flows that are expected, with `expected`, `expected_variance` and a `smoothed_count` made of them.

    Immigrants are expected by year of age, emigrants as a rate for the people present. Flows without a row in the
    files are not expected to be of any size, and stay as they are.
    """
    found = {}
    for name in MEASURES:
        path = folder / f"prior_{name}.csv"
        if not path.exists():
            continue
        means = _read_means(path, places)
        keys = [one for one in means.columns if one != "mean"]
        flows = cells[name].join(means, on=keys, how="left", maintain_order="left")
        mean = flows["mean"] / _cells_of_a_year(flows)
        if name == "emigration":
            mean = mean * _people_present(flows, cells["population"])
        found[name] = _with_variance(flows.drop("mean").with_columns(expected=mean))
    return found


def _read_means(path: Path, places: Sequence[str]) -> pl.DataFrame:
    keys = [*places, "sex", "age", "time"]
    frame = read_columns(path, ["age", "time", "mean"], ["sex", *places])
    frame = to_numbers(frame, path, {"age": pl.Int32, "time": pl.Int32, "mean": pl.Float64})
    frame = to_sex_codes(frame, path) if "sex" in frame.columns else frame
    refuse_blanks(frame, path, frame.columns)
    refuse_rows(frame, path, pl.col("mean") < 0, "mean {mean} is negative. Give 0 or more.")
    keys = [one for one in keys if one in frame.columns]
    refuse_rows(frame, path, ~pl.struct(keys).is_first_distinct(), "age {age}, time {time} has a row already.")
    return frame


def _cells_of_a_year(flows: pl.DataFrame) -> int:
    """Return into how many cells a year of age is divided: two triangles, or one cell."""
    return 2 if (flows["time"] - flows["age"] != flows["cohort"]).any() else 1


def _people_present(flows: pl.DataFrame, stocks: pl.DataFrame) -> pl.Series:
    """Return for every flow the mean of the cohort's reported stocks at the beginning and the end of the year."""
    ends = stocks.select(*COHORT, "time", end="count")
    starts = stocks.select(*COHORT, pl.col("time") + 1, start="count")
    joined = flows.join(starts, on=[*COHORT, "time"], how="left", maintain_order="left")
    joined = joined.join(ends, on=[*COHORT, "time"], how="left", maintain_order="left")
    return joined.select(pl.mean_horizontal("start", "end").fill_null(0.0)).to_series()


def _with_variance(flows: pl.DataFrame) -> pl.DataFrame:
    expected = flows["expected"].to_numpy()
    known = np.isfinite(expected)
    mean = np.where(known, expected, 0.0)
    spread = dispersion(
        flows["count"].to_numpy()[known], mean[known], flows["sd"].to_numpy()[known], flows["time"].to_numpy()[known]
    )
    variance = np.maximum(mean + spread * mean**2, SMALLEST_VARIANCE)
    return flows.with_columns(
        expected_variance=pl.Series(np.where(known, variance, np.inf)).round(9),
        expected=pl.Series(mean).round(9),
        smoothed_count=pl.when(pl.Series(known)).then(pl.Series(mean)).otherwise("smoothed_count").round(9),
    )


def dispersion(count: Floats, mean: Floats, sd: Floats, time: np.ndarray) -> float:
    """Return d by moments: counts vary by sd^2 + mean + d mean^2 about the means at the level of their year."""
    if not mean.sum():
        return SMALLEST_DISPERSION
    year = time - time.min()
    counted, expected = np.bincount(year, count), np.bincount(year, mean)
    level = np.where(expected > 0, counted / np.where(expected > 0, expected, 1.0), 1.0)[year]
    fitted = np.maximum(level, 1e-9) * mean
    excess = ((count - fitted) ** 2 - sd**2 - fitted).sum()
    return max(float(excess / (fitted**2).sum()), SMALLEST_DISPERSION)
