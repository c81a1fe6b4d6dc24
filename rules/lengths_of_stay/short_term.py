"""Short-term stays: presence between two crossings that lasts for some months, and is no part of residence.

Source: ONS, Short-term international migration (2017): stays of 1 or 3 to under 12 months; United Nations,
Recommendations on statistics of international migration (1998).
"""

from dataclasses import dataclass

import numpy as np

from rules.lengths_of_stay.crossings import Days, Flags, Numbers
from rules.lengths_of_stay.duration import Duration
from rules.lengths_of_stay.residence import UNKNOWN, Answers


@dataclass(frozen=True)
class ShortTerm:
    """A short-term stay lasts at least `least`, and less than `under`.

    Presence with absences of at most `absent_up_to` days in between is residence if it lasts more than
    `resident_more_than` days in all.
    """

    least: Duration
    under: Duration
    resident_more_than: int
    absent_up_to: int


@dataclass(frozen=True)
class ShortTermStays:
    """For each spell of presence whether it is part of residence, and whether its own length is out of bounds.

    `residence` is `UNKNOWN` as long as it can become so; a spell that lasts is not `too_brief` yet.
    """

    residence: Answers
    too_brief: Flags
    too_long: Flags


def short_term(
    person: Numbers, start: Days, end: Days, is_over: Flags, rule: ShortTerm, observed_to: int
) -> ShortTermStays:
    """Classify spells of presence, in order of person and time; `end` is `NEVER` while it is not known.

    `is_over` is true for spells of people who can neither stay longer nor come back: the dead.
    """
    until = np.minimum(end, np.int32(observed_to))
    chain = _chains(person, start, until, rule.absent_up_to)
    first = np.flatnonzero(np.diff(chain, prepend=-1))
    last = np.append(first[1:], len(chain)) - 1
    is_long = until[last] - start[first] > rule.resident_more_than
    closed = ((end[last] <= observed_to) & (observed_to - until[last] > rule.absent_up_to)) | is_over[last]
    residence = np.where(is_long, 1, np.where(closed, 0, UNKNOWN)).astype(np.int8)
    too_brief = (end <= observed_to) & (until < rule.least.after(start))
    return ShortTermStays(residence[chain], too_brief, until >= rule.under.after(start))


def _chains(person: Numbers, start: Days, until: Days, absent_up_to: int) -> Numbers:
    """Return the number of the chain of each spell: a person's spells with no longer absences between them."""
    begins = np.ones(len(start), dtype=np.bool_)
    begins[1:] = (person[1:] != person[:-1]) | (start[1:] - until[:-1] > absent_up_to)
    return np.cumsum(begins, dtype=np.int32) - 1
