"""Years that end on 30 June, their quarters, and which years an account needs."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.study import Periods

QUARTERS = ((7, 9), (10, 12), (1, 3), (4, 6))
"""First and last month of the four quarters of a year that ends on 30 June."""


def check_periods(periods: Periods, study_file: Path) -> None:
    """Raise `UserError` unless the stocks begin one year before the flows and end with them."""
    stocks, flows = periods.stock_years, periods.flow_years
    if stocks[0] != flows[0] - 1 or stocks[-1] != flows[-1]:
        raise UserError(
            f"{study_file}, [periods]: an account needs a stock at the start of its first year and at the end of "
            f"its last, so 'stock_years' must run from {flows[0] - 1} to {flows[-1]} when 'flow_years' run from "
            f"{flows[0]} to {flows[-1]} (found {stocks[0]} to {stocks[-1]})."
        )


def check_survey_day(day: date, periods: Periods, study_file: Path) -> None:
    """Raise `UserError` unless there is a list of residents, with which the coverage survey is compared, on a day."""
    if day not in {year_end(year) for year in periods.stock_years}:
        raise UserError(
            f"{study_file}, [coverage]: there is no list of residents on {day}. Set 'reference_date' to the survey's "
            f"own day, 30 June of one of the 'stock_years' ({periods.stock_years[0]} to {periods.stock_years[-1]})."
        )


def year_end(year: int) -> date:
    """Return the last day of the year ending 30 June, which is also the reference day of a stock."""
    return date(year, 6, 30)


def year_start(year: int) -> date:
    """Return the first day of the year ending 30 June of `year`."""
    return date(year - 1, 7, 1)


def quarters(year: int) -> list[tuple[date, date]]:
    """Return first and last day of the four quarters of the year ending 30 June of `year`, in order."""
    starts = [date(year - 1 if first >= 7 else year, first, 1) for first, _ in QUARTERS]
    return [(start, (start + timedelta(days=95)).replace(day=1) - timedelta(days=1)) for start in starts]


def year_ending(day: pl.Expr) -> pl.Expr:
    """Return the year of the first 30 June on or after a day.

    For a date of birth this is the cohort: age at 30 June of year t is t less the cohort, exactly.
    """
    return (day.dt.year() + (day.dt.month() > 6).cast(pl.Int32)).cast(pl.Int32)


def quarter_end(day: pl.Expr) -> pl.Expr:
    """Return the last day of the quarter that contains a day."""
    return day.dt.truncate("1q").dt.offset_by("3mo").dt.offset_by("-1d")
