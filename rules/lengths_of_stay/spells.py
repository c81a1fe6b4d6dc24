"""Spells of presence between crossings, and the ladder of their lengths."""

from dataclasses import dataclass

import numpy as np

from rules.lengths_of_stay.crossings import NEVER, Crossings, Days, Numbers, Rows
from rules.lengths_of_stay.duration import Duration
from rules.lengths_of_stay.residence import UNKNOWN, Answers

LADDER = (0, 1, 3, 6, 12)
"""Calendar months at which the rungs begin: 0-1, 1-3, 3-6, 6-12, 12 or more."""


@dataclass(frozen=True)
class Spells:
    """One element a spell of presence, in order of person and time.

    `start` is -`NEVER` if the person was in the country before the first crossing, `end` is `NEVER` if no later
    crossing is known. `arrival` and `departure` are the rows of the crossings that begin and end the spell, -1 where
    the crossing was not recorded.
    """

    person: Numbers
    start: Days
    end: Days
    arrival: Rows
    departure: Rows


def spells(crossings: Crossings) -> Spells:
    """Return all spells of presence; an unrecorded crossing begins or ends one where `Crossings.turn` places it."""
    row = np.arange(len(crossings))
    is_arrival, day, turn = crossings.is_arrival, crossings.day, crossings.turn
    continues = np.append(~crossings.starts_person[1:], False)[: len(row)]
    same = continues & (np.append(is_arrival[1:], False)[: len(row)] == is_arrival)
    arrived = np.flatnonzero(is_arrival)
    unseen = np.flatnonzero(~is_arrival & same)
    before = crossings.first[~is_arrival[crossings.first]]
    departed = np.where(continues & ~same, row + 1, -1)
    start = np.concatenate([day[arrived], turn[unseen], np.full(len(before), -NEVER)])
    end = np.concatenate([turn[arrived], day[unseen + 1], day[before]])
    arrival = np.concatenate([arrived, np.full(len(unseen) + len(before), -1)])
    departure = np.concatenate([departed[arrived], unseen + 1, before])
    # a spell before the first crossing comes first; all others are in order of the row that begins them
    order = np.argsort(np.concatenate([2 * arrived + 1, 2 * unseen + 1, 2 * before]), kind="stable")
    person = np.concatenate([crossings.person[rows] for rows in (arrived, unseen, before)])
    return Spells(*(column[order] for column in (person, start, end, arrival, departure)))


def rung(of: Spells, observed_to: int) -> Answers:
    """Return the rung of the `LADDER` of each spell, by calendar months; `UNKNOWN` if it can still rise.

    The rung is unknown, too, where nobody knows since when the person was in the country.
    """
    result = np.zeros(len(of.start), dtype=np.int8)
    for months in LADDER[1:]:
        result += at_least(of, Duration(months=months), observed_to) == 1
    settled = (of.end <= observed_to) | (result == len(LADDER) - 1)
    return np.where(settled & (of.start > -NEVER), result, UNKNOWN)


def at_least(of: Spells, least: Duration, observed_to: int) -> Answers:
    """Return whether each spell lasts at least some time, as far as it is known at the end of observation."""
    known = of.start > -NEVER
    start = np.where(known, of.start, 0)
    lasted = np.minimum(of.end, np.int32(observed_to)) >= least.after(start)
    ended = of.end <= observed_to
    return np.where(known & (lasted | ended), lasted, UNKNOWN).astype(np.int8)


def between(of: Spells, least: Duration, under: Duration, observed_to: int) -> Answers:
    """Return whether each spell lasts from `least` to under `under`: short-term stays of 1 or 3 to 12 months."""
    long_enough, too_long = at_least(of, least, observed_to), at_least(of, under, observed_to)
    no = (long_enough == 0) | (too_long == 1)
    yes = (long_enough == 1) & (too_long == 0)
    return np.where(no, 0, np.where(yes, 1, UNKNOWN)).astype(np.int8)
