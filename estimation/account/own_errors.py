"""The errors of a cell of the account that no other cell shares: their variance, and what it consists of."""

from collections.abc import Mapping

import polars as pl

from estimation.account.error_parts import CELL_KEY
from estimation.interval_sources import AGES, LATE, LIST_ERRORS, SMALLEST_LIST_ERROR, UNFINISHED, wrong_cases
from pipeline.schemas import GROWN_UP_AGE

MINIMUM_LIST_VARIANCE = 0.01
"""Variance per estimated resident that even a perfect list keeps."""
SMALLEST_VARIANCE = 1e-6
"""Variance of a flow that is declared to have none: the account needs one to spread a contradiction."""


def with_stock_errors(stocks: pl.DataFrame, years: int) -> pl.DataFrame:
    """Return stocks with their `variance`, `variance_persistent` of it, and a column of each source with its part.

    `stocks` have `variance_count, smoothed_count, list_variance` (of each resident), `relative_sd` (of single ages),
    `factor, variance_unfinished` and `variance_late`. The list misses mostly the same people in all `years`, so that
    all of them together know no more than one: each has as many times the variance as there are years.
    """
    count, ages = pl.col("variance_count"), (pl.col("relative_sd") * pl.col("smoothed_count")) ** 2
    factor, late = pl.col("factor") ** 2, pl.col("variance_late")
    persistent = years * (count * pl.col("list_variance") + ages)
    return stocks.with_columns(
        persistent.alias("variance_persistent"),
        (persistent + pl.col("variance_unfinished") * factor).alias("variance"),
        (years * count * (pl.col("list_variance") - MINIMUM_LIST_VARIANCE)).alias(LIST_ERRORS),
        (years * count * MINIMUM_LIST_VARIANCE).alias(SMALLEST_LIST_ERROR),
        (years * ages).alias(AGES),
        ((pl.col("variance_unfinished") - late) * factor).alias(UNFINISHED),
        (late * factor).alias(LATE),
    )


def with_flow_errors(flows: pl.DataFrame, measure: str, of_case: Mapping[tuple[str, bool], float]) -> pl.DataFrame:
    """Return gross flows with their `variance`, and a column of each source with its part of it.

    `flows` have `age, nationality_group, variance_count, variance_unfinished` and `variance_late`; `of_case` is the
    declared variance of each migration, by nationality group and whether it is a child's.
    """
    by_group = [{group: of for (group, child), of in of_case.items() if child is one} for one in (False, True)]
    adult, child = (pl.col("nationality_group").replace_strict(one, return_dtype=pl.Float64) for one in by_group)
    of_each = pl.when(pl.col("age") < GROWN_UP_AGE).then(child).otherwise(adult)
    wrong = (pl.col("variance_count") * of_each).clip(lower_bound=SMALLEST_VARIANCE)
    return flows.with_columns(
        (wrong + pl.col("variance_unfinished")).alias("variance"),
        wrong.alias(wrong_cases(measure)),
        (pl.col("variance_unfinished") - pl.col("variance_late")).alias(UNFINISHED),
        pl.col("variance_late").alias(LATE),
    )


def parts_of_cells(cells: pl.DataFrame, measure: str) -> pl.DataFrame:
    """Return `CELL_KEY, error_source, variance` of cells of one measure that have their errors."""
    sources = [
        name
        for name in (LIST_ERRORS, SMALLEST_LIST_ERROR, AGES, wrong_cases(measure), UNFINISHED, LATE)
        if name in cells.columns
    ]
    named = cells.with_columns(measure=pl.lit(measure)).select(*CELL_KEY, *sources)
    return named.unpivot(sources, index=CELL_KEY, variable_name="error_source", value_name="variance")
