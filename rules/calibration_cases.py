"""Decisions of a run with what was true: the cases from which a calibration is made, and its check by tenths.

Only `flows/evaluate.py` and `flows/calibrate.py` call this, with tables of the truth that nothing else reads.
"""

from datetime import date

import polars as pl

from rules.calibration import is_recent, with_divisions_of_people

TENTHS = 10


def calibration_cases(
    compared: pl.DataFrame,
    residents: pl.DataFrame,
    people: pl.DataFrame,
    true_person: pl.DataFrame,
    truth: pl.DataFrame,
    data_date: date,
) -> pl.DataFrame:
    """Return every estimated migration and every candidate for residence, and whether it was `right`.

    The other columns are `decision, kind, day, probability`, and what divides kinds. `people` has the
    `nationality_group` and `birth_month` that the run gives each `person_id`: a calibration reads no others.
    `compared` has the results of `compare_migrations` and `compare_residents`; `residents` those of the published
    family; `true_person` the person of each cluster and `truth` true residents (`person, reference_date`). People who
    were given no probability at all of being residents are cases too: some of them are.
    """
    estimated = compared.filter(pl.col("person_id").is_not_null())
    right = pl.col("is_true").alias("right")
    moves = estimated.filter(pl.col("measure") != "population").select(
        "person_id",
        "dated_by",
        "provisional",
        "probability",
        decision="measure",
        kind="rule_id",
        day="date",
        right=right,
        trimmed=pl.lit(None, pl.Boolean),
    )
    key = ["person_id", "reference_date"]
    kind = pl.col("decided_by").cast(pl.String)
    decided = residents.select(*key, "trimmed", kind=kind, given="probability", provisional=is_recent(data_date))
    listed = (
        estimated.filter(pl.col("measure") == "population")
        .drop("provisional")
        .join(decided, left_on=["person_id", "time"], right_on=key, how="inner")
        .select(
            "person_id", "kind", "trimmed", "provisional", "probability", decision="measure", day="time", right=right
        )
    )
    found = compared.filter((pl.col("measure") == "population") & pl.col("is_true") & (pl.col("probability") > 0))
    missed = truth.select("person", "reference_date").join(
        found.select("person", reference_date="time"), on=["person", "reference_date"], how="anti"
    )
    given_none = (
        decided.filter(pl.col("given") == 0)
        .join(true_person, on="person_id", how="left")
        .join(missed.with_columns(right=pl.lit(value=True)), on=["person", "reference_date"], how="left")
        .with_columns(nth=pl.int_range(pl.len()).over("person", "reference_date"))
        .select(
            "person_id",
            "kind",
            "trimmed",
            "provisional",
            decision=pl.lit("population"),
            probability="given",
            day="reference_date",
            right=pl.col("right").fill_null(value=False) & (pl.col("nth") == 0),
        )
    )
    return with_divisions_of_people(pl.concat([moves, listed, given_none], how="diagonal"), people, "day")


def score_tenths(compared: pl.DataFrame) -> pl.DataFrame:
    """Return how probabilities agree with what happened: one row for each measure and tenth of probability.

    `predicted` is the mean of the probabilities of `cases` in the tenth from `from_probability`, `actual` the share
    of them that happened, `brier` the mean square of the difference between the two in each case. The last tenth
    includes 1, and a probability of 0 is no case.
    """
    tenth = (pl.col("probability") * TENTHS).floor().clip(0, TENTHS - 1).cast(pl.Int64)
    happened = pl.col("is_true").cast(pl.Float64)
    return (
        compared.filter(pl.col("person_id").is_not_null() & (pl.col("probability") > 0))
        .group_by("measure", from_probability=tenth / TENTHS)
        .agg(
            cases=pl.len().cast(pl.Int64),
            predicted=_mean(pl.col("probability")),
            actual=_mean(happened),
            brier=_mean((happened - pl.col("probability")) ** 2),
        )
        .sort("measure", "from_probability")
    )


def _mean(value: pl.Expr) -> pl.Expr:
    """Return the mean of a column by whole millionths, so that the order of rows has no effect."""
    return ((value * 1e6).round().cast(pl.Int64).sum() / 1e6 / pl.len()).round(6)
