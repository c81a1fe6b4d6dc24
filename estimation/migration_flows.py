"""Migrations counted: by year and quarter, finished and unfinished, with the variance of the unfinished."""

import numpy as np
import polars as pl

from estimation.account.least_squares import Array
from estimation.periods import DEFINITION, quarter_end, quarters, year_end, year_ending

GROSS = ("immigration", "emigration")
MICRO = 1_000_000
"""Expected counts are added up as integers of a millionth: a sum that does not depend on its order."""
CELL = ["sex", "cohort", "nationality_group"]


def count_migrations(migrations: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return immigration and emigration by cell for `years` (ending 30 June) and their quarters, as `counts` rows.

    `people` has `person_id, sex, cohort, nationality_group`. A migration counts with its probability p times its
    weight w, for it stands also for w - 1 that are not known yet. The variance of the unfinished is the sum of
    w^2 p(1-p) + (w-1) p, as if each were decided by itself and the unknown came as Poisson counts.
    """
    p, w = pl.col("probability"), pl.col("weight")
    moves = (
        migrations.filter(pl.col("definition") == DEFINITION)
        .with_columns(
            year=year_ending(pl.col("date")),
            micro=(p * w * MICRO).round().cast(pl.Int64),
            micro_variance=((w**2 * p * (1 - p) + (w - 1) * p) * MICRO).round().cast(pl.Int64),
        )
        .filter(pl.col("year").is_in(years))
        .join(people.select("person_id", *CELL), on="person_id", how="left")
        # A date of birth after the migration is a mistake in a record: the person is as young as can be.
        .with_columns(cohort=pl.min_horizontal("cohort", "year"))
    )
    by = {
        "year": pl.date(pl.col("year"), 6, 30),
        "quarter": quarter_end(pl.col("date")),
    }
    counted = [
        moves.with_columns(measure=pl.col("direction").cast(pl.String), period=pl.lit(name), time=time)
        .group_by("measure", "period", "time", *CELL)
        .agg(
            count=(pl.col("micro").sum() / MICRO).round(6),
            certain=(pl.col("probability") == 1).sum().cast(pl.Int64),
            unfinished=(pl.col("probability") < 1).sum().cast(pl.Int64),
            variance_unfinished=(pl.col("micro_variance").sum() / MICRO).round(6),
            provisional=pl.col("provisional").any(),
        )
        for name, time in by.items()
    ]
    return pl.concat(counted).with_columns(definition=pl.lit(DEFINITION))


def count_late(migrations: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return what the list of residents will gain and lose on 30 June of `years` when late migrations are known.

    A migration of weight w stands for w - 1 that are not known yet: an immigrant among them is not on the list
    of a later day, an emigrant still is. Columns: `time, sex, cohort, nationality_group, late` (people to add;
    negative to take away) and `variance` (Poisson, times p). Days without late migrations have no rows.
    """
    unknown = pl.col("probability") * (pl.col("weight") - 1)
    sign = pl.when(pl.col("direction").cast(pl.String) == "immigration").then(1).otherwise(-1)
    days = pl.DataFrame({"time": [year_end(year) for year in years]}, schema={"time": pl.Date})
    return (
        migrations.filter(pl.col("definition") == DEFINITION, pl.col("weight") > 1)
        .join_where(days, pl.col("date") <= pl.col("time"))
        .with_columns(micro=(unknown * MICRO).round().cast(pl.Int64), sign=sign)
        .join(people.select("person_id", *CELL), on="person_id", how="left")
        .with_columns(cohort=pl.min_horizontal("cohort", pl.col("time").dt.year()))
        .group_by("time", *CELL)
        .agg(
            late=((pl.col("micro") * pl.col("sign")).sum() / MICRO).round(6),
            variance=(pl.col("micro").sum() / MICRO).round(6),
        )
    )


def with_late(listed: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
    """Return population counts (rows of `counts`) as they will be when late migrations are known; never below 0."""
    expected = late.select(
        "time", *CELL, measure=pl.lit("population"), period=pl.lit("day"), definition=pl.lit(DEFINITION),
        count="late", certain=pl.lit(0, dtype=pl.Int64), unfinished=pl.lit(0, dtype=pl.Int64),
        variance_unfinished="variance", provisional=pl.lit(value=True),
    )  # fmt: skip
    return (
        pl.concat([listed, expected.select(listed.columns)], how="vertical_relaxed")
        .group_by("measure", "period", "time", "definition", *CELL, maintain_order=True)
        .agg(
            pl.col("count", "certain", "unfinished", "variance_unfinished").sum(),  # two rows a cell at most
            pl.col("provisional").any(),
        )
        .with_columns(pl.max_horizontal("count", 0.0))
    )


def quarter_shares(counts: pl.DataFrame, measure: str, year: int) -> tuple[Array, Array]:
    """Return the shares of the four quarters in a year's count, and the variances of those shares.

    The shares add up to 1; a year without migrations is divided evenly. With n counted in the year the
    variance of a share s is s(1-s)/n (Poisson counts given their sum), plus that of the unfinished.
    """
    quarterly = counts.filter(pl.col("measure") == measure, pl.col("period") == "quarter")
    ends = [end for _, end in quarters(year)]
    sums = {
        row[0]: row[1:]
        for row in quarterly.filter(pl.col("time").is_in(ends))
        .sort("time", *CELL)
        .group_by("time", maintain_order=True)
        .agg(pl.col("count"), pl.col("variance_unfinished"))
        .iter_rows()
    }
    count, unfinished = (
        np.array([float(np.sum(sums[end][i])) if end in sums else 0.0 for end in ends]) for i in range(2)
    )
    total = float(count.sum())
    if total <= 0:
        return np.full(4, 0.25), np.full(4, 0.25 * 0.75)
    shares = count / total
    return shares, shares * (1 - shares) / max(total, 1.0) + unfinished / max(total, 1.0) ** 2
