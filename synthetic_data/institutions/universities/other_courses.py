"""Courses without a change of address: residents who study later in life, and terms of exchange.

Students from abroad and school leavers are in `lives/higher_education.py`, since they move for their course. Here are
full-time students who begin late, part-time students and postgraduates among people who have lived in the country for
three years, and visitors who spend a term or two at a university. Ages and shares are assumptions that bring all
enrolments near the published ones: four in five students are from the United Kingdom (HESA, Student data 2018/19:
1.96 of 2.46 million).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import LAST_DAY, NEVER, YEAR, age, calendar_year, day, year_starts
from synthetic_data.numbers.draws import Days, between, draws, exponential, pick

LATE, PART_TIME, POSTGRADUATE, EXCHANGE = 4, 5, 6, 7
"""Numbers of these courses, after those of `lives/higher_education.py`."""
FIRST_BEGIN = day(2005, 8, 1)
LIVED_HERE = 3 * 365
"""Days of residence after which a person is a home student."""
EXCHANGE_DAYS, EXCHANGE_AGES, EXCHANGE_SHARE = 80, (18, 26), 0.12
"""Shortest visit in days, range of ages, and the share of such visits that is spent at a university."""
SHORTEST = 20


@dataclass(frozen=True)
class LaterCourse:
    """One kind of course: the share who ever take it, youngest age, mean years after that, and lengths in years."""

    number: int
    share: float
    youngest: float
    mean_years: float
    years: tuple[float, ...]
    shares_of_years: tuple[float, ...]


LATER = (
    LaterCourse(LATE, 0.14, 20, 5.0, (3.0, 4.0), (0.7, 0.3)),
    LaterCourse(PART_TIME, 0.15, 22, 12.0, (2.0, 4.0, 6.0), (0.3, 0.4, 0.3)),
    LaterCourse(POSTGRADUATE, 0.33, 22, 7.0, (1.0, 2.0, 4.0), (0.5, 0.4, 0.1)),
)


def other_courses(lives: Lives) -> pl.DataFrame:
    """Return `row, course (number), begin, end, home, placement` of these courses, as `higher_education.courses`."""
    made = [_later(lives, kind) for kind in LATER]
    return pl.concat([*made, _exchange(lives)]).with_columns(placement=pl.lit(NEVER, pl.Int64))


def _later(lives: Lives, kind: LaterCourse) -> pl.DataFrame:
    stream = f"course {kind.number}"
    takes = ~lives.purpose.are_any("study", "visit", "ghost")
    row = np.flatnonzero(takes & (draws(lives.seed, f"{stream} taken", lives.person) < kind.share))
    person = lives.person[row]
    years_old = kind.youngest + exponential(draws(lives.seed, f"{stream} age", person), kind.mean_years)
    begin = year_starts(calendar_year(np.minimum(lives.birth[row] + years_old * YEAR, LAST_DAY + 400)), 9, 15)
    begin = begin + between(draws(lives.seed, f"{stream} first day", person), 0, 20).astype(np.int64)
    years = np.array(kind.years)[pick(draws(lives.seed, f"{stream} years", person), kind.shares_of_years)]
    end = begin + (years * YEAR).astype(np.int64) - 90
    student = (begin >= FIRST_BEGIN) & (begin <= LAST_DAY) & (lives.first_start[row] < begin - LIVED_HERE)
    return _while_here(lives, row[student], kind.number, begin[student], end[student], home=True)


def _exchange(lives: Lives) -> pl.DataFrame:
    """Return the terms of exchange students: long enough visits of young people from abroad."""
    stays = lives.stays
    row, start, end = (stays[name].to_numpy() for name in ("row", "start", "end"))
    youngest, oldest = EXCHANGE_AGES
    visitor = lives.purpose.are("visit") & ~lives.group.are("British")
    visits = np.flatnonzero(visitor[row] & (end - start >= EXCHANGE_DAYS))
    row, start, end = row[visits], start[visits], end[visits]
    years = age(lives.birth[row], start)
    young = (years >= youngest) & (years < oldest)
    visits = np.flatnonzero(young & (draws(lives.seed, "exchange", lives.person[row], start) < EXCHANGE_SHARE))
    row, start, end = row[visits], start[visits], end[visits]
    begin = start + between(draws(lives.seed, "exchange begins", lives.person[row], start), 2, 15).astype(np.int64)
    # one per person: a visitor who comes back is on holiday
    return _while_here(lives, row, EXCHANGE, begin, end - 3, home=False).unique(
        "row", keep="first", maintain_order=True
    )


def _while_here(
    lives: Lives, row: NDArray[np.int64], course: int, begin: Days, end: Days, *, home: bool
) -> pl.DataFrame:
    """Return the courses that begin in a stay; they end early for people who leave the country or die."""
    stay = lives.stay_by(row, begin)
    leaves = lives.stays["end"].to_numpy()[stay]
    here = np.flatnonzero((stay >= 0) & (leaves > begin + SHORTEST))
    return pl.DataFrame({
        "row": row[here], "course": np.full(len(here), course), "begin": begin[here],
        "end": np.minimum(end, leaves)[here], "home": np.full(len(here), home),
    })  # fmt: skip
