"""What is not yet known of migrations at the data date: expected cases, their variance, and the effect on stocks.

A migration that is too young to be classed has the probability p of being long-term, and it has the weight w:
it represents itself and w - 1 migrations of the same time that will become known later. The rules estimate both.
"""

import polars as pl

from estimation.cells import COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.periods import year_end

_P, _W = pl.col("probability"), pl.col("weight")


def expected_cases() -> pl.Expr:
    """Return the expected number of migrations that a row of `migrations` represents, p w."""
    return _P * _W


def variance_of_cases() -> pl.Expr:
    """Return the variance of that number, w^2 p(1-p) + (w-1) p.

    Each row is decided independently of the others, and the migrations not yet known are Poisson counts.
    """
    return _W**2 * _P * (1 - _P) + (_W - 1) * _P


def count_late_migrations(migrations: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return what the list of residents at 30 June of `years` will gain or lose as late migrations become known.

    A late immigrant is not yet on the list of any day after the migration, a late emigrant still is. Columns:
    `time, sex, cohort, nationality_group, net_late` (immigrants less emigrants) and `variance` (of Poisson
    counts). Days without late migrations have no rows. `people` is that of `people_by_group`.
    """
    late = _P * (_W - 1) * pl.col("share")
    sign = pl.when(pl.col("direction").cast(pl.String) == "immigration").then(1).otherwise(-1)
    days = pl.DataFrame({"time": [year_end(year) for year in years]}, schema={"time": pl.Date})
    return (
        migrations.filter(_W > 1)
        .join_where(days, pl.col("date") <= pl.col("time"))
        .join(people.select("person_id", *COUNT_CELL, "share"), on="person_id", how="left")
        .with_columns(cohort=pl.min_horizontal("cohort", pl.col("time").dt.year()))
        .group_by("time", *COUNT_CELL)
        .agg(net_late=exact_sum(late * sign), variance=exact_sum(late))
    )


def add_late_migrations(stocks: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """Return population counts (rows of `counts`) with late migrations added; never below 0."""
    expected = late.select(
        "time", *COUNT_CELL, measure=pl.lit("population"), period=pl.lit("day"),
        count="net_late", certain=pl.lit(0, dtype=pl.Int64), unfinished=pl.lit(0, dtype=pl.Int64),
        variance_unfinished="variance", variance_nationality=pl.lit(0.0), provisional=pl.lit(value=True),
    )  # fmt: skip
    return (
        pl.concat([stocks, expected.select(stocks.columns)], how="vertical_relaxed")
        .group_by("measure", "period", "time", *COUNT_CELL, maintain_order=True)
        .agg(
            pl.col(
                "count", "certain", "unfinished", "variance_unfinished", "variance_nationality"
            ).sum(),  # two rows a cell at most
            pl.col("provisional").any(),
        )
        .with_columns(pl.max_horizontal("count", 0.0))
    )
