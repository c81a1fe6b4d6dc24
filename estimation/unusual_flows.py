"""Flows of the latest year that are far from those of the years before: migration changed, or a file is not whole.

A snapshot of a list that lacks one in fifty of its people says that these have left, and no other source need object.
Nothing in a single delivery shows it, but the figure is not like those of other years.
"""

from collections.abc import Sequence

import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.periods import year_end, year_start
from pipeline.schemas import ALL

TIMES = 1.5
"""A flow is unusual from so many times the mean of the years before on, or if that mean is so many times the flow."""
ERRORS = 4.0
"""At least so many standard errors must lie between both, that of the mean included."""
KEY = ["measure", "nationality_group"]


def unusual_flows(flows: pl.DataFrame, years: Sequence[int]) -> pl.DataFrame:
    """Return `KEY`, the `estimate` of the last of `years` and the `usual` one, of gross flows unlike those before.

    `flows` are published; judged are those of years of all ages and both sexes, by nationality group and in all.
    Nothing is unusual in a study of a single year.
    """
    ends = pl.DataFrame(
        [(year_start(year), year_end(year), year == max(years)) for year in years],
        schema=["period_start", "period_end", "is_last"], orient="row",
    )  # fmt: skip
    yearly = (
        flows.filter(
            pl.col("measure").cast(pl.String).is_in(GROSS_FLOWS), pl.col("estimate").is_not_null(),
            *(pl.col(name).cast(pl.String) == ALL for name in ("sex", "age_group")),
        )
        .with_columns(pl.col(KEY).cast(pl.String), variance=pl.col("standard_error") ** 2)
        .join(ends, on=["period_start", "period_end"])
    )  # fmt: skip
    before = (
        yearly.filter(~pl.col("is_last"))
        .group_by(KEY)
        .agg(usual=pl.col("estimate").mean(), variance_before=pl.col("variance").sum() / pl.len() ** 2)
    )
    estimate, usual = pl.col("estimate"), pl.col("usual")
    return (
        yearly.filter("is_last")
        .join(before, on=KEY)
        .filter(
            (estimate - usual).abs() > ERRORS * (pl.col("variance") + pl.col("variance_before")).sqrt(),
            (estimate > TIMES * usual) | (usual > TIMES * estimate),
        )
        .select(*KEY, "estimate", "usual")
        .sort(KEY)
    )


def warn_of_unusual_flows(flows: pl.DataFrame, years: Sequence[int]) -> tuple[str, ...]:
    """Return a warning for each of `unusual_flows`."""
    return tuple(
        f"{_whose(row['nationality_group'])} {row['measure']} of the year ending June {max(years)} is "
        f"{row['estimate']:,.0f}, and {row['usual']:,.0f} in the mean of the years before. Either migration changed, "
        "or an extract is not whole: compare it with the delivery before (`sojourn receive`)."
        for row in unusual_flows(flows, years).to_dicts()
    )


def _whose(group: str) -> str:
    return "Total" if group == ALL else group.replace("_", "-")
