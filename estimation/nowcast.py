"""What is not yet known of migrations at the data date: expected cases, their variance, and the effect on stocks.

A migration that is too young to be classed has the probability p of being long-term. A migration that will become
known later has no person yet: it is modelled on one of an earlier year, which tells sex, age and group.
"""

import polars as pl

from estimation.cells import COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.periods import year_end

_P, _EXPECTED = pl.col("probability"), pl.col("probability") * pl.col("factor")


def expected_moves(migrations: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """Return one row per migration, known or late, with the `cases` that it counts as, and `variance_of_cases`.

    A known one counts p; one that the rules leave open has the variance p(1 - p), each independently of the others.
    One that is certain by the rules has none here, even if its calibrated probability is below 1: that decided cases
    are wrong at times is a declared error of flows. A late one counts e = p times its factor, with the variance
    e + e^2: of this year's Poisson count, and of the earlier one behind the estimate.
    The other columns are `person_id, date, direction, reason, years_later` (0 of a known one), and whether a case is
    `certain`, `unfinished` and `provisional`.
    """
    certain = pl.col("status").cast(pl.String) == "certain"
    known = migrations.filter(_P > 0).select(
        "person_id", "date", pl.col("direction").cast(pl.String), "reason", years_later=pl.lit(0, pl.Int32), cases=_P,
        variance_of_cases=pl.when(certain).then(0.0).otherwise(_P * (1 - _P)), certain=certain,
        unfinished=~certain & (_P < 1), provisional="provisional",
    )  # fmt: skip
    expected = late.select(
        "person_id", "date", pl.col("direction").cast(pl.String), reason=pl.lit(None, pl.String),
        years_later="years_later", cases=_EXPECTED, variance_of_cases=_EXPECTED + _EXPECTED**2,
        certain=pl.lit(value=False), unfinished=pl.lit(value=False), provisional=pl.lit(value=True),
    )  # fmt: skip
    return pl.concat([known, expected])


def count_late_migrations(moves: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return what the list of residents at 30 June of `years` will gain or lose as late migrations become known.

    A late immigrant is not yet on the list of any day after the migration, a late emigrant still is. Columns:
    `time, sex, cohort, nationality_group, net_late` (immigrants less emigrants) and `variance`. Days without late
    migrations have no rows. `moves` are `expected_moves`, `people` is that of `people_by_group`.
    """
    sign = pl.when(pl.col("direction") == "immigration").then(1).otherwise(-1)
    days = pl.DataFrame({"time": [year_end(year) for year in years]}, schema={"time": pl.Date})
    return (
        moves.filter(pl.col("years_later") > 0)
        .join_where(days, pl.col("date") <= pl.col("time"))
        .join(people.select("person_id", *COUNT_CELL, "share"), on="person_id", how="left")
        .with_columns(cohort=pl.min_horizontal(pl.col("cohort") + pl.col("years_later"), pl.col("time").dt.year()))
        .group_by("time", *COUNT_CELL)
        .agg(
            net_late=exact_sum(pl.col("cases") * pl.col("share") * sign),
            variance=exact_sum(pl.col("variance_of_cases") * pl.col("share")),
        )
    )


def add_late_migrations(stocks: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """Return population counts (rows of `counts`) with late migrations added; never below 0."""
    expected = late.select(
        "time", *COUNT_CELL, measure=pl.lit("population"), period=pl.lit("day"),
        count="net_late", certain=pl.lit(0, dtype=pl.Int64), unfinished=pl.lit(0, dtype=pl.Int64),
        variance_unfinished="variance", variance_late="variance", variance_nationality=pl.lit(0.0),
        provisional=pl.lit(value=True),
    )  # fmt: skip
    return (
        pl.concat([stocks, expected.select(stocks.columns)], how="vertical_relaxed")
        .group_by("measure", "period", "time", *COUNT_CELL, maintain_order=True)
        .agg(
            pl.col(
                "count", "certain", "unfinished", "variance_unfinished", "variance_late", "variance_nationality"
            ).sum(),  # two rows a cell at most
            pl.col("provisional").any(),
        )
        .with_columns(pl.max_horizontal("count", 0.0))
    )
