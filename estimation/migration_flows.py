"""Immigration and emigration, counted by year and quarter."""

import polars as pl

from estimation.cells import COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.periods import quarter_end, year_ending
from pipeline.schemas import GROWN_UP_AGE


def count_migrations(
    moves: pl.DataFrame,
    people: pl.DataFrame,
    years: tuple[int, ...],
    completeness: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return immigration and emigration by cell for `years` (ending 30 June) and their quarters, as `counts` rows.

    `moves` are `expected_moves`, `people` is that of `people_by_group`, `completeness` the table
    `flow_completeness`. Each nationality group that the person may have gets its share of the cases, each of which
    stands for as many migrations as its group, age, time and season have for each case; without `completeness`, for
    one.
    """
    moves = (
        moves.with_columns(year=year_ending(pl.col("date")))
        .filter(pl.col("year").is_in(years))
        .join(people.select("person_id", *COUNT_CELL, "share"), on="person_id", how="left")
        # A date of birth after the migration is a mistake in a record: the person is taken to be newborn.
        .with_columns(cohort=pl.min_horizontal(pl.col("cohort") + pl.col("years_later"), "year"))
        .pipe(_standing_for, completeness)
        .with_columns(
            cases=pl.col("cases") * pl.col("migrations_per_case").fill_null(1.0),
            variance_of_cases=pl.col("variance_of_cases") * pl.col("migrations_per_case").fill_null(1.0) ** 2,
        )
    )
    q = pl.col("share")
    period_ends = {
        "year": pl.date(pl.col("year"), 6, 30),
        "quarter": quarter_end(pl.col("date")),
    }
    counted = [
        moves.with_columns(measure="direction", period=pl.lit(name), time=time)
        .group_by("measure", "period", "time", *COUNT_CELL)
        .agg(
            count=exact_sum(pl.col("cases") * q),
            certain=(pl.col("certain") & (q == 1)).sum().cast(pl.Int64),
            unfinished=pl.col("unfinished").sum().cast(pl.Int64),
            variance_unfinished=exact_sum(q * pl.col("variance_of_cases")),
            variance_late=exact_sum((q * pl.col("variance_of_cases")).filter(pl.col("years_later") > 0)),
            variance_nationality=exact_sum(pl.col("cases") ** 2 * q * (1 - q)),
            provisional=pl.col("provisional").any(),
        )
        for name, time in period_ends.items()
    ]
    return pl.concat(counted)


def _standing_for(moves: pl.DataFrame, completeness: pl.DataFrame | None) -> pl.DataFrame:
    """Return the moves with `migrations_per_case`, null where each counts as one."""
    if completeness is None:
        return moves.with_columns(migrations_per_case=pl.lit(None, pl.Float64))
    keys = ["direction", "nationality_group", "child", "quarter"]
    times = completeness.with_columns(pl.col(keys[:2]).cast(pl.String)).sort("from_date")
    return (
        moves.with_columns(child=is_child(pl.col("year"), pl.col("cohort")), quarter=pl.col("date").dt.quarter())
        .sort("date", maintain_order=True)
        .join_asof(times, left_on="date", right_on="from_date", by=keys, check_sortedness=False)
    )


def is_child(year: pl.Expr, cohort: pl.Expr) -> pl.Expr:
    """Return whether people of a cohort are younger than `GROWN_UP_AGE` on the 30 June that ends a year."""
    return year - cohort < GROWN_UP_AGE
