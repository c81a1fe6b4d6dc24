"""Courses of higher education: those of students from abroad, and of people who grow up here."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.lives.home_courses import home_course
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import LAST_DAY, NEVER, calendar_year, year_starts
from synthetic_data.numbers.draws import Days, draws

FIRST, ONWARD, DISTANCE = 1, 2, 3
"""Numbers of a person's courses."""
ONWARD_COURSE = 0.15
"""Share of international students who stay on and begin a second course at once."""
DISTANCE_COURSE = 0.03
"""...and who enrol as distance learners after they leave the country."""
PLACEMENT = 0.12
"""Share of students on courses of three years or more who spend the third year on a placement (assumption)."""


def first_course(lives: Lives) -> tuple[Days, Days]:
    """Return the first and the last day of each person's first course as a student from abroad, or `NEVER`."""
    begin, end = (lives.households[name].to_numpy()[lives.home] for name in ("course_begin", "course_end"))
    student = lives.people["place"].to_numpy() == 0
    return np.where(student, begin, NEVER), np.where(student, end, NEVER)


def course_ends(lives: Lives) -> tuple[Days, Days]:
    """Return the last days of the first and the onward course of each person's household from abroad, or `NEVER`."""
    second = lives.once(courses).filter((pl.col("course") == ONWARD) & ~pl.col("home"))
    onward = np.full(len(lives.households), NEVER)
    onward[lives.home[second["row"].to_numpy()]] = second["end"].to_numpy()
    return lives.households["course_end"].to_numpy()[lives.home], onward[lives.home]


def courses(lives: Lives) -> pl.DataFrame:
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


def _international(lives: Lives) -> pl.DataFrame:
    """Return the courses of students from abroad, which end when they leave the country.

    Some take a second course at once, and some who left enrol as distance learners.
    """
    begin, finish = first_course(lives)
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


def _home(lives: Lives) -> pl.DataFrame:
    """Return the courses of people who grew up here and are here when they begin."""
    begin, end, _ = home_course(lives.seed, lives.person, lives.birth)
    grew_up = (lives.first_start < begin - 3 * 365) & ~lives.purpose.are_any("study", "ghost")
    row = np.flatnonzero(grew_up & (begin <= LAST_DAY))
    row = row[lives.is_here(row, begin[row])]
    last = lives.last_end[row]
    return _courses(row, FIRST, begin[row], np.minimum(end[row], np.maximum(last, begin[row] + 20)), home=True)
