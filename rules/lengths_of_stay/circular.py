"""Circular movers: people who change residence again and again.

Source: UNECE, Defining and measuring circular migration (2016): at least three crossings within ten years, each
followed by a stay, here or abroad, of at least twelve months; a looser variant requires 90 days.
"""

from dataclasses import dataclass

import numpy as np

from rules.lengths_of_stay.continuous import continuous
from rules.lengths_of_stay.crossings import NEVER, Crossings, Days, Flags, Rows
from rules.lengths_of_stay.duration import TEN_YEARS, TWELVE_MONTHS, Duration
from rules.lengths_of_stay.residence import UNKNOWN, Answers


@dataclass(frozen=True)
class CircularMovers:
    """For each person whether they are a circular mover, and since when: the day of the change that makes them one.

    `since` is `NEVER` for everybody else.
    """

    is_circular: Answers
    since: Days


def circular_movers(
    crossings: Crossings,
    initial_resident: Flags,
    observed_to: int,
    *,
    least: Duration = TWELVE_MONTHS,
    changes: int = 3,
    within: Duration = TEN_YEARS,
) -> CircularMovers:
    """Find the people who changed residence `changes` times within some time, each time for at least `least`.

    It is unknown of a person who would be one if crossings that are not settled were changes of residence.
    """
    migration = continuous(crossings, initial_resident, observed_to, least).migration
    since = _repeated(crossings, migration == 1, changes, within)
    possible = _repeated(crossings, migration != 0, changes, within) < NEVER
    is_circular = np.where(since < NEVER, 1, np.where(possible, UNKNOWN, 0)).astype(np.int8)
    return CircularMovers(is_circular, since)


def one_of_many(crossings: Crossings, migration: Answers, changes: int, within: Duration) -> Answers:
    """Return of each change of residence whether it is the last of so many of its person within some time.

    It is unknown of a crossing that may be no change of residence, if it is the last of so many in case it is.
    """
    counts = np.zeros(len(crossings), dtype=np.int8)
    row = _last_of_many(crossings, migration != 0, changes, within)
    counts[row] = migration[row]
    return counts


def _last_of_many(crossings: Crossings, flags: Flags, times: int, within: Duration) -> Rows:
    """Return the rows of flagged crossings that are the last of so many of their person within some time."""
    row = np.flatnonzero(flags)
    first, last = row[: max(len(row) - times + 1, 0)], row[times - 1 :]
    close = crossings.day[last] <= within.after(crossings.day[first])
    return last[close & (crossings.person[first] == crossings.person[last])]


def _repeated(crossings: Crossings, flags: Flags, times: int, within: Duration) -> Days:
    """Return for each person the first day of a flagged crossing that is the last of so many within some time."""
    last = _last_of_many(crossings, flags, times, within)
    since = np.full(len(crossings.first), NEVER)
    np.minimum.at(since, crossings.person[last], crossings.day[last])
    return since
