"""Whom linkage looks for: the subjects of a source; of the survey, those found on the day that a study reads."""

from datetime import date
from pathlib import Path

import polars as pl

from pipeline.tables import read_table

SURVEY = "coverage_survey"


def subjects_looked_for(tables: Path, source: str, survey_day: date) -> pl.DataFrame:
    """Return the pseudonymised subjects of a source: its table of `tokens`, from the folder that ingest wrote.

    A source stands in a person once, and somebody whom surveys of two days find is two subjects of the survey. So
    only the survey of the study's reference date is linked; those of other days are checked and kept.
    """
    tokens = read_table(tables / "tokens" / f"{source}.parquet")
    if source != SURVEY:
        return tokens
    answers = read_table(tables / "records" / f"{SURVEY}.parquet", columns=["subject_id", "reference_date"])
    of_day = answers.filter(pl.col("reference_date") == survey_day)
    return tokens.filter(pl.col("subject_id").is_in(of_day["subject_id"].implode()))
