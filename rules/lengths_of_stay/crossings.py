"""Crossings of the border as arrays: one person after the other, and each person's crossings in order."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int32]
"""Days since 1970-01-01, or numbers of days."""
Numbers = NDArray[np.int32]
"""Numbers of people, from 0."""
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
"""Numbers of rows, from 0."""

NEVER = np.int32(2**30)
"""A day after all others: that of a crossing that was not seen, and may be still to come."""


@dataclass(frozen=True)
class Crossings:
    """One element a crossing, in order of person, and of time within a person.

    `starts_person` is true for the first crossing of each person, `day` is the day of the crossing, and `is_arrival`
    distinguishes arrivals from departures.
    """

    starts_person: Flags
    day: Days
    is_arrival: Flags

    def __len__(self) -> int:
        """Return the number of crossings."""
        return len(self.day)

    @cached_property
    def first(self) -> Rows:
        """The row of each person's first crossing."""
        return np.flatnonzero(self.starts_person)

    @cached_property
    def count(self) -> Rows:
        """The number of crossings of each person."""
        return np.diff(self.first, append=len(self))

    @cached_property
    def last(self) -> Rows:
        """The row of each person's last crossing."""
        return self.first + self.count - 1

    @cached_property
    def person(self) -> Numbers:
        """The number of the person, from 0, to whom each crossing belongs."""
        return np.repeat(np.arange(len(self.first), dtype=np.int32), self.count)

    @cached_property
    def turn(self) -> Days:
        """The day on which the state after each crossing ended: that of the next crossing, or `NEVER` after the last.

        Between two crossings of one direction another one was not recorded. It is placed half of the days between
        them, rounded down, after the first one.
        """
        turn = np.append(self.day[1:], NEVER)[: len(self)]
        turn[self.last] = NEVER
        row = self.before_missing
        turn[row] = self.day[row] + (self.day[row + 1] - self.day[row]) // 2
        return turn

    @cached_property
    def before_missing(self) -> Rows:
        """The rows of crossings that the person's next one follows in the same direction."""
        turns_back = self.is_arrival[1:] ^ self.is_arrival[:-1]
        return np.flatnonzero(~(turns_back | self.starts_person[1:]))
