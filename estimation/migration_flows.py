"""Immigration and emigration, counted by year and quarter, and how a year divides into its quarters."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.cells import COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.not_final import variance_not_decided
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


@dataclass(frozen=True)
class QuarterShares:
    """How the migrations of a year divide into its quarters; arrays are of the four quarters.

    `division` is the variance of each quarter's share that comes from cases in another quarter than their own. `own`
    are the variances, in migrations, of what is open in each quarter, by what it comes from: `unfinished` stays, what
    is `late`, and what is declared of cases `not_known` yet. They are part of the year's variance.
    """

    shares: Floats
    division: Floats
    unfinished: Floats
    late: Floats
    not_known: Floats

    @property
    def own(self) -> Floats:
        """The variance of what is open in each quarter."""
        return self.unfinished + self.late + self.not_known

    def variances(self, total: float, variance: float) -> Floats:
        """Return the variances of the quarters of a year, of which `total` and `variance` are known.

        What is open errs in its own quarter, and makes the year err by as much; the rest of what the year errs by is
        divided as its migrations are. The open variance is at most the year's.
        """
        own, of_all = self.own, float(self.own.sum())
        most = min(1.0, variance / of_all) if of_all > 0 else 0.0
        return self.shares**2 * (variance - most * of_all) + most * own + total**2 * self.division


def quarter_shares(counts: pl.DataFrame, measure: str, year: int, flow_errors: FlowErrors) -> QuarterShares:
    """Return how a year divides into quarters: by their counts; a year without migrations is divided evenly.

    The count x of a quarter has the variance V = w x + r^2 x^2, w misdated for each migration and r the relative
    error of a season. Quarters err independently: by s = x / n, the variance of a share is ((1 - s)^2 V + s^2 V of
    the others) / n^2; of V = w x alone that is w s (1 - s) / n, as of a multinomial. What is declared of the cases
    of the year that are not known yet is in its quarters as their unfinished stays are.
    """
    ends = [end for _, end in quarters(year)]
    of_measure = pl.col("measure").cast(pl.String) == measure
    rows = counts.filter(of_measure, pl.col("period") == "quarter", pl.col("time").is_in(ends))
    names = ("count", "variance_late", "variance_unfinished")
    sums = rows.group_by("time").agg(exact_sum(pl.col(name)).alias(name) for name in names)
    found = pl.DataFrame({"time": ends}).join(sums, on="time", how="left", maintain_order="left").fill_null(0.0)
    count, of_late, open_cases = (found[name].to_numpy() for name in names)
    total, doubt = float(count.sum()), np.zeros(4)
    if open_cases.sum() > 0:
        declared = variance_not_decided(counts, measure, ends[-1], flow_errors.of_open_cases(measure))
        doubt = declared * open_cases / open_cases.sum()
    if total <= 0:
        return QuarterShares(np.full(4, 0.25), np.full(4, 0.25 * 0.75), *np.zeros((3, 4)))
    shares = count / total
    misdated = flow_errors.of_quarters(measure) * count + (flow_errors.season * count) ** 2
    division = ((1 - shares) ** 2 * misdated + shares**2 * (misdated.sum() - misdated)) / max(total, 1.0) ** 2
    return QuarterShares(shares, division, np.maximum(open_cases - of_late, 0.0), of_late, doubt)
