"""Migration under every definition: a slow and obvious oracle that shares no code with the pipeline.

A life is a list of spells of presence in the country. Every journey abroad, however short, ends a spell.

* `long_term` (published; ONS, Long-term international migration, first arrival to last departure, 2023): spells that
  are separated by at most 365 days are one chain; a chain is a long-term stay when more than 365 days lie between
  its first arrival and its last departure. Its first day is an immigration, unless it began before 2010 or by birth;
  the day of its last departure is an emigration, unless it ended by death. From the first arrival until the last
  departure the person is a usual resident.
* `twelve_months` (United Nations, Recommendations on statistics of international migration, 1998, taken
  literally): residence begins with a spell of at least twelve calendar months and ends with an absence of the same
  length. A journey breaks a spell, and a visit an absence; neither changes an established residence.
* `days_365_of_487` (the 12/16-month rule of the Australian Bureau of Statistics, 2006, and Stats NZ, 2017): a
  non-resident becomes resident by an arrival after which at least 365 of the next 487 days are spent in the country;
  a resident ceases to be one by a departure after which at least 365 of the next 487 days are spent away.
* `short_term_1_to_12` and `short_term_3_to_12` (ONS, Short-term international migration; United Nations, 1998):
  visits (spells of a chain that is no long-term stay) of at least one, or three, and under twelve calendar months.
* `circular` (UNECE, Defining and measuring circular migration, 2016): three changes of residence within ten years,
  each followed by at least twelve months without a crossing; `circular_90_days` requires 90 days.

Birth and presence from before 2010 count as an arrival, but never as a migration.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

from synthetic_data.truth.life import LONG, Chain, Life, Spell

MOST_OF_SIXTEEN_MONTHS, SIXTEEN_MONTHS = 365, 487
VISITS = {"1_to_3_months": (1, 3), "3_to_6_months": (3, 6), "6_to_12_months": (6, 12)}
"""Lengths of visits: from the first number of calendar months to under the second."""
CIRCULAR_YEARS = 10


class Status(NamedTuple):
    """One settled migration, visit or circular migrant of one person.

    `days` is the time until the next migration under the same definition (None if there is none), the length of a
    visit, or the time between the first and the third change of residence of a circular migrant.
    """

    definition: str
    kind: str
    date: date
    days: int | None


class Crossing(NamedTuple):
    """One crossing under the rule of 365 days in 487; None where the end of observation leaves it unknown."""

    date: date
    is_arrival: bool
    resident_before: bool | None
    resident_after: bool | None
    is_migration: bool | None


def migrations(
    of_person: list[Chain], birth: date, death: date | None, begin: date, horizon: date
) -> Iterator[tuple[date, str]]:
    """Yield the long-term migrations of one person, dated `begin` or later, that are settled at the horizon."""
    for chain in of_person:
        if not chain.is_long_term(horizon):
            continue
        if chain.start >= begin and chain.start != birth:
            yield chain.start, "immigration"
        if chain.end is not None and begin <= chain.end != death and horizon - chain.end > LONG:
            yield chain.end, "emigration"


def is_usual_resident(of_person: list[Chain], on: date, horizon: date) -> bool:
    """Return whether a person is inside a long-term stay on a day."""
    return any(
        chain.start <= on and (chain.end is None or on < chain.end) and bool(chain.is_long_term(horizon))
        for chain in of_person
    )


def changes_of_residence(life: Life, until: Callable[[date], date]) -> list[tuple[date, str]]:
    """Return the migrations that are followed by presence or absence from their day until `until(day)`.

    For a person who is here at the beginning, the first interval that is long enough settles residence, without a
    migration.
    """
    found: list[tuple[date, str]] = []
    lives_here = None if life.begins_here else False
    for start, end, here in life.intervals:
        if (end or life.horizon) < until(start):
            continue
        if lives_here is not None and here != lives_here:
            found.append((start, _direction(here)))
        lives_here = here
    return found


def crossings(
    of_person: list[tuple[date, bool]],
    spells: list[Spell],
    *,
    resident: bool,
    until: date,
    days: int = MOST_OF_SIXTEEN_MONTHS,
    window: int = SIXTEEN_MONTHS,
) -> list[Crossing]:
    """Return the meaning of each crossing (day, whether an arrival; in order) under the 12/16-month rule.

    Days are counted in the spells of presence. `resident` is the status before the first crossing, `until` the end
    of observation. The rule is that of the package migstat (Stats NZ), including right-censoring: from the first
    unsettled crossing, statuses are unknown; a later crossing in the other direction is still known to be no
    migration if fewer than 2 * `days` - `window` days were spent here (or away) since.
    """
    found: list[Crossing] = []
    unsettled: tuple[date, bool] | None = None
    for on, arrival in of_person:
        if unsettled is not None:
            first, arrived = unsettled
            spent = _days(spells, first, min(on, until), here=arrived)
            no_migration = arrival != arrived and spent < 2 * days - window
            found.append(Crossing(on, arrival, None, None, False if no_migration else None))
            continue
        if resident == arrival:
            found.append(Crossing(on, arrival, resident, resident, False))
            continue
        observed = max(min((until - on).days, window), 0)
        spent = _days(spells, on, on + timedelta(days=observed), here=arrival)
        if observed - spent > window - days:
            found.append(Crossing(on, arrival, resident, resident, False))
        elif observed == window or spent >= days:
            found.append(Crossing(on, arrival, resident, arrival, True))
            resident = arrival
        else:
            found.append(Crossing(on, arrival, resident, None, None))
            unsettled = (on, arrival)
    return found


def visits(life: Life) -> Iterator[tuple[date, int, str]]:
    """Yield day, days and length (key of `VISITS`) of each visit that began and ended by a crossing."""
    for chain in life.chains:
        if chain.is_long_term(life.horizon) is not False:
            continue
        for start, end in life.spells:
            inside = chain.start <= start and end is not None and end <= (chain.end or life.horizon)
            if not inside or end is None or end == life.death or start == life.birth:
                continue
            for length, (shortest, under) in VISITS.items():
                if after_months(start, shortest) <= end < after_months(start, under):
                    yield start, (end - start).days, length


def statuses(life: Life) -> Iterator[Status]:
    """Yield every settled status of one person under every definition, dated `begin` or later."""
    return (status for status in _ever(life) if status.date >= life.begin)


def _ever(life: Life) -> Iterator[Status]:
    long_term = migrations(life.chains, life.birth, life.death, life.begin, life.horizon)
    yield from _migrations("long_term", list(long_term))
    yearly = changes_of_residence(life, _twelve_months_after)
    yield from _migrations("twelve_months", yearly)
    yield from _migrations("days_365_of_487", list(_most_of_sixteen_months(life)))
    for start, days, length in visits(life):
        yield Status("short_term_1_to_12", length, start, days)
        if length != "1_to_3_months":
            yield Status("short_term_3_to_12", "visit", start, days)
    yield from _circular("circular", yearly)
    yield from _circular("circular_90_days", changes_of_residence(life, _ninety_days_after))


def after_months(on: date, months: int) -> date:
    """Return the same day of the month some calendar months later, or the last day of a shorter month."""
    years, month = divmod(on.month - 1 + months, 12)
    year, month = on.year + years, month + 1
    return date(year, month, on.day if on.day <= 28 else min(on.day, monthrange(year, month)[1]))


def _twelve_months_after(on: date) -> date:
    return after_months(on, 12)


def _ninety_days_after(on: date) -> date:
    return on + timedelta(days=90)


def _direction(arrival: bool) -> str:
    return "immigration" if arrival else "emigration"


def _days(spells: list[Spell], start: date, until: date, *, here: bool) -> int:
    """Return the days here, or away, from one day until another."""
    total, present = max((until - start).days, 0), 0
    for begin, end in spells:
        if begin >= until:
            break
        present += max((min(end or until, until) - max(begin, start)).days, 0)
    return present if here else total - present


def _most_of_sixteen_months(life: Life) -> Iterator[tuple[date, str]]:
    """Yield the migrations under the 12/16-month rule; a death ends the observation."""
    every = [(interval.start, interval.here) for interval in life.intervals]
    settled = crossings(every, life.spells, resident=False, until=min(life.death or life.horizon, life.horizon))
    for crossing in settled[life.begins_here :]:
        if crossing.is_migration:
            yield crossing.date, _direction(crossing.is_arrival)


def _migrations(definition: str, found: list[tuple[date, str]]) -> Iterator[Status]:
    for number, (on, direction) in enumerate(found):
        days = (found[number + 1][0] - on).days if number + 1 < len(found) else None
        yield Status(definition, direction, on, days)


def _circular(definition: str, found: list[tuple[date, str]]) -> Iterator[Status]:
    """Yield the first change of residence that is the third within ten years."""
    for (first, _), (third, _) in zip(found, found[2:], strict=False):
        if third <= after_months(first, 12 * CIRCULAR_YEARS):
            yield Status(definition, "third_change", third, (third - first).days)
            return
