"""The slow, obvious way to classify crossings by days in a window: one person, one crossing, one day at a time.

It follows the published rule sentence by sentence and shares nothing with the code that it checks.
Source: Stats NZ, Defining migrants using travel histories and the 12/16-month rule (2017), and its package migstat.
"""

from typing import NamedTuple


class Crossing(NamedTuple):
    """The day (any whole number that counts days) and the direction of one crossing."""

    day: int
    is_arrival: bool


class Classified(NamedTuple):
    """What the rule says about one crossing; None where it is not known."""

    days_in_country: int
    days_observed: int
    resident_before: bool | None
    resident_after: bool | None
    long_term_migration: bool | None


def with_missing_crossings(crossings):
    """Put the crossing that nobody recorded halfway between two of the same direction."""
    complete = []
    for crossing, following in zip(crossings, [*crossings[1:], None], strict=True):
        complete.append(crossing)
        if following is not None and following.is_arrival == crossing.is_arrival:
            complete.append(Crossing(crossing.day + (following.day - crossing.day) // 2, not crossing.is_arrival))
    return complete


def present_on(day, complete):
    """Was the person in the country when this day began: is the last crossing before it an arrival?"""
    return [crossing.is_arrival for crossing in complete if crossing.day < day][-1]


def days_present(first, last, complete):
    """Count the days from first to last, both included, on which the person was in the country."""
    return sum(present_on(day, complete) for day in range(first, last + 1))


def classify_person(crossings, initial_resident, threshold, window, observed_to):
    """Classify the crossings of one person, in their order."""
    complete = with_missing_crossings(crossings)
    result = []
    resident = initial_resident
    unresolved = None
    for crossing in crossings:
        end = min(crossing.day + window, observed_to)
        observed = max(end - crossing.day, 0)
        present = days_present(crossing.day + 1, end, complete)
        away = observed - present
        if unresolved is not None:
            migration = None
            if crossing.is_arrival != unresolved.is_arrival:
                until = min(crossing.day, observed_to)
                spent = days_present(unresolved.day + 1, until, complete)
                if not unresolved.is_arrival:
                    spent = max(until - unresolved.day, 0) - spent
                if spent < 2 * threshold - window:
                    migration = False
            result.append(Classified(present, observed, None, None, migration))
            continue
        if crossing.is_arrival == resident:  # a resident arrives, or a non-resident departs
            after, migration = resident, False
        else:
            spent, not_spent = (present, away) if crossing.is_arrival else (away, present)
            migration = decide(spent, not_spent, observed, threshold, window)
            after = {True: crossing.is_arrival, False: resident, None: None}[migration]
        result.append(Classified(present, observed, resident, after, migration))
        if migration is None:
            unresolved = crossing
        resident = after
    return result


def decide(spent, not_spent, observed, threshold, window):
    """Is a crossing a migration, by the days spent on the side that it leads to, and on the other?"""
    if observed < window - threshold:
        return None
    if not_spent > window - threshold:
        return False
    if observed >= window:
        return True
    if spent >= threshold:
        return True
    return None
