"""Work: registrations for a National Insurance number (Migrant Worker Scan), and weeks of activity.

`activity_weeks` is what every product on tax years and benefits goes by. Tax and benefit systems together see a
person for every week in the country from the first job or claim on. By a draw that a person keeps, 85% of working age
are in work, 15% of them on their own account; some of them claim for part of a year, drawn anew each year; the others
are on benefit in all weeks, and so is everybody of pension age, one in ten beside a job. Which benefits they hold in
a year is told by the spells of benefits that follow from these weeks.
"""

from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import DATA_DATE, YEAR, calendar_year, dates, day, year_starts
from synthetic_data.draws import Days, draws
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, numbers
from synthetic_data.working_lives import WorkingLives

SCAN_BEGAN = day(1975, 1, 1)
FIRST_TAX_YEAR = 2009
DELIVERED_AFTER = 180
"""Days from the end of a tax year until its weeks are delivered."""
LAST_OF_ALL = int(year_starts(2021, 4, 6)) + DELIVERED_AFTER
"""Data date on which the weeks of all simulated years have been delivered."""
PENSION_AGE_OF_WOMEN = {day(1950, 4, 6): 60.0, day(1953, 12, 6): 65.0, day(1954, 10, 6): 66.0}
PENSION_AGE_OF_MEN = {day(1953, 12, 6): 65.0, day(1954, 10, 6): 66.0}
"""Age by the day of birth at the turns of the law."""
IN_WORK, IN_WORK_AS_PENSIONER = 0.85, 0.10
CLAIMS_A_WHILE = 0.15
"""Those in work who claim for part of a year."""


def delivered(sight: Sight) -> list[Extract]:
    """Return the extract of the Migrant Worker Scan; those of activity are in `activity.py`."""
    scanned = migrant_workers(sight.lives, sight.working, sight.errors, sight.data_date)
    return [Extract("mws", "mws", {"mws.csv": scanned}, "NINO_ENC", "POSTCODE", "DOB", "SEX", ("NINO_ENC",))]


def tax_years(data_date: int) -> range:
    """Return the first years of the tax years that have been delivered on the data date."""
    ends = (int(year_starts(year + 1, 4, 6)) for year in count(FIRST_TAX_YEAR))
    delivered = next(n for n, end in enumerate(ends) if end + DELIVERED_AFTER > data_date)
    return range(FIRST_TAX_YEAR, FIRST_TAX_YEAR + delivered)


def migrant_workers(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the Migrant Worker Scan: adult overseas nationals by number, with the arrival that they state."""
    rows = np.flatnonzero(working.overseas & (working.registration <= data_date))
    registration = np.maximum(working.registration[rows], SCAN_BEGAN)
    person = held.identity(lives, errors, "mws", rows, registration)
    entities, arrival = lives.person[rows], lives.first_start[rows]
    memory = draws(lives.seed, "stated arrival", entities)
    off = (draws(lives.seed, "stated arrival off", entities) * 20 - 10).astype(np.int64)
    month = arrival.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    near, rounded = errors.dates.arrival_near, errors.dates.arrival_month
    stated = np.select([memory < near, memory < near + rounded], [arrival + off, month], arrival)
    stated = np.minimum(stated, registration)
    return pl.DataFrame(
        {
            "row": rows,
            "NINO_ENC": numbers.insurance_numbers(lives, rows),
            "FORENAME": person["given_name"],
            "SURNAME": person["family_name"],
            "DOB": _day_first(person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": held.code(lives.people["nationality"][rows], "registration_name"),
            "DATE_OF_ARRIVAL": _day_first(stated),
            "REGISTRATION_DATE": _day_first(registration),
            "POSTCODE": held.postcode(lives, errors, "mws", rows, registration, stale=0.0),
        }
    )


def _day_first(days: np.ndarray | pl.Series) -> pl.Series:
    return dates("day", days).dt.strftime("%d/%m/%Y")


def activity_weeks(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return weeks of activity: the extract's columns but the number, by which they are in order, and by tax year."""
    place = numbers.insurance_place(lives)
    order = np.argsort(place)
    pension = pension_from(lives, np.arange(len(lives.people)))
    row, start, end = (lives.stays[name].to_numpy() for name in ("row", "start", "end"))
    since = np.maximum(start, working.active_from[row])
    ever = since < end
    seen = row[ever], since[ever], end[ever]
    weeks = pl.concat([
        _weeks_of(lives, working, errors, order, seen, pension, year) for year in tax_years(data_date)
    ])  # fmt: skip
    return weeks[np.argsort(place[weeks["row"].to_numpy()], kind="stable")]


def all_weeks(sight: Sight) -> pl.DataFrame:
    """Return the weeks of activity of every simulated tax year, delivered or not: see `activity_weeks`."""
    return activity_weeks(sight.lives, sight.working, sight.errors, LAST_OF_ALL)


def _weeks_of(
    lives: Lives,
    working: WorkingLives,
    errors: Errors,
    order: NDArray[np.int64],
    seen: tuple[NDArray[np.int64], Days, Days],
    pension: Days,
    year: int,
) -> pl.DataFrame:
    """Return the weeks of one tax year, of people (rows) in an order; `seen` are row, first and last day of times."""
    first, after = int(year_starts(year, 4, 6)), int(year_starts(year + 1, 4, 6))
    of, since, until = seen
    days = np.maximum(np.minimum(until, after) - np.maximum(since, first), 0)
    present = np.bincount(of, weights=days, minlength=len(lives.people))
    weeks = np.minimum(np.round(present / 7).astype(np.int64), 52)
    row = order[weeks[order] > 0]
    entities, weeks = lives.person[row], weeks[row]
    pensioner = first >= pension[row]
    kind = draws(lives.seed, "kind of activity", entities)
    works = kind < np.where(pensioner, IN_WORK_AS_PENSIONER, IN_WORK)
    known = ~_unseen(lives.seed, errors, entities, year, works & ~pensioner & working.self_employed[row])
    row, entities, weeks, pensioner, works = (one[known] for one in (row, entities, weeks, pensioner, works))
    part = draws(lives.seed, "part of the year", entities, year)
    a_while = works & ~pensioner & (part < CLAIMS_A_WHILE)
    for_a_while = np.where(a_while, np.ceil(weeks * part * 4), 0).astype(np.int64)
    benefit = np.where(pensioner | ~works, weeks, np.minimum(for_a_while, weeks))
    # the two systems overlap, and together they see every week
    tax = np.where(works, np.where(a_while, weeks - benefit // 2, weeks), 0)
    return pl.DataFrame(
        {
            "row": row,
            "TAX_YEAR_START": dates("start", np.full(len(row), first)),
            "TAX_YEAR_END": dates("end", np.full(len(row), after - 1)),
            "WEEKS_TAX": tax,
            "WEEKS_BENEFIT": benefit,
            "WEEKS_ANY": weeks,
        }
    )


def pension_from(lives: Lives, row: NDArray[np.int64]) -> Days:
    """Return the first day of the first tax year in which each person (row) is of State Pension age throughout.

    The age is 65 for men and rises from 60 to 65 for women born from April 1950 to December 1953, then to 66 for all
    (Pensions Acts 1995 and 2011, their steps of months smoothed).
    """
    birth = lives.birth[row]
    women, men = (
        np.interp(birth, list(steps), list(steps.values())) for steps in (PENSION_AGE_OF_WOMEN, PENSION_AGE_OF_MEN)
    )
    reached = (birth + np.where(lives.female[row], women, men) * YEAR).astype(np.int64)
    begins = year_starts(calendar_year(reached), 4, 6)
    return np.where(begins >= reached, begins, year_starts(calendar_year(reached) + 1, 4, 6))


def _unseen(
    seed: int, errors: Errors, entities: NDArray[np.int64], year: int, by_return: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return who is unseen in a whole tax year: without job or claim, or without the tax return that shows one."""
    gap = draws(seed, "activity gap", entities, year) < errors.registration.activity_gap
    lost = draws(seed, "no tax return", entities, year) < errors.registration.self_employed_gap
    return gap | (by_return & lost)


def numbered(lives: Lives, weeks: pl.DataFrame) -> pl.DataFrame:
    """Return the extract of weeks, with encrypted numbers."""
    number = numbers.insurance_numbers(lives, weeks["row"].to_numpy())
    return weeks.select("row", number.alias("NINO_ENC"), pl.exclude("row"))


def active_people(lives: Lives, weeks: pl.DataFrame, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return the extract of people who were ever active, as tax and benefit systems hold them on the data date.

    Of `weeks` those of a person stand together.
    """
    row = weeks["row"].to_numpy()
    rows = row[np.diff(row, prepend=-1) != 0]
    latest = np.full(len(rows), data_date)
    person = held.identity(lives, errors, "activity", rows, latest)
    return pl.DataFrame(
        {
            "row": rows,
            "NINO_ENC": numbers.insurance_numbers(lives, rows),
            "FIRST_NAME": person["given_name"],
            "LAST_NAME": person["family_name"],
            "DATE_OF_BIRTH": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "POSTCODE": held.postcode(lives, errors, "activity", rows, np.minimum(latest, lives.last_end[rows] - 1)),
        }
    )
