"""People between the classes of two sets of rules: how many moved from which class to which, and by which rules.

A person's class in a year is `certain` or `probable` for each direction of migration, and `none` without one; on a
reference date `resident`, `excluded`, or `none` without enough signs.
"""

import polars as pl

NONE = "none"
KEY = ["measure", "period", "person_id"]


def transitions(
    migrations: tuple[pl.DataFrame, pl.DataFrame], residents: tuple[pl.DataFrame, pl.DataFrame]
) -> pl.DataFrame:
    """Return `measure, period, class_a, class_b, rule_a, rule_b, people` from the tables of two runs.

    `period` is the last day of a year (30 June) or a reference date. A rule is that which decided the class: the stay
    rule of a migration, or the sign or the exclusion of residence; it is null without a class. The people of both
    runs must be the same, by `person_id`; those who are in no class of either are not counted.
    """
    a, b = (pl.concat([_of_migrations(migrations[side]), _of_residents(residents[side])]) for side in range(2))
    return (
        a.join(b, on=KEY, how="full", coalesce=True, suffix="_b")
        .select(
            "measure",
            "period",
            class_a=pl.col("class").fill_null(NONE),
            class_b=pl.col("class_b").fill_null(NONE),
            rule_a="rule",
            rule_b="rule_b",
        )
        .group_by(pl.all())
        .agg(people=pl.len().cast(pl.Int64))
        .sort(pl.all())
    )


def _of_migrations(migrations: pl.DataFrame) -> pl.DataFrame:
    """Return the class of each person, year and direction: of several migrations the likeliest, then the earliest."""
    date = pl.col("date")
    return (
        migrations.with_columns(period=pl.date(date.dt.year() + (date.dt.month() > 6).cast(pl.Int32), 6, 30))
        .sort("probability", "date", descending=[True, False])
        .select(
            pl.col("direction").cast(pl.String).alias("measure"),
            "period",
            "person_id",
            pl.col("status").cast(pl.String).alias("class"),
            pl.col("rule_id").alias("rule"),
        )
        .unique(KEY, keep="first", maintain_order=True)
    )


def _of_residents(residents: pl.DataFrame) -> pl.DataFrame:
    return residents.filter("published").select(
        pl.lit("population").alias("measure"),
        pl.col("reference_date").alias("period"),
        "person_id",
        pl.when("resident").then(pl.lit("resident")).otherwise(pl.lit("excluded")).alias("class"),
        pl.col("decided_by").alias("rule"),
    )
