"""Presence as a running sum: how many days a person was in the country between a crossing and any later day.

A person is in the country from an arrival to the next departure. Days are counted like nights: the day of a departure
counts, the day of an arrival does not.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rules.lengths_of_stay.crossings import Crossings, Days, Rows


@dataclass(frozen=True)
class Presence:
    """What is known of presence on `observed_to`, the last day of observation: no later day is counted.

    `observed_to` is a number of days since 1970-01-01.
    """

    crossings: Crossings
    observed_to: int

    @cached_property
    def day(self) -> Days:
        """The day of each crossing, or the end of observation if that is earlier."""
        return np.minimum(self.crossings.day, np.int32(self.observed_to))

    @cached_property
    def turn(self) -> Days:
        """The day on which the state after each crossing ended, or the end of observation if that is earlier."""
        return np.minimum(self.crossings.turn, np.int32(self.observed_to))

    @cached_property
    def total(self) -> Days:
        """The running sum: days in the country before each crossing, over all people in order.

        Only differences within a person mean anything, and they are right even where the sum over all people
        exceeds 32 bits, since it is taken modulo 2**32.
        """
        day, turn = self.day, self.turn
        since = np.zeros(len(day), dtype=np.int32)
        since[1:] = np.where(self.crossings.is_arrival[:-1], turn[:-1] - day[:-1], day[1:] - turn[:-1])
        since[self.crossings.first] = 0
        return np.cumsum(since, dtype=np.int32)

    def days_until(self, until: Days) -> Days:
        """Return the days in the country after each crossing up to a day of its own, which is counted too.

        `until` has a day for each crossing: neither before that crossing nor after `observed_to`.
        """
        row = self._last_crossing_by(until)
        is_arrival = self.crossings.is_arrival
        # after an arrival a day is spent in the country up to the turn; after a departure, from the turn on
        turned = np.minimum(until, self.turn.take(row))
        days = np.where(is_arrival.take(row), turned, until - turned)
        days += np.where(is_arrival, self.total - self.day, self.total).take(row)
        days -= self.total
        return days

    def _last_crossing_by(self, until: Days) -> Rows:
        """Return the row of the person's last crossing on or before a day of each crossing.

        All crossings search at once, each among those that follow it, by steps that are halved: five steps if
        nobody has more than 32 crossings. For that, the days of all people are laid out on one line, one person
        behind the other.
        """
        crossings = self.crossings
        if not len(crossings):
            return np.empty(0, dtype=np.int64)
        earliest = int(self.day.min())
        length = int(until.max()) - earliest + 1
        line: type[np.integer] = np.int32 if length * len(crossings.first) < 2**31 else np.int64
        origin = np.repeat(
            np.arange(len(crossings.first), dtype=line) * line(length) - line(earliest), crossings.count
        )
        steps = [1 << bit for bit in reversed(range(int(crossings.count.max() - 1).bit_length()))]
        beyond = np.full(1 << len(steps), np.iinfo(line).max, dtype=line)
        place: NDArray[np.integer] = np.concatenate([origin + self.day, beyond])
        end = origin + until
        row = np.arange(len(crossings))
        for step in steps:
            row += np.multiply(place[step:].take(row) <= end, step, dtype=np.int64)
        return row
