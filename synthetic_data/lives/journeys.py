"""Journeys abroad during a stay: too short to end it."""

import numpy as np
import polars as pl

from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.lives.membership import household_on
from synthetic_data.numbers.days import FIRST_DAY, YEARS, row_days, year_starts
from synthetic_data.numbers.draws import between, draws, log_normal
from synthetic_data.numbers.runs import begins

TRIPS_A_YEAR = {"study": 0.15, "visit": 0.0}
"""Yearly probability of a journey of visa nationals, by purpose of the stay; `OTHER_TRIPS` for all others."""
OTHER_TRIPS = 0.35
LONG_TRIPS = 0.02
"""Share of journeys that last three months to a year."""
HOLIDAYS = (("christmas", 12, 10, 24), ("easter", 3, 20, 21), ("summer", 6, 14, 92))
"""Students' holidays at home: name, month and day of the earliest departure, days away."""
GOES_HOME = ((0.31, 0.95), (1.0, 0.50))
"""Cumulative shares of students, and how often each spends a holiday at home: some nearly always (assumption)."""


def trips(seed: int, households: pl.DataFrame, people: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Return journeys abroad (`row, out, back`) of visa nationals: within a stay, and at most 350 days.

    Households travel together; students go home for the holidays. Journeys of other people are not simulated: no
    source records them.
    """
    row, start, end = (stays[name].to_numpy() for name in ("row", "start", "end"))
    visa = np.flatnonzero(people["visa_national"].to_numpy()[row] & (end > FIRST_DAY))
    row, start, end = row[visa], start[visa], end[visa]
    often = np.array([TRIPS_A_YEAR.get(group.purpose, OTHER_TRIPS) for group in MIGRANT_GROUPS] + [OTHER_TRIPS, 0.0])
    key, migrant_group, course_begin, course_end = (
        households[name].to_numpy() for name in ("key", "migrant_group", "course_begin", "course_end")
    )
    found = []
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        here = np.flatnonzero((start < first + 365) & (end > first))
        home = household_on(people, row[here], np.full(len(here), first))
        goes = draws(seed, "trip", key[home], year) < often[migrant_group[home]]
        of = key[home[goes]]
        out = first + (draws(seed, "trip day", of, year) * 365).astype(np.int64)
        away = np.clip(log_normal(draws(seed, "trip length", of, year), 18, 0.7), 3, 80)
        long = draws(seed, "long trip", of, year) < LONG_TRIPS
        away[long] = between(draws(seed, "long trip length", of[long], year), 90, 350)
        found.append((here[goes], out, away.astype(np.int64)))
        studies = (course_begin[home] <= first + 365) & (course_end[home] > first)
        studies &= migrant_group[home] < len(MIGRANT_GROUPS)
        here, home = here[studies], home[studies]
        of = key[home]
        share = np.where(draws(seed, "goes home", of) < GOES_HOME[0][0], GOES_HOME[0][1], GOES_HOME[1][1])
        for name, month, day_of_month, days_away in HOLIDAYS:
            leaves = year_starts(year, month, day_of_month) + draws(seed, f"{name} day", of, year) * 12
            goes = (leaves < course_end[home] - 10) & (draws(seed, name, of, year) < share)
            back = days_away + between(draws(seed, f"{name} length", of[goes], year), -6, 7)
            found.append((here[goes], leaves[goes].astype(np.int64), back.astype(np.int64)))
    stay, out, away = (np.concatenate(part) for part in zip(*found, strict=True))
    inside = (out > start[stay] + 20) & (out + away < end[stay] - 20)
    row, out, back = row[stay[inside]], out[inside], (out + away)[inside]
    order = np.lexsort((back, row_days(row, out)))
    row, out, back = row[order], out[order], back[order]
    # drop journeys that begin within ten days after the one before, until there are no more
    while (kept := begins(row) | (out >= np.roll(back, 1) + 10)).sum() < len(row):
        row, out, back = row[kept], out[kept], back[kept]
    return pl.DataFrame({"row": row, "out": out, "back": back})
