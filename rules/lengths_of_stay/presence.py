"""Presence as a running sum: how many days a person was in the country between a crossing and any later day.

A person is in the country from an arrival to the next departure. Days are counted like nights: the day of a departure
counts, the day of an arrival does not.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rules.lengths_of_stay.crossings import Crossings, Days, Numbers, Rows

NEAR = 8
"""How many following crossings each crossing compares with the end of its window before it searches further."""


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
        is_arrival, day, turn = self.crossings.is_arrival, self.day, self.turn
        since = np.zeros(len(day), dtype=np.int32)
        np.multiply(turn[:-1] - day[:-1], is_arrival[:-1], out=since[1:])
        # after a departure there are none, but from the day on at which a missing arrival is placed
        missing = self.crossings.before_missing
        left = missing[~is_arrival[missing]]
        since[left + 1] = day[left + 1] - turn[left]
        return np.cumsum(since, dtype=np.int32, out=since)

    def days_until(self, until: Days) -> Days:
        """Return the days in the country after each crossing up to a day of its own, which is counted too.

        `until` has a day for each crossing: neither before that crossing nor after `observed_to`.
        """
        row = self._last_crossing_by(until)
        is_arrival = self.crossings.is_arrival
        # after an arrival all days are spent in the country, and after a departure none
        days = until * is_arrival.take(row)
        days += (self.total - self.day * is_arrival).take(row)
        days -= self.total
        # only where a crossing is missing can the turn come first: then it is the other way round from there on
        turned = np.flatnonzero(self.turn.take(row) < until)
        last = row[turned]
        since = until[turned] - self.turn[last]
        days[turned] += np.where(is_arrival[last], -since, since)
        return days

    def days_between(self, person: Numbers, start: Days, end: Days) -> Days:
        """Return the days after `start` up to `end` on which people, by their numbers, were in the country.

        Before the first crossing a person was on the side from which it leads. No day after `observed_to` counts.
        """
        return self._days_since_first(person, end) - self._days_since_first(person, np.minimum(start, end))

    def _days_since_first(self, person: Numbers, day: Days) -> Days:
        """Return the days in the country from a person's first crossing to a day; negative for days before it."""
        crossings = self.crossings
        day = np.minimum(day, np.int32(self.observed_to))
        if not len(day):
            return day
        first = crossings.first[person]
        earliest, latest = int(min(self.day.min(), day.min())), int(max(self.day.max(), day.max()))
        line = np.int64(latest - earliest + 1)
        place = crossings.person * line + self.day
        row = np.maximum(np.searchsorted(place, person * line + day, side="right") - 1, first)
        turned = np.minimum(day, self.turn[row])
        since = np.where(crossings.is_arrival[row], turned - self.day[row], day - turned)
        before = np.where(crossings.is_arrival[first], 0, day - self.day[first])
        return np.where(day < self.day[first], before, self.total[row] - self.total[first] + since)

    def _last_crossing_by(self, until: Days) -> Rows:
        """Return the row of the person's last crossing on or before a day of each crossing.

        All crossings search at once. Most windows hold few crossings: each crossing looks at the `NEAR` ones that
        follow it, one after another. Those whose window holds more go on by steps that are halved. For that, the days
        of all people are laid out on one line, one person behind the other.
        """
        crossings = self.crossings
        count = len(crossings)
        if not count:
            return np.empty(0, dtype=np.int64)
        earliest = int(self.day.min())
        length = int(until.max()) - earliest + 1
        line: type[np.integer] = np.int32 if length * len(crossings.first) < 2**31 else np.int64
        origin = crossings.person * line(length) - line(earliest)
        place, end = origin + self.day, origin + until
        near = np.zeros(count, dtype=np.int8)
        for step in range(1, min(NEAR, count - 1) + 1):
            near[:-step] += (place[step:] <= end[:-step]).view(np.int8)
        row = np.arange(count)
        row += near
        far = np.flatnonzero(near == NEAR)
        if len(far):
            row[far] = _last_place_by(place, row[far], end[far], int(crossings.count.max()))
        return row


def _last_place_by(place: NDArray[np.integer], row: Rows, end: NDArray[np.integer], longest: int) -> Rows:
    """Return the last row whose place is at most `end`: it is among the `longest` rows from `row` on.

    `place` rises, and `end` is not before the place of the row.
    """
    steps = [1 << bit for bit in reversed(range(longest.bit_length()))]
    beyond = np.full(2 * steps[0], np.iinfo(place.dtype).max, dtype=place.dtype)
    place = np.append(place, beyond)
    for step in steps:
        row = row + (place[step:].take(row) <= end) * step
    return row
