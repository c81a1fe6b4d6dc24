"""Sums of probabilities and variances whose bytes do not depend on the order of the rows."""

import polars as pl

MILLIONTHS = 1_000_000


def exact_sum(value: pl.Expr) -> pl.Expr:
    """Return the aggregation that sums `value`, each row rounded to a millionth and added as an integer."""
    return ((value * MILLIONTHS).round().cast(pl.Int64).sum() / MILLIONTHS).round(6)
