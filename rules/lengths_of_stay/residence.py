"""Residence followed through a person's crossings, for every definition that says of a crossing whether it lasts.

Somebody who is not a resident and arrives to stay becomes one, and a resident who leaves to stay away ceases to
be one: these are migrations. No other crossing changes anything. Once it is not known whether a crossing was a
migration, residence is unknown from then on.

Source: Stats NZ, Defining migrants using travel histories and the 12/16-month rule (2017).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rules.lengths_of_stay.crossings import Crossings, Flags, Rows

Answers = NDArray[np.int8]
"""1 for yes, 0 for no, `UNKNOWN` where it is not known (yet)."""
UNKNOWN = np.int8(-1)


@dataclass(frozen=True)
class Residence:
    """Residence before and after each crossing, and whether the crossing was a migration.

    `later` are the rows of crossings after an unresolved one of the same person, and `unresolved` are, for each of
    them, the row of that one.
    """

    before: Answers
    after: Answers
    migration: Answers
    later: Rows
    unresolved: Rows


def follow(crossings: Crossings, initial_resident: Flags, lasts: Flags, lasts_not: Flags) -> Residence:
    """Return residence through crossings, from that before each person's first crossing.

    `initial_resident` has it in the row of every crossing. `lasts` is true for arrivals to stay and departures to
    stay away, `lasts_not` for those that are known to be neither; a crossing can be one of both, or open.
    """
    before = _resident_before(crossings, initial_resident, lasts)
    would_change = before != crossings.is_arrival
    migration = would_change & lasts
    after = before ^ migration
    first_open = _first_of_person(crossings, np.flatnonzero(would_change & ~lasts & ~lasts_not))
    later, unresolved = _rows_after(crossings, first_open)
    result = Residence(*(flags.view(np.int8) for flags in (before, after, migration)), later, unresolved)
    for answers, rows in (
        (result.after, first_open), (result.migration, first_open),
        (result.before, later), (result.after, later), (result.migration, later),
    ):  # fmt: skip
        answers[rows] = UNKNOWN
    return result


def _resident_before(crossings: Crossings, initial_resident: Flags, lasts: Flags) -> Flags:
    """Return residence as if no crossing were open: it is where the last crossing that lasts led to.

    It is set at each person's first crossing and after each crossing that lasts, and holds until it is set again.
    """
    is_set = crossings.starts_person.copy()
    is_set[1:] |= lasts[:-1]
    resident = np.append(False, crossings.is_arrival[:-1])[: len(crossings)]
    resident[crossings.first] = initial_resident.take(crossings.first)
    row = np.flatnonzero(is_set)
    return np.repeat(resident.take(row), np.diff(row, append=len(crossings)))


def _first_of_person(crossings: Crossings, rows: Rows) -> Rows:
    """Return those of some ascending rows that are the first of them of their person."""
    return rows[np.diff(crossings.person.take(rows), prepend=-1) > 0]


def _rows_after(crossings: Crossings, rows: Rows) -> tuple[Rows, Rows]:
    """Return all rows of the same person after each of some rows, and beside each of them the row that it follows."""
    count = crossings.last.take(crossings.person.take(rows)) - rows
    row = np.repeat(rows, count)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row + 1 + rank, row
