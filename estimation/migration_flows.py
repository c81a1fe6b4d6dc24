"""Immigration and emigration, counted by year and quarter, and how a year divides into its quarters."""

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.cells import COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.periods import quarter_end, quarters, year_ending
from pipeline.schemas import GROWN_UP_AGE
from pipeline.study import FlowErrors


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


def quarter_shares(
    counts: pl.DataFrame, measure: str, year: int, flow_errors: FlowErrors
) -> tuple[Floats, Floats, Floats]:
    """Return the shares of the four quarters in a year's count, and two variances of each, which add up.

    The first is that of how cases are divided, as declared, the second that of the unfinished. The shares add up to
    1; a year without migrations is divided evenly. The count x of a quarter has the variance V = w x + r^2 x^2, w
    misdated for each migration and r the relative error of a season; in a year that is not final also that of each
    nationality group's cases that are not certain. Quarters err independently. By s = x / n, the variance of a share
    is ((1 - s)^2 V + s^2 V of the others) / n^2; of V = w x alone that is w s (1 - s) / n, as of a multinomial.
    """
    of_year = pl.col("time").is_in([end for _, end in quarters(year)])
    rows = counts.filter(pl.col("measure") == measure, pl.col("period") == "quarter", of_year)
    group = pl.col("nationality_group").cast(pl.String)
    of_group = rows.group_by("time", group).agg(
        pl.col("provisional").any(),
        count=exact_sum(pl.col("count")),
        certain=pl.col("certain").sum(),
        unfinished=exact_sum(pl.col("variance_unfinished")),
    )
    doubt = group.replace_strict(flow_errors.not_final.model_dump(), return_dtype=pl.Float64)
    not_certain = pl.when("provisional").then(pl.col("count") - pl.col("certain")).otherwise(0.0).clip(lower_bound=0)
    of_quarter = of_group.group_by("time").agg(
        exact_sum(pl.col("count")), exact_sum(pl.col("unfinished")), doubtful=exact_sum((doubt * not_certain) ** 2)
    )
    ends = pl.DataFrame({"time": [end for _, end in quarters(year)]})
    found = ends.join(of_quarter, on="time", how="left", maintain_order="left").fill_null(0.0)
    count, unfinished, doubtful = (found[name].to_numpy() for name in ("count", "unfinished", "doubtful"))
    total = float(count.sum())
    if total <= 0:
        return np.full(4, 0.25), np.full(4, 0.25 * 0.75), np.zeros(4)
    shares, people = count / total, max(total, 1.0)

    def of_shares(own: Floats) -> Floats:
        return ((1 - shares) ** 2 * own + shares**2 * (own.sum() - own)) / people**2

    divided = flow_errors.of_quarters(measure) * count + (flow_errors.season * count) ** 2 + doubtful
    return shares, of_shares(divided), of_shares(unfinished)
