"""How much of a flow is not decided yet in a year that is not final."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.exact_sums import exact_sum

KEY = ["measure", "time", "nationality_group"]


def not_decided(yearly: pl.DataFrame) -> pl.DataFrame:
    """Return, of gross flows in years that are not final, `KEY`, the `count` and the `share` that is not decided.

    `yearly` are rows of `counts` of years, whatever `time` they have. Some cases are never certain: the share of
    those that are, in the final years of the same flow and group, is what a year comes to in the end. What it lacks
    of that is not decided; where no year is final, every case that is not certain.
    """
    group = pl.col("nationality_group").cast(pl.String)
    sums = (
        yearly.filter(pl.col("measure").cast(pl.String).is_in(GROSS_FLOWS))
        .group_by(pl.col("measure").cast(pl.String), "time", group)
        .agg(pl.col("provisional").any(), count=exact_sum(pl.col("count")), certain=pl.col("certain").sum())
        .filter(pl.col("count") > 0)
    )
    final = sums.filter(~pl.col("provisional")).group_by("measure", "nationality_group")
    in_the_end = final.agg(certain_in_the_end=pl.col("certain").sum() / exact_sum(pl.col("count")))
    of_year = sums.filter("provisional").join(in_the_end, on=["measure", "nationality_group"], how="left")
    certain, end = pl.col("certain") / pl.col("count"), pl.col("certain_in_the_end")
    decided = pl.when(end > 0).then(certain / end).otherwise(certain)
    return of_year.select(*KEY, "count", share=(1 - decided).clip(0, 1)).sort(KEY)


def variance_not_decided(counts: pl.DataFrame, measure: str, year_end: date, errors: Mapping[str, float]) -> float:
    """Return the variance of a flow in one year that is declared of what is not decided, with `errors` by group."""
    yearly = counts.filter(pl.col("period").cast(pl.String) == "year")
    rows = not_decided(yearly).filter(pl.col("measure") == measure, pl.col("time") == year_end)
    sizes = rows.select("nationality_group", "count", "share").iter_rows()
    return sum((count * share * errors[group]) ** 2 for group, count, share in sizes)
