"""Leaving: resident households that emigrate, and children who leave home."""

import numpy as np
import polars as pl

from synthetic_data.country.migrant_groups import GROUPS, RESIDENT
from synthetic_data.country.rates import (
    BRITISH_EMIGRATION,
    FOREIGN_EMIGRATION,
    MEAN_RETURN_DAYS,
    MEAN_SETTLED_YEARS,
    RESIDENTS_RETURN,
    at_steps,
)
from synthetic_data.lives.home_courses import home_course
from synthetic_data.lives.membership import SPELLS, is_here
from synthetic_data.lives.numbering import OWN_HOUSEHOLD_KEYS
from synthetic_data.numbers.days import FIRST_DAY, LAST_DAY, NEVER, YEAR, YEARS, year_starts
from synthetic_data.numbers.draws import Days, draws, exponential
from synthetic_data.numbers.labels import Labels

LEAVES_HOME = 0.8
"""Share of children who found a household of their own between their 18th and 26th birthdays."""


def emigrations(seed: int, households: pl.DataFrame, here_since: Days) -> pl.DataFrame:
    """Add the emigration of resident households, and the return of some; `here_since` is the day they came.

    Returns households with `leave`, `arrive_again` and `leave_again` (days, `NEVER` where nothing happens).
    """
    keys, group = households["key"].to_numpy(), Labels.of(households["group"], GROUPS)
    start = np.maximum(households["arrive"].to_numpy(), FIRST_DAY)
    leave = np.full(len(keys), NEVER)
    birth = households["head_birth"].to_numpy()
    highest = max(rate for steps in (BRITISH_EMIGRATION, *FOREIGN_EMIGRATION.values()) for _, rate in steps)
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        uniform = draws(seed, "emigration", keys, year)
        some = np.flatnonzero((uniform < highest) & (leave == NEVER))
        rate = at_steps(BRITISH_EMIGRATION, (first - birth[some]) / YEAR)
        for one, steps in FOREIGN_EMIGRATION.items():
            those = group[some].are(one)
            rate[those] = at_steps(steps, (first - here_since[some[those]]) / YEAR)
        on = first + (draws(seed, "emigration day", keys[some], year) * 365).astype(np.int64)
        goes = (uniform[some] < rate) & (on > start[some] + 30)
        leave[some[goes]] = on[goes]
    back, again = np.full(len(keys), NEVER), np.full(len(keys), NEVER)
    left = np.flatnonzero(leave < NEVER)
    some = left[draws(seed, "comes back", keys[left]) < RESIDENTS_RETURN]
    absence = exponential(draws(seed, "absence", keys[some]), MEAN_RETURN_DAYS)
    back[some] = leave[some] + 366 + absence.astype(np.int64)
    stay = exponential(draws(seed, "second stay", keys[some]), MEAN_SETTLED_YEARS * YEAR)
    again[some] = back[some] + 366 + stay.astype(np.int64)
    return households.with_columns(leave=pl.Series(leave), arrive_again=pl.Series(back), leave_again=pl.Series(again))


def leaving_home(seed: int, households: pl.DataFrame, people: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households, with those founded by children, and people with `own_household` (row or -1), `leaves_home`.

    Students leave home for university or after it; a new household's `course_end` is that of its founder.
    """
    children = np.flatnonzero(people["place"].to_numpy() >= 2)
    person, birth, home = (people[name].to_numpy()[children] for name in ("person", "birth", "household"))
    begin, finish, in_hall = home_course(seed, person, birth)
    usual = (birth + (18 + 8 * draws(seed, "leaving home", person)) * YEAR).astype(np.int64)
    studies = (begin > FIRST_DAY) & (begin < NEVER)
    in_town = studies & in_hall
    on = np.where(in_town, begin, np.where(studies, np.maximum(usual, finish), usual))
    leaves = (draws(seed, "leaves home", person) < LEAVES_HOME) | in_hall
    leaves &= (on > FIRST_DAY) & (on <= LAST_DAY) & is_here(households, home, on)
    rows, person, birth, home, on = (one[leaves] for one in (children, person, birth, home, on))
    in_town, begin, finish = in_town[leaves], begin[leaves], finish[leaves]
    of = people.select("group", "fine_group", "nationality", "family_name")[rows]
    never = pl.lit(NEVER, pl.Int64)
    founded = households[home].with_columns(
        key=pl.Series(OWN_HOUSEHOLD_KEYS + person),
        migrant_group=pl.lit(RESIDENT, dtype=pl.Int64),
        group=of["group"],
        fine_group=of["fine_group"],
        country=of["nationality"],
        family_name=of["family_name"],
        head_birth=pl.Series(birth),
        overstays=pl.lit(value=False),
        **{day: never for spell in SPELLS for day in spell} | {"arrive": pl.Series(on)},
        course_begin=pl.Series(np.where(in_town, begin, NEVER)),
        course_end=pl.Series(np.where(in_town, finish, NEVER)),
    )
    founded = emigrations(seed, founded, households["arrive"].to_numpy()[home])
    own, leaves_home = np.full(len(people), -1), np.full(len(people), NEVER)
    own[rows] = len(households) + np.arange(len(rows))
    leaves_home[rows] = on
    people = people.with_columns(own_household=pl.Series(own), leaves_home=pl.Series(leaves_home))
    return pl.concat([households, founded], rechunk=True), people
