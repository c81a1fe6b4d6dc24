"""Home students: the university course of people who grow up here, and whether they leave home for it."""

import numpy as np
from numpy.typing import NDArray

from synthetic_data.numbers.days import NEVER, YEAR, calendar_year, year_starts
from synthetic_data.numbers.draws import Days, draws

GOES_TO_UNIVERSITY = 0.35
"""Share of people who grow up here that begins a course at 18 or 19."""
LIVES_IN_HALL = 0.7
"""...and leaves home for it."""
GAP_YEAR = 0.25


def home_course(seed: int, person: NDArray[np.int64], birth: Days) -> tuple[Days, Days, NDArray[np.bool_]]:
    """Return the first and last day of each person's course, and whether they live in a hall.

    Days are `NEVER` for those without a course. Whether the person grew up here, or is here then, is not checked.
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
