"""Migrations and residents of a run, each beside what truly happened to the same person.

Only `flows/evaluate.py` calls this, with tables of the truth that nothing else reads. Its result has one row per
case: a true migration (or resident) with the probability that the run gives to it, or one that the run invented.
`hits`, `misdated` and `misses` of a true case add up to 1; `false` of an invented one is its probability. So the
sums by year are at once the scores of `rules/score.py` and what `rules/anatomy.py` divides by cause.
"""

import polars as pl

TOLERANCE_DAYS = 183
"""An estimated migration is one that truly happened if the dates are at most this many days apart.

It belongs to the score alone: no rule set has it, so that a change of rules is judged by the same measure."""


def true_person_of(clusters: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    """Return `person_id, person`: the true person of most subjects of a cluster; of equals, the lowest number.

    `who` has the true person of each subject (`source, subject_id, person`).
    """
    return (
        clusters.filter(pl.col("draw") == 0)
        .join(who.select("source", "subject_id", "person"), on=["source", "subject_id"], how="inner")
        .group_by("person_id", "person").len()
        .sort("person_id", "len", "person", descending=[False, True, False])
        .group_by("person_id", maintain_order=True).agg(pl.col("person").first())
    )  # fmt: skip


def compare_migrations(migrations: pl.DataFrame, true_person: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return one row per true migration, and per estimated one that no true migration uses up.

    `migrations` is the run's table, `true_person` of `true_person_of`, `truth` has `person, date, direction`.
    Columns: `measure` (the direction), `time` (30 June that ends the year of the true date, or of the estimated one
    where nothing is true), `person` (null if the cluster is nobody), `person_id`, `true_date`, `date`, `rule_id`,
    `dated_by`, `provisional`, `is_true`, `probability` (0 if nothing was estimated), `estimated_time`
    (the 30 June of `date`), and `hits` (found in its own year), `misdated` (found in another), `misses`, `false`.
    """
    estimated = (
        migrations.filter(pl.col("probability") > 0)
        .join(true_person, on="person_id", how="left")
        .select(
            "person", "person_id", "date", "rule_id", "dated_by", "provisional",
            measure=pl.col("direction").cast(pl.String),
            probability=pl.col("probability").round(6),
            estimated_time=year_ending("date"),
        )
    )  # fmt: skip
    true = truth.select("person", measure=pl.col("direction").cast(pl.String), true_date="date")
    found = _nearest_pairs(true, estimated)
    invented = estimated.join(found, on=["measure", "person_id", "date"], how="anti")
    cases = pl.concat(
        [
            true.join(found, on=["measure", "person", "true_date"], how="left")
            .join(estimated.drop("person"), on=["measure", "person_id", "date"], how="left")
            .with_columns(is_true=pl.lit(value=True), time=year_ending("true_date")),
            invented.with_columns(is_true=pl.lit(value=False), time=pl.col("estimated_time")),
        ],
        how="diagonal",
    )
    return _outcomes(cases, in_its_year=pl.col("time") == pl.col("estimated_time")).sort(
        "measure", "time", "person", "true_date", "person_id", "date"
    )


def compare_residents(residents: pl.DataFrame, true_person: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Return one row per true resident of a reference date, and per person counted there who uses none up.

    `truth` has `reference_date, person`. Of several clusters of one true person the most probable serves, of equals
    the lowest; the others are false. Counted is who counts for the published stocks: at every probability above 0.
    Columns as of `compare_migrations`, without dates and rules; `measure` is `population` and `time` the
    reference date.
    """
    counted = (
        residents.filter(pl.col("probability") > 0)
        .join(true_person, on="person_id", how="left")
        .select(
            "person", "person_id",
            time="reference_date", probability=pl.col("probability").round(6),
        )
    )  # fmt: skip
    true = truth.select("person", time="reference_date")
    found = (
        counted.join(true, on=["person", "time"], how="semi")
        .sort("time", "person", "probability", "person_id", descending=[False, False, True, False])
        .unique(["time", "person"], keep="first", maintain_order=True)
    )
    cases = pl.concat(
        [
            true.join(found, on=["person", "time"], how="left").with_columns(is_true=pl.lit(value=True)),
            counted.join(found, on=["person_id", "time"], how="anti").with_columns(is_true=pl.lit(value=False)),
        ],
        how="diagonal",
    ).with_columns(
        measure=pl.lit("population"),
        estimated_time=pl.when(pl.col("person_id").is_not_null()).then(pl.col("time")),
    )
    return _outcomes(cases, in_its_year=pl.lit(value=True)).sort("time", "person", "person_id")


def _nearest_pairs(true: pl.DataFrame, estimated: pl.DataFrame) -> pl.DataFrame:
    """Return `measure, person, true_date, person_id, date`: which estimated migration serves which true one.

    The nearest dates are paired first, then the nearest of what is left; of equals the earlier true date, then the
    earlier estimated one, then the lower `person_id`. Each round takes all pairs that are first at both ends.
    """
    days = (pl.col("date") - pl.col("true_date")).dt.total_days().abs()
    order = ["days", "true_date", "date", "person_id"]
    left = (
        true.join(estimated, on=["measure", "person"], how="inner")
        .select("measure", "person", "true_date", "person_id", "date", days=days)
        .filter(pl.col("days") <= TOLERANCE_DAYS)
        .sort("measure", "person", *order)
        .with_row_index("place")
    )
    true_end, estimated_end = ["measure", "person", "true_date"], ["measure", "person_id", "date"]
    found = []
    while not left.is_empty():
        first = pl.col("place") == pl.col("place").min()
        taken = left.filter(first.over(true_end) & first.over(estimated_end))
        found.append(taken)
        left = left.join(taken, on=true_end, how="anti").join(taken, on=estimated_end, how="anti")
    return pl.concat([*found, left]).select("measure", "person", "true_date", "person_id", "date")


def _outcomes(cases: pl.DataFrame, in_its_year: pl.Expr) -> pl.DataFrame:
    """Add what became of each case: `hits`, `misdated`, `misses` and `false`, in people."""
    p, is_true = pl.col("probability"), pl.col("is_true")
    return cases.with_columns(pl.col("probability").fill_null(0.0)).with_columns(
        hits=pl.when(is_true & in_its_year).then(p).otherwise(0.0),
        misdated=pl.when(is_true & ~in_its_year).then(p).otherwise(0.0),
        misses=pl.when(is_true).then(1 - p).otherwise(0.0),
        false=pl.when(is_true).then(0.0).otherwise(p),
    )


def year_ending(column: str) -> pl.Expr:
    """Return the 30 June that ends the year of a date."""
    date = pl.col(column)
    return pl.date(date.dt.year() + (date.dt.month() > 6).cast(pl.Int32), 6, 30)
