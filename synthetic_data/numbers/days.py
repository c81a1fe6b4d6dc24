"""Days as whole numbers (days since 1 January 1970), as the simulator stores and compares them."""

from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

YEAR = 365.25
NEVER = 100_000  # the year 2243: an event that does not happen
LONG_AGO = -100_000
_DAY_BITS = 18
_EARLIEST = 2 * LONG_AGO
_YEAR_OF = np.arange(_EARLIEST, 2 * NEVER).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
"""The year of every day from the earliest one: calendar arithmetic is slow."""


def day(year: int, month: int, day_of_month: int) -> int:
    """Return the number of a calendar day."""
    return (date(year, month, day_of_month) - date(1970, 1, 1)).days


def as_date(number: int) -> date:
    """Return the calendar day with a number."""
    return date(1970, 1, 1) + timedelta(days=number)


FIRST_DAY = day(2010, 1, 1)
"""Lives are simulated from this day."""
LAST_DAY = day(2020, 12, 31)
"""...to this day, so that every status up to June 2019 is known."""
DATA_DATE = day(2019, 12, 31)
"""Extracts contain what was known on this day, unless the study asks for another."""
SURVEY_DAY = day(2017, 6, 30)
EXIT_CHECKS_FROM = day(2015, 4, 8)
YEARS = np.arange(2010, 2021)


def year_starts(years: ArrayLike, month: int = 1, day_of_month: int = 1) -> NDArray[np.int64]:
    """Return the number of the given day of each year."""
    wanted = np.asarray(years, dtype=np.int64)
    if not wanted.size:
        return wanted
    # calendar arithmetic is slow: each year is looked up once
    first, last = int(wanted.min()), int(wanted.max())
    months = (np.arange(first, last + 1) - 1970) * 12 + month - 1
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day_of_month - 1
    return starts[wanted - first]


def calendar_year(days: ArrayLike) -> NDArray[np.int64]:
    """Return the calendar year of each day; raises `ValueError` before 1423 and after 2517."""
    since = np.asarray(days, dtype=np.int64) - _EARLIEST
    if since.size and (since.min() < 0 or since.max() >= len(_YEAR_OF)):
        raise ValueError(f"Years are known only for days from {_EARLIEST} to {_EARLIEST + len(_YEAR_OF) - 1}.")
    return _YEAR_OF[since]


def age(birth: ArrayLike, on: ArrayLike) -> NDArray[np.float64]:
    """Return ages in years."""
    return (np.asarray(on) - np.asarray(birth)) / YEAR


def dates(name: str, days: ArrayLike) -> pl.Series:
    """Return days as a date column; `NEVER` and beyond, and `LONG_AGO` and before, are null."""
    values = np.asarray(days, dtype=np.int64)
    series = pl.Series(name, values.astype(np.int32))
    unknown = (values >= NEVER) | (values <= LONG_AGO)
    if unknown.any():
        series = series.set(pl.Series(unknown), None)
    return series.cast(pl.Date)


def row_days(rows: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number for each row and day, which sorts by row, then day."""
    return (rows << _DAY_BITS) + np.clip(days, LONG_AGO, NEVER) - LONG_AGO


def day_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the day in each number of `row_days`."""
    return (keys & ((1 << _DAY_BITS) - 1)) + LONG_AGO


def row_of(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row in each number of `row_days`."""
    return keys >> _DAY_BITS
