"""How published figures were revised: the same period, as runs of several data dates estimated it."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from flows.variants.estimates import KEY
from pipeline.errors import UserError
from pipeline.study import Study


def by_data_date(studies: list[Study]) -> dict[date, Study]:
    """Return studies by their data dates, in order; raises `UserError` for two of one date."""
    found: dict[date, Study] = {}
    for study in studies:
        if study.data_date in found:
            raise UserError(
                f"{study.path} and {found[study.data_date].path}: both have the data date {study.data_date}. "
                "A replay needs one study a date."
            )
        found[study.data_date] = study
    return dict(sorted(found.items()))


def revisions(estimates: Mapping[date, pl.DataFrame]) -> pl.DataFrame:
    """Return how each figure was revised from run to run; `estimates` are those of runs by their data dates.

    They have `measure, period, group, estimate` (`flows.variants.estimates.published_estimates`).

    Columns: `measure, period, group, data_date, estimate, first, revision`. `first` is the earliest estimate of that
    figure, `revision` what the estimate exceeds it by. Rows are in order; a figure that only one run has is there
    too, with a revision of zero.
    """
    tables = [one.with_columns(data_date=pl.lit(day)) for day, one in sorted(estimates.items())]
    return (
        pl.concat(tables)
        .sort("data_date", maintain_order=True)
        .with_columns(first=pl.col("estimate").first().over(KEY))
        .with_columns(revision=(pl.col("estimate") - pl.col("first")).round(6))
        .sort(*KEY, "data_date", maintain_order=True)
        .select(*KEY, "data_date", "estimate", "first", "revision")
    )


def mean_revisions(table: pl.DataFrame, group: str) -> pl.DataFrame:
    """Return `measure, figures, mean_revision, mean_absolute_revision` of a group, from first to latest estimates.

    Of figures that several runs have; the two means are those by which revisions are commonly described.
    """
    last = table.filter(pl.col("group") == group).group_by(KEY, maintain_order=True).agg(
        pl.col("revision").last(), runs=pl.len()
    )  # fmt: skip
    return last.filter(pl.col("runs") > 1).group_by("measure", maintain_order=True).agg(
        pl.len().alias("figures"),
        mean_revision=pl.col("revision").mean().round(3),
        mean_absolute_revision=pl.col("revision").abs().mean().round(3),
    )  # fmt: skip
