"""Courses of higher education: those of students from abroad, and of people who grow up here."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.numbers.days import LAST_DAY, NEVER, YEAR, calendar_year, year_starts
from synthetic_data.numbers.draws import Days, draws

if TYPE_CHECKING:
    from synthetic_data.lives.lives import Lives

FIRST, ONWARD, DISTANCE = 1, 2, 3
"""Numbers of a person's courses."""
GOES_TO_UNIVERSITY = 0.35
"""Share of those who grow up here that begins a course at 18 or 19."""
LIVES_IN_HALL = 0.7
"""...and leaves home for it."""
GAP_YEAR = 0.25
ONWARD_COURSE = 0.15
"""International students of longer courses who take a second course at once."""
DISTANCE_COURSE = 0.03
"""...and who enrol as distance learners after they left the country."""
PLACEMENT = 0.12
"""Students of courses of three years and more who spend their third year on a placement (assumption)."""


def home_course(seed: int, person: NDArray[np.int64], birth: Days) -> tuple[Days, Days, NDArray[np.bool_]]:
    """Return the first and last day of the course of each person who grows up here, and whether it is in a hall.

    `NEVER` for those who do not go; whether the person is here on the day is not asked.
    """
    begin, end, in_hall = np.full(len(person), NEVER), np.full(len(person), NEVER), np.zeros(len(person), dtype=bool)
    goes = np.flatnonzero(draws(seed, "university", person) < GOES_TO_UNIVERSITY)
    student, eighteen = person[goes], (birth[goes] + 18 * YEAR).astype(np.int64)
    later = (draws(seed, "gap year", student) < GAP_YEAR).astype(np.int64)
    year = calendar_year(eighteen)
    year += (eighteen > year_starts(year, 8, 31)) + later
    first = year_starts(year, 9, 15) + (draws(seed, "first day", student) * 14).astype(np.int64)
    begin[goes] = first
    end[goes] = first + int(3 * YEAR) - 100 + (draws(seed, "last day", student) * 16).astype(np.int64)
    in_hall[goes] = draws(seed, "lives in hall", student) < LIVES_IN_HALL
    return begin, end, in_hall


def courses(lives: "Lives") -> pl.DataFrame:
    """Return every course: `row, course (number), begin, end, home, placement`.

    `placement` is the first day of the year out, or `NEVER`.
    """
    both = pl.concat([_international(lives), _home(lives)])
    person, begin = lives.person[both["row"].to_numpy()], both["begin"].to_numpy()
    third_year = year_starts(calendar_year(begin) + 2, 9, 15)
    out = (draws(lives.seed, "placement", person) < PLACEMENT) & (third_year + 300 < both["end"].to_numpy() + 60)
    out &= (both["course"] == FIRST).to_numpy()
    return both.with_columns(placement=pl.Series(np.where(out, third_year, NEVER)))


def _courses(row: NDArray[np.int64], course: int, begin: Days, end: Days, *, home: bool) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": row, "course": course, "begin": begin, "end": end, "home": home},
        schema={"row": pl.Int64, "course": pl.Int64, "begin": pl.Int64, "end": pl.Int64, "home": pl.Boolean},
    )


def _international(lives: "Lives") -> pl.DataFrame:
    """Return the courses of students from abroad; who leaves the country early ends early.

    Some take a second course at once, and some who left enrol again from afar.
    """
    begin, finish = lives.course
    row = np.flatnonzero(begin < NEVER)
    begin, finish, person = begin[row], finish[row], lives.person[row]
    leave = lives.first_end[row]
    next_year = year_starts(calendar_year(finish + 10), 9, 22)
    next_year = np.where(next_year <= finish, next_year + 365, next_year)
    onward = (leave > next_year + 60) & (draws(lives.seed, "onward course", person) < ONWARD_COURSE)
    after_leaving = year_starts(calendar_year(leave + 366), 9, 22)
    afar = (leave < LAST_DAY) & (draws(lives.seed, "distance course", person) < DISTANCE_COURSE)
    afar &= leave < lives.death[row]
    return pl.concat([
        _courses(row, FIRST, begin, np.minimum(finish, leave), home=False),
        _courses(row[onward], ONWARD, next_year[onward], np.minimum(next_year + 350, leave)[onward], home=False),
        _courses(row[afar], DISTANCE, after_leaving[afar], after_leaving[afar] + 300, home=False),
    ])  # fmt: skip


def _home(lives: "Lives") -> pl.DataFrame:
    """Return the courses of people who grew up here and are here when they begin."""
    begin, end, _ = home_course(lives.seed, lives.person, lives.birth)
    grew_up = (lives.first_start < begin - 3 * 365) & ~lives.purpose.are_any("study", "ghost")
    row = np.flatnonzero(grew_up & (begin <= LAST_DAY))
    row = row[lives.is_here(row, begin[row])]
    last = lives.last_end[row]
    return _courses(row, FIRST, begin[row], np.minimum(end[row], np.maximum(last, begin[row] + 20)), home=True)
