"""The errors of the cells of a coverage class, and that of its factor, counted once.

A factor is estimated for the people whom the list of its class really counts, so that a whole class errs as its
factor does: what its cells err by at random is in the factor already. An account takes the errors of cells as
independent of each other and of the factor, and then all cells of a class vary its N residents by their sum, W, once
more. So W / N^2 is taken off the factor's variance of sampling, and the whole class errs as the survey says.
"""

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.exact_sums import exact_sum


def errors_counted_once(covariance: pl.DataFrame, stocks: pl.DataFrame, years: int) -> pl.DataFrame:
    """Return the covariance of the factors of classes (or of classes and years) without the errors of their cells.

    `stocks` have `coverage_class`, `count` and the variance of what persists in all `years`, `variance_persistent`,
    of each of which a cell has as many times its own as there are years. Where nothing is left of a factor's
    variance, the result is the nearest covariance (N. J. Higham, Computing a nearest symmetric positive semidefinite
    matrix, Linear Algebra and its Applications 103, 1988): then its class errs as its cells do.
    """
    keys = ["class", "year"] if "year_l" in covariance.columns else ["class"]
    left, right = ([f"{key}_{side}" for key in keys] for side in ("l", "r"))
    ordered = covariance.sort(*left, *right)
    classes = ordered.select(pl.col(left).name.map(lambda name: name.removesuffix("_l"))).unique(maintain_order=True)
    own = classes["class"].replace_strict(_of_classes(stocks, years), default=0.0, return_dtype=pl.Float64).to_numpy()
    same = classes["class"].to_numpy()[:, None] == classes["class"].to_numpy()[None, :]
    sampling = ordered["sampling"].to_numpy().reshape(len(own), len(own))
    kept = _nearest_covariance(sampling - np.where(same, own[:, None], 0.0))
    lost = pl.Series((sampling - kept).ravel().round(12))
    return ordered.with_columns(pl.col("covariance", "sampling") - lost)


def _of_classes(stocks: pl.DataFrame, years: int) -> dict[str, float]:
    """Return W / N^2 of every class with people, in the mean of the years."""
    sums = stocks.sort("coverage_class", "sex", "nationality_group", "cohort", "time").group_by("coverage_class").agg(
        people=exact_sum(pl.col("count")) / years, variance=exact_sum(pl.col("variance_persistent")) / years**2
    )  # fmt: skip
    found = sums.filter(pl.col("people") > 0).select("coverage_class", pl.col("variance") / pl.col("people") ** 2)
    return dict(found.iter_rows())


def _nearest_covariance(matrix: Floats) -> Floats:
    """Return the symmetric matrix without its negative eigenvalues."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T
