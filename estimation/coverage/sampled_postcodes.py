"""Who is listed at a postcode that the coverage survey sampled: known by tokens of postcodes alone."""

from pathlib import Path

import polars as pl

from estimation.coverage.survey import SURVEY
from pipeline.tables import read_table

ANSWERS_AT_A_POSTCODE = 2
"""Answers by which a postcode is one that was sampled: one alone may be a mistake in the postcode."""


def postcodes_of(tokens: Path) -> pl.DataFrame:
    """Return `subject_id, postcode`, the latest, of the subjects of a source; none without the file."""
    if not tokens.exists():
        return pl.DataFrame(schema={"subject_id": pl.Int64, "postcode": pl.UInt64})
    return read_table(tokens, columns=["subject_id", "postcode"]).drop_nulls("postcode")


def at_sampled_postcodes(
    answers: pl.DataFrame,
    survey_postcodes: pl.DataFrame,
    spine_postcodes: pl.DataFrame,
    clusters: pl.DataFrame,
    spine: str,
) -> pl.DataFrame:
    """Return `person_id, stratum, cluster` of the people of the spine whose postcode the survey sampled.

    `answers` are those of `survey_answers`, the postcodes those of `postcodes_of`, and `clusters` is the table: which
    subjects are one person. A postcode is in the cluster of most of its answers, and so is a person of several
    subjects in the first of theirs.
    """
    sampled = (
        answers.select("subject_id", "stratum", "cluster")
        .join(survey_postcodes, on="subject_id")
        .group_by("postcode", "stratum", "cluster")
        .len()
        .sort("postcode", "len", "stratum", "cluster", descending=[False, True, False, False])
        .group_by("postcode", maintain_order=True)
        .agg(pl.col("stratum", "cluster").first(), answers=pl.col("len").sum())
        .filter(pl.col("answers") >= ANSWERS_AT_A_POSTCODE)
    )
    return (
        clusters.filter(pl.col("source") == spine)
        .join(spine_postcodes, on="subject_id")
        .join(sampled, on="postcode")
        .sort("person_id", "stratum", "cluster")
        .group_by("person_id", maintain_order=True)
        .agg(pl.col("stratum", "cluster").first())
    )


def people_found(answers: pl.DataFrame, clusters: pl.DataFrame) -> pl.Series:
    """Return the ids of people to whom usual residents found by the survey, anywhere, are linked."""
    person = clusters.filter(pl.col("source") == SURVEY).select("subject_id", "person_id")
    return answers.select("subject_id").join(person, on="subject_id")["person_id"].unique().sort()
