"""What the variances in the files of an account consist of, by source of error."""

from dataclasses import dataclass

import polars as pl

CELL_KEY = ["measure", "sex", "nationality_group", "cohort", "age", "time"]
PARTS_OF_TERMS = {"term": pl.String, "other": pl.String, "error_source": pl.String, "covariance": pl.Float64}


@dataclass(frozen=True)
class ErrorParts:
    """The errors of an account's files by source: `error_source` has the names of `estimation.interval_sources`.

    `cells` are the parts of the variance that no other cell shares: `CELL_KEY, error_source, variance`. `terms` are
    the parts of the covariance of biases: `term, other, error_source, covariance`, every pair in both orders, and
    the variance of a term in a row of the term with itself.
    """

    cells: pl.DataFrame
    terms: pl.DataFrame
