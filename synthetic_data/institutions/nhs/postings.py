"""What the NHS knows of people: every posting, from birth or registration to removal, in order.

Nobody tells the NHS of many departures. Lists hold more people than live here, and ever more of them: leavers whom no
practice noticed, ghosts who left before the first day, and visitors, until a letter comes back and the cleaning of
lists takes them off as gone away (FP69).
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.registration_rates import Leavers, group_rate
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.working_lives import WorkingLives
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers import runs
from synthetic_data.numbers.days import (
    DATA_DATE,
    FIRST_DAY,
    LAST_DAY,
    LONG_AGO,
    NEVER,
    YEAR,
    age,
    day,
    day_of,
    row_days,
    row_of,
)
from synthetic_data.numbers.draws import Days, Floats, draws, exponential, log_normal

BIRTH, FIRST_IN_COUNTRY, MOVE, FIRST_FROM_ABROAD, REMOVAL = "1", "2", "3", "4", "9"
DROP = "drop"
TYPES = (BIRTH, FIRST_IN_COUNTRY, MOVE, FIRST_FROM_ABROAD, REMOVAL, DROP)
"""In the order in which those of one day stand."""
REASONS = (None, "CGA", "DEA", "EMB")
NHS_BEGAN = day(1948, 7, 5)
FLAG_BEGAN = day(1990, 1, 1)
"""The type of a first registration from abroad is younger than the oldest arrivals (the day is an assumption)."""
VISITORS_REGISTER = 0.2
"""Visitors of one to twelve months who see a doctor at all."""
ONE_CONTRACTOR = day(2015, 9, 1)
"""From then on one contractor served all practices, and cleaned their lists less (the pace is an assumption)."""
SURELY, NEARLY_NONE = 1 - 1e-12, 1e-12
ABROAD_BEFORE_RETURN = 5.0
"""Mean years that British returners were away."""


def postings(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return `row, posting (day), type, reason, postcode`, by NHS number and posting, up to the data date.

    Type `DROP` is no posting: a practice lets a patient go, and only the Patient Register shows it.
    """
    stays = _registered_stays(lives, errors)
    events = _Events.together(
        *_former_lives(lives, stays, errors),
        _registrations(lives, stays),
        _moves(lives, stays, errors),
        *_ends(lives, stays, working, errors, data_date),
    ).until(data_date, identifiers.nhs_order(lives))
    return pl.DataFrame({
        "row": events.row,
        "posting": events.day,
        "type": pl.Series(TYPES, dtype=pl.Enum(TYPES))[events.kind],
        "reason": pl.Series(REASONS, dtype=pl.String)[events.reason],
        "postcode": _addresses(lives, events.row, events.day),
    })  # fmt: skip


def _addresses(lives: Lives, row: NDArray[np.int64], posting: Days) -> pl.Series:
    """Return the postcode of each posting: where the person lived, or once lived before coming back."""
    postcode = lives.postcode_at(row, posting)
    before = np.flatnonzero(posting < lives.first_start[row])
    before = before[lives.purpose[row[before]].are("return")]
    once = draws(lives.seed, "address before leaving", lives.person[row[before]])
    postcode[before] = (once * len(lives.postcodes)).astype(np.int64)
    return lives.map.text[postcode]


@dataclass(frozen=True)
class _Events:
    """What happens on the lists: to whom (row), on which day, and the places of its type and of its reason."""

    row: NDArray[np.int64]
    day: Days
    kind: NDArray[np.int64]
    reason: NDArray[np.int64]

    @classmethod
    def of(cls, row: NDArray[np.int64], day: Days, kind: str, reason: str | None = None) -> "_Events":
        """Return events of one type and reason."""
        return cls(row, day, np.full(len(row), TYPES.index(kind)), np.full(len(row), REASONS.index(reason)))

    @classmethod
    def together(cls, *events: "_Events") -> "_Events":
        """Return all of some events."""
        return cls(*(np.concatenate([getattr(one, name.name) for one in events]) for name in fields(cls)))

    def until(self, data_date: int, order: NDArray[np.int64]) -> "_Events":
        """Return the events up to a day by person, in an order of people, and day.

        Two of one day that would be one posting are one.
        """
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        known = np.flatnonzero(self.day <= data_date)
        # an event is one number, since to sort numbers is fast
        number = row_days(place[self.row[known]], self.day[known])
        number = (number * len(TYPES) + self.kind[known]) * len(REASONS) + self.reason[known]
        number.sort()
        posting, reason = np.divmod(number, len(REASONS))
        first = np.flatnonzero(runs.begins(posting))
        number, kind = np.divmod(posting[first], len(TYPES))
        return _Events(order[row_of(number)], day_of(number), kind, reason[first])


@dataclass(frozen=True)
class _Stays:
    """The stays in which people register: row, first day, day after the last, number, day of registration."""

    row: NDArray[np.int64]
    start: Days
    end: Days
    number: NDArray[np.int64]
    registered: Days
    among_all: NDArray[np.int64]
    """The place among these of each of all stays, or -1."""


def _registered_stays(lives: Lives, errors: Errors) -> _Stays:
    """Return the stays in which people register: at birth, or after a lag, or never."""
    rates, seed = errors.registration, lives.seed
    row, start, end = (lives.stays[name].to_numpy() for name in ("row", "start", "end"))
    birth, number = lives.birth[row], lives.stay_number
    registered = start + (draws(seed, "nhs birth", lives.person)[row] * 5).astype(np.int64)
    registers = np.ones(len(row), dtype=bool)
    came = np.flatnonzero(start != birth)
    who, since = row[came], start[came]
    person, group = lives.person[who], lives.group[who]
    child = age(birth[came], since) < 16
    never = np.where(child, rates.nhs_never_child, group_rate(rates.nhs_never, group))
    never = never * np.where(since < FIRST_DAY, rates.nhs_never_settled, 1.0)
    visit = lives.purpose[who].are("visit")
    never = np.where(visit, np.maximum(never, 1 - VISITORS_REGISTER), never)
    median = np.where(child, rates.nhs_median_days_child, group_rate(rates.nhs_median_days, group))
    lag = log_normal(draws(seed, "nhs lag", person, number[came]), np.maximum(median, 1e-9), rates.nhs_sigma)
    registered[came] = since + 1 + lag.astype(np.int64)
    registered = np.maximum(registered, NHS_BEGAN)
    registers[came] = draws(seed, "nhs never", person, number[came]) >= never
    # a ghost of the lists was on one
    ghost = lives.people["ghost"].to_numpy()[row]
    registered = np.where(ghost, np.minimum(registered, end - 1), registered)
    those = np.flatnonzero((registers | ghost) & (registered < end))
    among_all = np.full(len(row), -1)
    among_all[those] = np.arange(len(those))
    return _Stays(row[those], start[those], end[those], number[those], registered[those], among_all)


def _former_lives(lives: Lives, stays: _Stays, errors: Errors) -> list[_Events]:
    """Return what the NHS knew of British returners before 2010: their birth, and of some of them that they left."""
    first = np.flatnonzero((stays.number == 0) & lives.purpose[stays.row].are("return"))
    row, start = stays.row[first], stays.start[first]
    person, birth, seed = lives.person[row], lives.birth[row], lives.seed
    away = (365 + exponential(draws(seed, "years away", person), ABROAD_BEFORE_RETURN * YEAR)).astype(np.int64)
    lived_here = start - away > birth + 30
    known = np.maximum(birth + 3, NHS_BEGAN)
    told = draws(seed, "left before", person) < errors.leavers.told_active + errors.leavers.dropped_active
    gone = np.maximum(start - away + 90, known + 1)
    off = _cleaned_off(draws(seed, "cleaned off before", person), np.maximum(gone, FIRST_DAY), errors.leavers)
    cleaned = lived_here & ~told & (off < start)
    told &= lived_here & (gone < start)
    before = lived_here & (birth < NHS_BEGAN)
    since = lived_here & (birth >= NHS_BEGAN)
    return [
        _Events.of(row[before], known[before], FIRST_IN_COUNTRY),
        _Events.of(row[since], known[since], BIRTH),
        _Events.of(row[told], gone[told], REMOVAL, "EMB"),
        _Events.of(row[cleaned], off[cleaned], REMOVAL, "CGA"),
    ]


def _registrations(lives: Lives, stays: _Stays) -> _Events:
    """Return the first posting of each stay: at birth, in the country, or from abroad."""
    birth = lives.birth[stays.row]
    born_here = stays.start == birth
    early = np.where(born_here, birth < NHS_BEGAN, stays.registered < FLAG_BEGAN)
    kind = np.where(born_here, TYPES.index(BIRTH), TYPES.index(FIRST_FROM_ABROAD))
    kind[early] = TYPES.index(FIRST_IN_COUNTRY)
    return replace(_Events.of(stays.row, stays.registered, BIRTH), kind=kind)


def _moves(lives: Lives, stays: _Stays, errors: Errors) -> _Events:
    """Return the moves that the NHS hears of, after a lag, during the stay."""
    rates, seed = errors.addresses, lives.seed
    row, on = _moved(lives)
    stay = lives.stay_by(row, on)
    stay = np.where(stay >= 0, stays.among_all[stay], -1)
    during = np.flatnonzero((stay >= 0) & (on > stays.start[stay]) & (on < stays.end[stay]))
    row, on, stay = row[during], on[during], stay[during]
    person = lives.person[row]
    young_man = ~lives.female[row] & (age(lives.birth[row], on) < 35)
    never = rates.nhs_never * np.where(young_man, 2, 1)
    studies = lives.households["course_begin"].to_numpy()[lives.household_on(row, on)] == on
    never = np.where(studies, rates.nhs_never_student, never)
    lag = log_normal(draws(seed, "nhs move lag", person, on), max(rates.nhs_median_days, 1e-9), 1.2).astype(np.int64)
    told = (draws(seed, "nhs move never", person, on) >= never) & (on + lag < stays.end[stay])
    told &= on + lag > stays.registered[stay]
    return _Events.of(row[told], (on + lag)[told], MOVE)


def _moved(lives: Lives) -> tuple[NDArray[np.int64], Days]:
    """Return who (row) moves on which days: with the household, out of the parents' home, or to a partner's."""
    people, moves = lives.people, lives.moves
    start = moves["start"].to_numpy()
    within = np.flatnonzero((start >= FIRST_DAY) & (start <= LAST_DAY))
    household, start = moves["household"].to_numpy()[within], start[within]
    count = np.bincount(household, minlength=len(lives.households))
    first = np.cumsum(count) - count
    leaves_home, married = people["leaves_home"].to_numpy(), people["married"].to_numpy()
    rows, days = [], []
    for name, since, until in (
        ("household", np.full(len(people), LONG_AGO), np.minimum(leaves_home, married)),
        ("own_household", leaves_home, married),
        ("joint_household", married, np.full(len(people), NEVER)),
    ):
        home = people[name].to_numpy()
        members = np.flatnonzero((home >= 0) & (since < until))
        joins = members[since[members] > LONG_AGO]
        rows.append(joins)
        days.append(since[joins])
        # each member with each move of the household
        place, move = runs.ranges(first[home[members]], (first + count - 1)[home[members]])
        member, on = members[place], start[move]
        there = np.flatnonzero((on > since[member]) & (on < until[member]))
        rows.append(member[there])
        days.append(on[there])
    return np.concatenate(rows), np.concatenate(days)


def _ends(lives: Lives, stays: _Stays, working: WorkingLives, errors: Errors, data_date: int) -> list[_Events]:
    """Return removals after death and departure; most leavers are never posted, and some are dropped in silence."""
    rates, seed = errors.leavers, lives.seed
    again = np.append(stays.row[1:] == stays.row[:-1], False)
    # every end is posted after it, if at all
    ended = np.flatnonzero(stays.end < data_date)
    back = np.where(again, np.append(stays.start[1:], NEVER), NEVER)[ended]
    row, end, number = stays.row[ended], stays.end[ended], stays.number[ended]
    person = lives.person[row]
    dies = end == lives.death[row]
    posted = dies & (draws(seed, "death posted", person) >= rates.death_never_posted)
    lag = exponential(draws(seed, "death posting lag", person), 8).astype(np.int64)
    death = _Events.of(row[posted], (end + 1 + lag)[posted], REMOVAL, "DEA")
    active = working.active_from[row] < end
    ghost = lives.people["ghost"].to_numpy()[row]
    told = np.where(ghost, 0.0, np.where(active, rates.told_active, rates.told_inactive))
    dropped = np.where(ghost, 0.0, np.where(active, rates.dropped_active, rates.dropped_inactive))
    fate = draws(seed, "nhs leaver", person, number)
    lag = log_normal(draws(seed, "nhs leaver lag", person, number), max(rates.median_days, 1e-9), 0.8).astype(
        np.int64
    )
    on = end + 1 + lag
    removed = ~dies & (fate < told) & (on < back)
    gone_away = draws(seed, "gone away", person, number) < 0.3
    lost = ~dies & (fate >= told) & (fate < told + dropped) & (on < back)
    unnoticed = np.where(dies, ~posted, fate >= told + dropped)
    off = _cleaned_off(draws(seed, "cleaned off", person, number), np.maximum(end + 1, FIRST_DAY), rates)
    cleaned = unnoticed & (off < back)
    known, unknown = removed & ~gone_away, removed & gone_away
    return [
        death,
        _Events.of(row[known], on[known], REMOVAL, "EMB"),
        _Events.of(row[unknown], on[unknown], REMOVAL, "CGA"),
        _Events.of(row[lost], on[lost], DROP),
        _Events.of(row[cleaned], off[cleaned], REMOVAL, "CGA"),
    ]


def _cleaned_off(uniform: Floats, since: Days, leavers: Leavers) -> Days:
    """Return the day on which the cleaning of lists takes off those who are gone since a day.

    A constant share of them a year, and another one from the day on which one contractor served all practices.
    """
    before, after = (-np.log1p(-min(share, SURELY)) for share in (leavers.cleaned_a_year, leavers.cleaned_later))
    due = exponential(uniform, 1.0)
    spent = before * np.maximum(ONE_CONTRACTOR - since, 0) / YEAR
    early = since + due * YEAR / max(before, NEARLY_NONE)
    late = np.maximum(since, ONE_CONTRACTOR) + (due - spent) * YEAR / max(after, NEARLY_NONE)
    return np.minimum(np.where(due < spent, early, late), NEVER).astype(np.int64)
