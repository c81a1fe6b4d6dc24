"""Weeks of activity in tax and benefit systems, from which every extract on tax years and benefits follows.

Tax and benefit systems together observe a person in every week in the country from the first job or claim on. By a
draw that a person keeps, 85% of people of working age are in work, 15% of them self-employed; some of them claim for
part of a year, drawn anew each year; the others are on benefit in all weeks, and so is everyone of pension age, one
in ten while also in work. Which benefits they receive in a year is a matter of the benefit spells (`benefits/`),
which follow from these weeks.
"""

from itertools import count

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.institutions.working_lives import WorkingLives
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers import runs
from synthetic_data.numbers.days import DATA_DATE, YEAR, calendar_year, day, year_starts
from synthetic_data.numbers.draws import Days, draws

FIRST_TAX_YEAR = 2009
DELIVERED_AFTER = 180
"""Days from the end of a tax year to the delivery of its weeks."""
LAST_OF_ALL = int(year_starts(2021, 4, 6)) + DELIVERED_AFTER
"""Data date on which the weeks of all simulated years have been delivered."""
PENSION_AGE_OF_WOMEN = {day(1950, 4, 6): 60.0, day(1953, 12, 6): 65.0, day(1954, 10, 6): 66.0}
PENSION_AGE_OF_MEN = {day(1953, 12, 6): 65.0, day(1954, 10, 6): 66.0}
"""State Pension age by day of birth, at the dates between which the law changes it."""
IN_WORK, IN_WORK_AS_PENSIONER = 0.85, 0.10
CLAIMS_A_WHILE = 0.15
"""Share of people in work who claim for part of a year."""


def tax_years(data_date: int) -> range:
    """Return the first calendar years of the tax years delivered by the data date."""
    ends = (int(year_starts(year + 1, 4, 6)) for year in count(FIRST_TAX_YEAR))
    delivered = next(n for n, end in enumerate(ends) if end + DELIVERED_AFTER > data_date)
    return range(FIRST_TAX_YEAR, FIRST_TAX_YEAR + delivered)


def activity_weeks(view: InstitutionView, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return weeks of activity: `row, year` (in which the tax year begins), and three columns of the extract.

    They are in the order of people's National Insurance numbers, then of years.
    """
    lives, working = view.lives, view.working
    years = np.array(tax_years(data_date), dtype=np.int16)
    row, year, weeks = _weeks_here(lives, working, years)
    pensioner = year_starts(years, 4, 6)[year] >= view.once(pensions_from)[row]
    kind = draws(lives.seed, "kind of activity", lives.person)[row]
    works = kind < np.where(pensioner, IN_WORK_AS_PENSIONER, IN_WORK)
    observed = ~_unobserved(lives, view.errors, row, years[year], works & ~pensioner & working.self_employed[row])
    known = np.flatnonzero(observed)
    row, year, weeks, pensioner, works = (one[known] for one in (row, years[year], weeks, pensioner, works))
    tax, benefit = np.where(works, weeks, 0), np.where(pensioner | ~works, weeks, 0)
    some = np.flatnonzero(works & ~pensioner)
    part = draws(lives.seed, "part of the year", lives.person[row[some]], year[some])
    a_while = np.flatnonzero(part < CLAIMS_A_WHILE)
    some, part = some[a_while], part[a_while]
    benefit[some] = np.minimum(np.ceil(weeks[some] * part * 4), weeks[some])
    # the two systems overlap, and together they cover every week
    tax[some] -= benefit[some] // 2
    return pl.DataFrame({"row": row, "year": year, "WEEKS_TAX": tax, "WEEKS_BENEFIT": benefit, "WEEKS_ANY": weeks})


def all_weeks(view: InstitutionView) -> pl.DataFrame:
    """Return the weeks of activity in every simulated tax year, delivered or not: see `activity_weeks`."""
    return activity_weeks(view, LAST_OF_ALL)


def _weeks_here(
    lives: Lives, working: WorkingLives, years: NDArray[np.int16]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Return row, index of the year, and weeks of people who can be observed in tax years, by number and year."""
    row, start, end = (lives.stays[name].to_numpy() for name in ("row", "start", "end"))
    since = np.maximum(start, working.active_from[row])
    place = identifiers.insurance_place(lives)[row]
    ever = np.flatnonzero(since < end)
    ever = ever[np.argsort(place[ever])]
    row, since, end = row[ever], since[ever], end[ever]
    begins = np.flatnonzero(runs.begins(row))
    weeks = np.empty((len(begins), len(years)), dtype=np.int8)
    for place, year in enumerate(years):
        first, after = year_starts([year, year + 1], 4, 6)
        days = np.maximum(np.minimum(end, after) - np.maximum(since, first), 0)
        # to the nearest week
        weeks[:, place] = np.minimum((np.add.reduceat(days, begins) + 3) // 7, 52)
    known = np.flatnonzero(weeks > 0)
    person, year = np.divmod(known, len(years))
    return row[begins][person], year, weeks.ravel()[known]


def pensions_from(view: InstitutionView) -> Days:
    """Return `pension_from` for all people."""
    return pension_from(view.lives, np.arange(len(view.lives.people)))


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


def _unobserved(
    lives: Lives,
    errors: Errors,
    row: NDArray[np.int64],
    year: NDArray[np.int16],
    by_return: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return who is not observed in a whole tax year: no job or claim, or no tax return that would show one."""
    gap = draws(lives.seed, "activity gap", lives.person[row], year) < errors.registration.activity_gap
    few = np.flatnonzero(by_return)
    lost = draws(lives.seed, "no tax return", lives.person[row[few]], year[few])
    gap[few] |= lost < errors.registration.self_employed_gap
    return gap
