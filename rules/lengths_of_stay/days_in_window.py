"""Days in a window: an arrival lasts if the person spends `threshold` of the next `window` days in the country.

With 365 of 487 days it is the 12/16-month rule of Stats NZ and the Australian Bureau of Statistics, with 274 of 365
it is the 9/12-month rule. Days need not be consecutive. Where the observation ends too early to tell, the answer is
unknown.

Source: Stats NZ, Defining migrants using travel histories and the 12/16-month rule (2017), with the treatment of
windows that reach beyond the end of observation of its package migstat.
"""

from dataclasses import dataclass

import numpy as np

from rules.lengths_of_stay.crossings import NEVER, Crossings, Days, Flags
from rules.lengths_of_stay.presence import Presence
from rules.lengths_of_stay.residence import Answers, Residence, follow


@dataclass(frozen=True)
class DaysInWindow:
    """How many days of how many: `threshold` is at least 1 and at most `window`."""

    threshold: int
    window: int

    @property
    def slack(self) -> int:
        """The most days that may be spent on the other side."""
        return self.window - self.threshold


TWELVE_OF_SIXTEEN_MONTHS = DaysInWindow(365, 487)
NINE_OF_TWELVE_MONTHS = DaysInWindow(274, 365)


@dataclass(frozen=True)
class Classified:
    """What the rule says about each crossing.

    `days_in_country` and `days_observed` count days of the window after the crossing, up to the end of observation.
    """

    days_in_country: Days
    days_observed: Days
    resident_before: Answers
    resident_after: Answers
    long_term_migration: Answers


@dataclass(frozen=True)
class Windows:
    """What the window after each crossing holds, whatever the threshold: days in the country, and days observed."""

    presence: Presence
    in_country: Days
    observed: Days


def days_in_window(crossings: Crossings, initial_resident: Flags, rule: DaysInWindow, observed_to: int) -> Classified:
    """Classify every crossing; `initial_resident` is the same in all rows of a person.

    Crossings after `observed_to` (days since 1970-01-01) keep their place, with no day observed.
    """
    return by_threshold(windows(crossings, rule.window, observed_to), initial_resident, rule)


def windows(crossings: Crossings, window: int, observed_to: int) -> Windows:
    """Count the days of the window after each crossing, up to `observed_to` (days since 1970-01-01)."""
    presence = Presence(crossings, observed_to)
    observed = np.minimum(np.int32(observed_to) - presence.day, np.int32(min(window, NEVER)))
    return Windows(presence, presence.days_until(presence.day + observed), observed)


def by_threshold(held: Windows, initial_resident: Flags, rule: DaysInWindow) -> Classified:
    """Classify every crossing by what the windows of the rule's length held."""
    crossings, observed = held.presence.crossings, held.observed
    # days in the country after an arrival, and the other days after a departure
    spent = np.abs(held.in_country - observed * ~crossings.is_arrival)
    lasts = (spent >= rule.threshold) & (observed >= rule.slack)
    lasts_not = observed - spent > rule.slack
    residence = follow(crossings, initial_resident, lasts, lasts_not)
    _rule_out_later_migrations(residence, held.presence, rule)
    return Classified(held.in_country, observed, residence.before, residence.after, residence.migration)


def _rule_out_later_migrations(residence: Residence, presence: Presence, rule: DaysInWindow) -> None:
    """Set to no migration what cannot be one, whatever becomes of the unresolved crossing before it.

    That is a crossing back, while fewer days than the threshold exceeds the slack have been spent where the
    unresolved crossing led to.
    """
    is_arrival = presence.crossings.is_arrival
    back = is_arrival[residence.later] != is_arrival[residence.unresolved]
    later, unresolved = residence.later[back], residence.unresolved[back]
    in_country = presence.total[later] - presence.total[unresolved]
    days = presence.day[later] - presence.day[unresolved]
    spent = np.abs(in_country - days * ~is_arrival[unresolved])
    residence.migration[later[spent < rule.threshold - rule.slack]] = 0
