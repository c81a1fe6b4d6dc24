"""A check that a contract declares: the dates and labels of a row are those of one tax or academic year."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Literal

import polars as pl
from pydantic import model_validator

from pipeline.ingest.columns import Column
from pipeline.toml_files import Frozen

FIRST_DAYS = {"tax_year": (4, 6), "academic_year": (8, 1)}
"""Month and day on which each kind of year begins: 6 April and 1 August."""
_LABEL = r"^([0-9]{4})[-/]([0-9]{2})$"


class PeriodCheck(Frozen):
    """Columns that must describe one `period`: its `first` and `last` day, and its `label` (2018-19 or 2018/19).

    Each may be omitted, but not all; those given must be about the same year.
    """

    period: Literal["tax_year", "academic_year"]
    first: str | None = None
    last: str | None = None
    label: str | None = None

    @model_validator(mode="after")
    def _names_a_column(self) -> "PeriodCheck":
        if not self.columns:
            raise ValueError("a check of a period needs 'first', 'last' or 'label': the columns to check")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """The columns to check, by the part of the period that each of them gives."""
        parts = {"first": self.first, "last": self.last, "label": self.label}
        return {part: name for part, name in parts.items() if name is not None}

    @property
    def sentence(self) -> str:
        """The check in words, for the data dictionary."""
        names = " and ".join(f"`{name}`" for name in self.columns.values())
        return f"{names} describe{'s' * (len(self.columns) == 1)} one {self._words}"

    def misfit(self, columns: Mapping[str, Column]) -> str | None:
        """Return why the check does not fit the columns of an extract, if it does not."""
        for part, name in self.columns.items():
            if name not in columns:
                return f"a check names '{name}', which is not a column of the extract"
            wanted = "text" if part == "label" else "date"
            fits = columns[name].type == "text" if part == "label" else columns[name].gives_date
            if not fits or columns[name].is_clear_identifier:
                return (
                    f"a check names '{name}' as '{part}' of {self._a_year}, which must be a {wanted} of the extract"
                )
        return None

    def last_period_by(self, day: date) -> date:
        """Return the last day of the latest period that has ended on a day or before."""
        month, first = FIRST_DAYS[self.period]
        begins = date(day.year, month, first)
        return (begins if begins - timedelta(1) <= day else begins.replace(year=day.year - 1)) - timedelta(1)

    @staticmethod
    def last_day(first: pl.Expr) -> pl.Expr:
        """Return the last day of the period that begins on a day."""
        return first.dt.offset_by("1y").dt.offset_by("-1d")

    def faults(self) -> Iterator[tuple[str, pl.Expr, str]]:
        """Yield each fault that a row can have: the column, an expression that is true where it is present, why."""
        if self.first:
            first_day = pl.col(self.first)
            yield self.first, ~_on(first_day, self.period), f"not the first day of {self._a_year}"
        if self.last:
            day_after = pl.col(self.last).dt.offset_by("1d")
            yield self.last, ~_on(day_after, self.period), f"not the last day of {self._a_year}"
        if self.label:
            years = pl.col(self.label)
            follows = (years.str.extract(_LABEL, 1).cast(pl.Int64) + 1) % 100 == years.str.extract(_LABEL, 2).cast(
                pl.Int64
            )
            present = years.is_not_null() & ~follows.fill_null(value=False)
            yield self.label, present, f"not the years of {self._a_year}, such as 2018-19"
        (_, one), *others = self._years.items()
        for name, year in others:
            yield name, year != one, f"of another {self._words} than {next(iter(self._years))}"

    @property
    def _a_year(self) -> str:
        return f"an {self._words}" if self.period == "academic_year" else f"a {self._words}"

    @property
    def _words(self) -> str:
        return self.period.replace("_", " ")

    @property
    def _years(self) -> dict[str, pl.Expr]:
        """The calendar year in which the period begins, by each column that gives it."""
        found = {}
        if self.first:
            found[self.first] = pl.col(self.first).dt.year().cast(pl.Int64)
        if self.last:
            found[self.last] = pl.col(self.last).dt.year().cast(pl.Int64) - 1
        if self.label:
            found[self.label] = pl.col(self.label).str.extract(_LABEL, 1).cast(pl.Int64)
        return found


def _on(day: pl.Expr, period: str) -> pl.Expr:
    month, first = FIRST_DAYS[period]
    return (day.dt.month() == month) & (day.dt.day() == first)
