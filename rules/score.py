"""Migrations and residents compared with the truth, person by person.

Only `flows/evaluate.py` calls this, with tables of the truth that nothing else reads.
"""

import polars as pl

MISDATED_DAYS = 183
"""A migration estimated in another year, but at most this many days from the true date, is misdated, not missed."""


def score_migrations(
    migrations: pl.DataFrame, clusters: pl.DataFrame, who: pl.DataFrame, truth: pl.DataFrame
) -> pl.DataFrame:
    """Return one row per direction and year ending 30 June: `measure, time, true, estimated`, and how they agree.

    `migrations` and `clusters` are the run's tables, `who` gives the true person of each subject (`source,
    subject_id, person`), `truth` has `person, date, direction`. `hits`, `misdated` (the same change of residence,
    dated in another year) and `misses` add up to `true`; `false` is the sum of probabilities of
    estimated migrations near no true one; `estimated` is the sum of probabilities times weights.
    """
    estimated = (
        migrations.join(_true_person(clusters, who), on="person_id", how="left")
        .select("person", "date", "probability", "weight", pl.col("direction").cast(pl.String))
        .with_columns(time=_year_ending("date"))
    )
    true = truth.select("person", "date", pl.col("direction").cast(pl.String)).with_columns(time=_year_ending("date"))
    pairs = true.rename({"date": "true_date", "time": "true_time"}).join(
        estimated, on=["person", "direction"], how="inner"
    )
    near = pairs.filter(
        (pl.col("time") == pl.col("true_time"))
        | ((pl.col("date") - pl.col("true_date")).dt.total_days().abs() <= MISDATED_DAYS)
    )
    same = near.filter(pl.col("time") == pl.col("true_time"))
    key = ["person", "direction", "true_date"]
    compared = true.rename({"date": "true_date"}).with_columns(
        hit=_in(true, same.select(key)), near=_in(true, near.select(key))
    )
    totals = compared.group_by("direction", "time").agg(
        true=pl.len(),
        hits=pl.col("hit").sum(),
        misdated=(pl.col("near") & ~pl.col("hit")).sum(),
        misses=(~pl.col("near")).sum(),
    )
    wrong = estimated.join(
        near.select("person", "direction", "date").unique(), on=["person", "direction", "date"], how="anti"
    )
    return (
        totals.join(
            _sum_of(estimated, "estimated", pl.col("probability") * pl.col("weight")),
            on=["direction", "time"],
            how="full",
            coalesce=True,
        )
        .join(_sum_of(wrong, "false", pl.col("probability")), on=["direction", "time"], how="left")
        .filter(pl.col("time").is_between(estimated["time"].min(), true["time"].max()))
        .with_columns(pl.exclude("direction", "time").fill_null(0))
        .select(
            pl.col("direction").alias("measure"), "time", "true", "estimated", "hits", "misdated", "misses", "false"
        )
        .sort("measure", "time")
    )


def score_residents(
    residents: pl.DataFrame, clusters: pl.DataFrame, who: pl.DataFrame, truth: pl.DataFrame
) -> pl.DataFrame:
    """Return one row per reference date: `measure` (population), `time, true, estimated, hits, misses, false`.

    `truth` has `reference_date, person`; two clusters of one true person count once as a hit and once as false.
    """
    counted = (
        residents.filter("resident")
        .join(_true_person(clusters, who), on="person_id", how="left")
        .select("reference_date", "person")
    )
    estimated = counted.group_by("reference_date").agg(estimated=pl.len().cast(pl.Float64))
    hits = counted.unique().join(
        truth.select("reference_date", "person"), on=["reference_date", "person"], how="semi"
    )
    return (
        truth.group_by("reference_date").agg(true=pl.len())
        .join(estimated, on="reference_date", how="inner")
        .join(hits.group_by("reference_date").agg(hits=pl.len()), on="reference_date", how="left")
        .with_columns(pl.col("hits").fill_null(0))
        .select(
            pl.lit("population").alias("measure"), pl.col("reference_date").alias("time"),
            "true", "estimated", "hits",
            misses=pl.col("true") - pl.col("hits"), false=pl.col("estimated") - pl.col("hits"),
        )
        .sort("time")
    )  # fmt: skip


def _true_person(clusters: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    """Return `person_id, person`: the true person of most subjects of a cluster; of equals, the lowest number."""
    return (
        clusters.filter(pl.col("draw") == 0)
        .join(who.select("source", "subject_id", "person"), on=["source", "subject_id"], how="inner")
        .group_by("person_id", "person").len()
        .sort("person_id", "len", "person", descending=[False, True, False])
        .group_by("person_id", maintain_order=True).agg(pl.col("person").first())
    )  # fmt: skip


def _year_ending(column: str) -> pl.Expr:
    """Return the 30 June that ends the year of a date."""
    date = pl.col(column)
    return pl.date(date.dt.year() + (date.dt.month() > 6).cast(pl.Int32), 6, 30)


def _in(frame: pl.DataFrame, keys: pl.DataFrame) -> pl.Series:
    marked = frame.rename({"date": "true_date"}).join(
        keys.unique().with_columns(found=True),
        on=["person", "direction", "true_date"],
        how="left",
        maintain_order="left",
    )
    return marked["found"].fill_null(value=False)


def _sum_of(frame: pl.DataFrame, name: str, value: pl.Expr) -> pl.DataFrame:
    """Return the sum of `value` per direction and year, in millionths so that the order of rows has no effect."""
    millionths = (value * 1e6).round().cast(pl.Int64).sum()
    return frame.group_by("direction", "time").agg((millionths / 1e6).alias(name))
