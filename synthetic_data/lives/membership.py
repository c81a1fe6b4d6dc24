"""Who is in the country, and who lives together: computed from the frames of households and people."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.numbers.days import LAST_DAY, NEVER, row_days
from synthetic_data.numbers.draws import Days
from synthetic_data.numbers.runs import begins, pieces

SPELLS = (("arrive", "leave"), ("arrive_again", "leave_again"), ("arrive_third", "leave_third"))
"""The stays of a household, three at most: the columns of their first day and of the day it leaves."""


def is_here(households: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.bool_]:
    """Return whether each household (row) is in the country on each day, disregarding journeys."""
    here = np.zeros(len(rows), dtype=bool)
    for arrive, leave in SPELLS:
        # stays do not overlap
        rest = np.flatnonzero(~here)
        of, on = rows[rest], days[rest]
        here[rest] = (households[arrive].to_numpy()[of] <= on) & (on < households[leave].to_numpy()[of])
    return here


def before_couples(people: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    """Return the household (row) to which each person (row) belongs on each day, disregarding couples."""
    household = people["household"].to_numpy()[rows]
    own = np.flatnonzero(days >= people["leaves_home"].to_numpy()[rows])
    household[own] = people["own_household"].to_numpy()[rows[own]]
    return household


def household_on(people: pl.DataFrame, rows: NDArray[np.int64], days: Days) -> NDArray[np.int64]:
    """Return the household (row) to which each person (row) belongs on each day."""
    household = before_couples(people, rows, days)
    joint = np.flatnonzero(days >= people["married"].to_numpy()[rows])
    household[joint] = people["joint_household"].to_numpy()[rows[joint]]
    return household


def stays(households: pl.DataFrame, people: pl.DataFrame, death: Days) -> pl.DataFrame:
    """Return the stays of people (`row, start, end`) in the parents' household, their own and that of a couple."""
    birth, leaves_home, married = (people[name].to_numpy() for name in ("birth", "leaves_home", "married"))
    rows, starts, ends = [], [], []
    periods = (
        ("household", birth, np.minimum(leaves_home, married)),
        ("own_household", leaves_home, married),
        ("joint_household", married, np.full(len(people), NEVER)),
    )
    for household, after, before in periods:
        belongs = np.flatnonzero(people[household].to_numpy() >= 0)
        of = people[household].to_numpy()[belongs]
        for arrive, leave in SPELLS:
            arrives = households[arrive].to_numpy()[of]
            some = np.flatnonzero(arrives <= LAST_DAY)
            comes = belongs[some]
            start = np.maximum(arrives[some], after[comes])
            end = np.minimum(np.minimum(households[leave].to_numpy()[of[some]], before[comes]), death[comes])
            there = np.flatnonzero((start < end) & (start <= LAST_DAY))
            rows.append(comes[there])
            starts.append(start[there])
            ends.append(end[there])
    row, start, end = np.concatenate(rows), np.concatenate(starts), np.concatenate(ends)
    # the parts are in order themselves, so a stable sort merges them
    order = np.argsort(row_days(row, start), kind="stable")
    row, start, end = row[order], start[order], end[order]
    # a stay that continues in another household is one stay
    first, last = pieces(begins(row) | (start > np.roll(end, 1)))
    return pl.DataFrame({"row": row[first], "start": start[first], "end": end[last]})
