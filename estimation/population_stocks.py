"""Usual residents on the list at 30 June, counted by the sex, cohort and nationality group of the account."""

import polars as pl

from estimation.cells import COUNT_CELL
from estimation.exact_sums import exact_sum
from estimation.periods import year_end


def count_residents(residents: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return the people expected on the list at 30 June of `years` by cell, as rows of `counts`.

    `people` is that of `people_by_group`. A person whose stay or absence is unfinished counts with the probability p
    of being a resident, and with the variance p(1-p); of these, each nationality group has its share q. Being one of
    p q expected residents of a group has the variance pq(1-pq): q p(1-p), and p^2 q(1-q) from the group.
    """
    p, q = pl.col("probability"), pl.col("share")
    return (
        residents.filter(p > 0, pl.col("reference_date").is_in([year_end(year) for year in years]))
        .join(people.select("person_id", *COUNT_CELL, "share"), on="person_id", how="left")
        .with_columns(
            pl.col("nationality_group").cast(pl.String),
            pl.col("sex").cast(pl.String),
            cohort=pl.min_horizontal("cohort", pl.col("reference_date").dt.year()),
        )
        .group_by(pl.col("reference_date").alias("time"), *COUNT_CELL)
        .agg(
            count=exact_sum(p * q),
            certain=((p == 1) & (q == 1)).sum().cast(pl.Int64),
            unfinished=(p < 1).sum().cast(pl.Int64),
            variance_unfinished=exact_sum(q * p * (1 - p)),
            variance_late=pl.lit(0.0),
            variance_nationality=exact_sum(p**2 * q * (1 - q)),
            provisional=(p < 1).any(),
        )
        .with_columns(measure=pl.lit("population"), period=pl.lit("day"))
    )
