"""Continuous stays: an arrival lasts if nothing ends the stay for twelve months; a departure, if nothing the absence.

Taken literally, every trip ends a stay; `without_short_absences` leaves out trips of up to some days beforehand, and
`without_short_visits` visits.

Source: United Nations, Recommendations on statistics of international migration (1998).
"""

import numpy as np

from rules.lengths_of_stay.crossings import Crossings, Flags, Rows
from rules.lengths_of_stay.duration import TWELVE_MONTHS, Duration
from rules.lengths_of_stay.residence import Residence, follow


def continuous(
    crossings: Crossings, initial_resident: Flags, observed_to: int, least: Duration = TWELVE_MONTHS
) -> Residence:
    """Follow residence that begins with presence and ends with absence of at least `least` without a crossing.

    Presence or absence that lasted less by the end of observation, and goes on, leaves residence unknown.
    """
    over = least.after(crossings.day)
    lasts = np.minimum(crossings.turn, np.int32(observed_to)) >= over
    lasts_not = (crossings.turn < over) & (crossings.turn <= observed_to)
    return follow(crossings, initial_resident, lasts, lasts_not)


def without_short_absences(crossings: Crossings, days: int) -> Rows:
    """Return the rows that are left without trips: departures after which the person was back within some days."""
    return _without(crossings, ~crossings.is_arrival, days)


def without_short_visits(crossings: Crossings, days: int) -> Rows:
    """Return the rows that are left without visits: arrivals after which the person had left within some days."""
    return _without(crossings, crossings.is_arrival, days)


def _without(crossings: Crossings, begins: Flags, days: int) -> Rows:
    """Return the rows without each crossing of one direction that the opposite one follows within some days."""
    short = np.zeros(len(crossings), dtype=np.bool_)
    short[:-1] = begins[:-1] & ~begins[1:] & ~crossings.starts_person[1:] & (np.diff(crossings.day) <= days)
    left_out = short.copy()
    left_out[1:] |= short[:-1]
    return np.flatnonzero(~left_out)
