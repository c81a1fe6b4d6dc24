"""Which subjects of a source are linked: all of them, but of the survey only those of the study's reference date."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from linkage.plan import SURVEY
from pipeline.tables import read_table


def subjects_in_scope(
    tables: Path, source: str, survey_date: date, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the pseudonymised subjects of a source: `columns` (all, if omitted) of its table of `tokens`.

    A person found by surveys of two dates is two subjects of the survey, and can have only one. So only the survey of
    `survey_date` is linked; those of other dates are checked and kept.
    """
    tokens = read_table(tables / "tokens" / f"{source}.parquet", columns=columns)
    if source != SURVEY:
        return tokens
    answers = read_table(tables / "records" / f"{SURVEY}.parquet", columns=["subject_id", "reference_date"])
    of_date = answers.filter(pl.col("reference_date") == survey_date)
    return tokens.filter(pl.col("subject_id").is_in(of_date["subject_id"].implode()))
