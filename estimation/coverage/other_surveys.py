"""The surveys of other days: coverage factors of finished runs of the study, each of which linked another survey.

A person found by two surveys would be two subjects of one source, so a run links one survey alone, with the review of
its own links. What another survey says is therefore read from the run that linked it.
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Self

import polars as pl

from pipeline.errors import UserError
from pipeline.stage import StudyFile
from pipeline.tables import read_table
from pipeline.toml_files import Frozen

LARGEST_DIFFERENCE = 0.01
"""By which share two runs may differ in how many people they count on a day, and still count the same list."""


class OtherSurvey(Frozen):
    """The coverage of one finished run: the `day` of its survey, factors, their errors, and the trimming curve."""

    day: date
    coverage: StudyFile
    covariance: StudyFile
    curve: StudyFile

    @classmethod
    def read(cls, run: Path, where: str) -> Self:
        """Return the coverage of a run folder; raises `UserError`, which begins with `where`, if it has none."""
        tables = run / "tables"
        names = ("coverage", "coverage_covariance", "trimming_curve")
        files = [tables / f"{name}.parquet" for name in names]
        try:
            json.loads((run / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UserError(f"{where}: {run} is not a finished run. Run the study with that survey first.") from None
        for file in files[:2]:
            if not file.is_file():
                raise UserError(f"{where}: {file} is not there, so that run has no coverage. Name another run.")
        if not files[2].is_file():
            raise UserError(f"{where}: {files[2]} is not there: an earlier version made that run. Run it again.")
        day = read_table(files[0], columns=["survey_date"])["survey_date"][0]
        coverage, covariance, curve = (StudyFile.read(file) for file in files)
        return cls(day=day, coverage=coverage, covariance=covariance, curve=curve)

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the tables `coverage` and `coverage_covariance` of the run."""
        return read_table(self.coverage.path), read_table(self.covariance.path)

    def enough_depth(self) -> int:
        """Return the depth of the trimmed list that the curve of this survey shows to be enough."""
        curve = read_table(self.curve.path)
        return int(curve.filter("chosen")["depth"][0])


def read_other_surveys(
    runs: Sequence[Path], reference_date: date, stock_years: Sequence[int], where: str
) -> tuple[OtherSurvey, ...]:
    """Return the surveys of other runs; raises `UserError`, which begins with `where`, if they cannot serve.

    Each needs a day of its own, different from the study's `reference_date`, and a stock of the study on it.
    """
    found = tuple(OtherSurvey.read(run, where) for run in runs)
    days = {reference_date: "this study"}
    for run, survey in zip(runs, found, strict=True):
        if survey.day in days:
            raise UserError(
                f"{where}: {run} read the survey of {survey.day}, as {days[survey.day]} does. A survey counts once: "
                "name runs with another 'reference_date'."
            )
        if survey.day.year not in stock_years:
            raise UserError(
                f"{where}: {run} read the survey of {survey.day}, of which the study has no stock. Add "
                f"{survey.day.year} to 'stock_years', or leave the run out."
            )
        days[survey.day] = str(run)
    return found


def check_same_list(survey: OtherSurvey, coverage: pl.DataFrame, counted: float, where: str) -> None:
    """Raise `UserError` unless a run counted about as many people on its survey's day as this one does, `counted`.

    A factor is residents per person counted, so it serves no other list. Links of survey people change a few.
    """
    other = int(coverage["listed"].sum())
    if abs(other - counted) > LARGEST_DIFFERENCE * counted:
        raise UserError(
            f"{where}: on {survey.day} the run of {survey.coverage.path.parent.parent} counted {other:,} people, and "
            f"this one {counted:,.0f}. Its factors are of another list: run it again, with these files and rules."
        )
