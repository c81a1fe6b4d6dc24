"""Where households live: their first addresses, and at most one move a year."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import geography
from synthetic_data.country.geography import Map
from synthetic_data.country.migrant_groups import GROUPS, MIGRANT_GROUPS, RESIDENT
from synthetic_data.country.rates import MOVES, OTHER_AUTHORITY, OTHER_REGION
from synthetic_data.lives.membership import SPELLS, is_here
from synthetic_data.numbers.days import LONG_AGO, NEVER, YEAR, YEARS, row_days, year_starts
from synthetic_data.numbers.draws import Days, draws
from synthetic_data.numbers.labels import Labels

NEWCOMER_SKEW = {"British": 1.0, "Irish": 1.6, "EU": 2.2, "non_EU": 2.2}
"""Postcodes of an authority are in decreasing order of newcomers; a draw to this power favours the first ones."""
AFTER_UNIVERSITY = 30
"""Days after the course when home students look for another home."""
STAYS_IN_TOWN = 0.35
"""Share of them who do not move."""


def moves(seed: int, households: pl.DataFrame, people: pl.DataFrame, country: Map) -> pl.DataFrame:
    """Return every address of every household: `household` (row), `start` (day), `postcode` (number), in order.

    Households move at most once a year; students also move after the course.
    """
    key, group = households["key"].to_numpy(), Labels.of(households["group"], GROUPS)
    with_founders = (people["own_household"], people["household"], people["leaves_home"])
    founders = np.flatnonzero(people["own_household"].to_numpy() >= 0)
    founded, home, leaves_home = (one.to_numpy()[founders] for one in with_founders)
    row, start, authority = _moves_of(seed, households, np.arange(len(key) - len(founded)))
    at = np.searchsorted(row_days(row, start), row_days(home, leaves_home), side="right") - 1
    own = _moves_of(seed, households, founded, authority[np.maximum(at, 0)])
    # households founded by children follow all others
    row, start, authority = (np.append(*both) for both in zip((row, start, authority), own, strict=True))
    place = draws(seed, "address", key[row], start - LONG_AGO)
    skew = group.values(NEWCOMER_SKEW)[row]
    skewed = np.flatnonzero(skew != 1)
    place[skewed] **= skew[skewed]
    return pl.DataFrame({"household": row, "start": start, "postcode": country.at(authority, place)})


def _moves_of(
    seed: int, households: pl.DataFrame, rows: NDArray[np.int64], parents: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], Days, NDArray[np.int64]]:
    """Return household, start and authority of each address; `parents` is the authority of the parents' home."""
    columns = (
        "key",
        "part",
        "migrant_group",
        "group",
        "head_birth",
        "course_end",
        *(day for spell in SPELLS for day in spell),
    )
    of = households.select(columns)[rows]
    key, part, arrive, migrant_group, birth = (
        of[name].to_numpy() for name in ("key", "part", "arrive", "migrant_group", "head_birth")
    )
    resident, again = migrant_group == RESIDENT, [of[name].to_numpy() for name, _ in SPELLS[1:]]
    course_end = np.where(resident, of["course_end"].to_numpy(), NEVER)
    home_student = course_end < NEVER
    uniform = draws(seed, "first authority", key)
    if parents is None:
        goes_to = Labels.looked_up(
            [*(one.goes_to for one in MIGRANT_GROUPS), "residents", "residents"], migrant_group
        )
        goes_to = goes_to.changed(resident & (of["group"] != "British").to_numpy(), "newcomers")
        now = np.zeros(len(rows), dtype=np.int64)
        for column in goes_to.texts:
            those = goes_to.are(column)
            now[those] = geography.draw_authority(uniform[those], column, part[those])
    else:
        now = np.where(home_student, geography.draw_authority(uniform, "students"), _next(seed, key, 0, parents))
    gone = np.max([np.where(of[come].to_numpy() < NEVER, of[go].to_numpy(), LONG_AGO) for come, go in SPELLS], axis=0)
    found = [(rows, np.full(len(rows), LONG_AGO), now.copy())]
    for year, first in zip(YEARS, year_starts(YEARS), strict=True):
        move_draw = np.ones(len(rows))
        here = np.flatnonzero((arrive < first + 365) & (gone >= first))
        move_draw[here] = draws(seed, "move", key[here], year)
        graduates = (course_end + AFTER_UNIVERSITY >= first) & (course_end + AFTER_UNIVERSITY < first + 365)
        returning = [(comes >= first) & (comes < first + 365) for comes in again]
        some = np.flatnonzero(np.logical_or.reduce([move_draw < max(MOVES.values()), graduates, *returning]))
        young = (first - birth[some]) / YEAR < 35
        often = np.where(resident[some], np.where(young, MOVES["young"], MOVES["settled"]), MOVES["migrant"])
        wants, graduate = move_draw[some] < often, graduates[some]
        wants[graduate] |= draws(seed, "stays in town", key[some[graduate]]) > STAYS_IN_TOWN
        on = first + (draws(seed, "move day", key[some], year) * 365).astype(np.int64)
        on = np.where(graduate, course_end[some] + AFTER_UNIVERSITY, on)
        happens = wants & (on > arrive[some] + 45) & ~(home_student[some] & (on < course_end[some]))
        happens &= is_here(households, rows[some], on)
        # people who come back from abroad find another home
        for comes, returns in zip(again, returning, strict=True):
            on, happens = np.where(returns[some], comes[some], on), happens | returns[some]
        there, on, far = some[happens], on[happens], graduate[happens]
        to = _next(seed, key[there], year, now[there])
        to[far] = geography.draw_far_authority(draws(seed, "after university", key[there[far]]))
        now[there] = to
        found.append((rows[there], on, to))
    row, start, authority = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(row_days(row, start), kind="stable")
    return row[order], start[order], authority[order]


def _next(seed: int, key: NDArray[np.int64], year: int, now: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the authority to which each household moves: its own, another in the region, or one elsewhere."""
    to, how = now.copy(), draws(seed, "how far", key, year)
    leaves = np.flatnonzero(how < OTHER_AUTHORITY)
    far = how[leaves] < OTHER_AUTHORITY * OTHER_REGION
    where, part = draws(seed, "whereto", key[leaves], year), geography.authorities()["part"].to_numpy()[now[leaves]]
    to[leaves[far]] = geography.draw_far_authority(where[far])
    to[leaves[~far]] = geography.draw_authority(where[~far], "moves_in", part[~far])
    return to
