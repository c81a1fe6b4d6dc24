"""Who comes from abroad in the simulated years, party by party, and who left before them and is listed still."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import (
    BACK_FROM_STUDY,
    COURSE_YEARS,
    FAMILIES_LEAVE,
    GHOST,
    GHOSTS,
    MEAN_SETTLED_YEARS,
    PARTIES,
    PERMITTED_AFTER_COURSE,
    STUDENT_DROPS_OUT,
    STUDENT_EXTENDS,
    STUDENT_LINGERS,
    Party,
    trend,
)
from synthetic_data.days import FIRST_DAY, LONG_AGO, NEVER, YEAR, YEARS, calendar_year, day, year_starts
from synthetic_data.draws import Days, Floats, between, draws, exponential, log_normal, pick
from synthetic_data.households import born_abroad, first_keys, households_of, nationalities, people_of, stacked
from synthetic_data.places import part_residents, share_of_parts
from synthetic_data.scenarios import LongerStays, Scenario

HEAD_FEMALE = 0.48
"""...of those who come from abroad; that of residents depends on the kind of household."""
EARLIEST_BEFORE_COURSE = 25
"""Days before the first of a course by which students arrive at the earliest."""
CHILDREN_OF_A_FAMILY = (0.5, 0.35, 0.15)
GHOSTS_FOREIGN = 0.5
"""Of the people who left and are listed still (assumption); the others were British."""
OVERSTAY_DAYS = 240
"""Median days that people stay on after their last permission (assumption)."""


def newcomers(
    seed: int, number: int, parts: Sequence[int], scenario: Scenario | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return households and people who come from abroad to the given parts of a country of `number` residents.

    Those whom a surge adds come last and have keys of their own, so that nobody else's draws change.
    """
    longer = scenario.longer_stays if scenario else None
    surge = scenario.surge if scenario else None
    of_parts = part_residents(number)
    made = []
    for index, party in enumerate(PARTIES):
        each = _arrivals(party, number, FIRST_DAY) * share_of_parts(party.goes_to)
        made.append(_party(seed, index, _keys(seed, index, parts, each), FIRST_DAY, longer))
    made.append(_ghosts(seed, _keys(seed, GHOST, parts, GHOSTS * np.array(of_parts))))
    if surge:
        index = [party.name for party in PARTIES].index(surge.party)
        begins = day(surge.begins.year, surge.begins.month, surge.begins.day)
        more = (surge.factor - 1) * _arrivals(PARTIES[index], number, begins)
        each = more * share_of_parts(PARTIES[index].goes_to)
        made.append(_party(seed, index, _keys(seed, index, parts, each, surge=True), begins, longer))
    return stacked(made)


def _keys(seed: int, party: int, parts: Sequence[int], each: Floats, *, surge: bool = False) -> NDArray[np.int64]:
    """Return the keys of a party's households in the given parts; `each` has the expected number of every part.

    Numbers are rounded up or down by chance, so that the mean over parts and seeds is kept.
    """
    stream = f"number of households, {party}" + (", surge" if surge else "")
    numbers = np.floor(each + draws(seed, stream, np.arange(len(each)))).astype(np.int64)
    return np.concatenate([first_keys(part, party, numbers[part], surge=surge) for part in parts])


def _party(
    seed: int, index: int, keys: NDArray[np.int64], begins: int, longer: LongerStays | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the households with the given keys of one party, which arrive from the day `begins` on."""
    party, count = PARTIES[index], len(keys)
    fine = np.full(count, party.fine_group, dtype=object)
    country = nationalities(seed, keys, fine, party.weights)
    head_age = party.youngest + (party.oldest - party.youngest) * draws(seed, "head age", keys) ** 1.5
    with_children = (draws(seed, "family", keys) < party.children) & (head_age >= 24)
    arrive = _arrival(draws(seed, "arrival", keys), party, begins)
    begin, end = np.full(count, NEVER), np.full(count, NEVER)
    if party.purpose == "study":
        begin, end = _course(seed, keys, party.group, calendar_year(arrive), begins)
        arrive = begin - between(draws(seed, "early arrival", keys), 2, EARLIEST_BEFORE_COURSE).astype(np.int64)
        leave = _leaving_after_course(seed, keys, begin, end)
    else:
        leave = arrive + _stay_days(seed, keys, party, "stay", arrive, longer, with_children)
    overstays = draws(seed, "overstays", keys) < party.overstays
    on = log_normal(draws(seed, "overstay", keys), OVERSTAY_DAYS, 1.0).astype(np.int64)
    leave = np.where(overstays, leave + on, leave)
    again, leave_again = _next_stay(seed, keys, party, "second stay", leave, longer)
    third, leave_third = _next_stay(seed, keys, party, "third stay", leave_again, longer)
    head_birth = (arrive - head_age * YEAR).astype(np.int64)
    households = households_of(seed, keys, index, fine, country, country, head_birth).with_columns(
        course_begin=pl.Series(begin), course_end=pl.Series(end), overstays=pl.Series(overstays),
        arrive=pl.Series(arrive), leave=pl.Series(leave),
        arrive_again=pl.Series(again), leave_again=pl.Series(leave_again),
        arrive_third=pl.Series(third), leave_third=pl.Series(leave_third),
    )  # fmt: skip
    partner = draws(seed, "partner", keys) < party.partners
    many = 1 + pick(draws(seed, "children", keys), CHILDREN_OF_A_FAMILY)
    children = np.where(with_children, many, 0)
    people = people_of(seed, households, 1 + partner, children, arrive, np.full(count, HEAD_FEMALE))
    return households, born_abroad(people, country, np.ones(len(people), dtype=bool))


def _arrivals(party: Party, number: int, begins: int) -> float:
    """Return how many households of a party are expected to arrive from a day on, in a country of `number`."""
    return party.per_1000 * number / 1000 * len(YEARS) * (1 - _arrived_before(party, begins))


def _arrived_before(party: Party, on: int) -> float:
    """Return the share of a party's arrivals before a day: years by its trend, days evenly within a year."""
    new_years = year_starts(np.append(YEARS, YEARS[-1] + 1))
    return float(np.interp(on, new_years, np.append(0.0, np.cumsum(trend(party.trend)))))


def _arrival(uniform: Floats, party: Party, begins: int) -> Days:
    """Return the day of arrival of those who arrive from the day `begins` on."""
    before = _arrived_before(party, begins)
    uniform = before + (1 - before) * uniform
    ends = np.cumsum(trend(party.trend))
    year = np.minimum(np.searchsorted(ends, uniform, side="right"), len(ends) - 1)
    within = (uniform - (ends - trend(party.trend))[year]) / trend(party.trend)[year]
    first = year_starts(YEARS)[year]
    return first + (np.clip(within, 0, 1 - 1e-9) * (year_starts(YEARS + 1)[year] - first)).astype(np.int64)


def _ghosts(seed: int, keys: NDArray[np.int64]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return people who lived here once, left in the years before the first day, and never told a doctor."""
    number = len(keys)
    foreign = draws(seed, "group", keys) < GHOSTS_FOREIGN
    fine = np.where(foreign, np.array(["EU8", "EU14", "non_EU"], dtype=object)[
        pick(draws(seed, "ghost group", keys), (0.25, 0.25, 0.5))
    ], "British")  # fmt: skip
    country = nationalities(seed, keys, fine, "residents")
    head_age = between(draws(seed, "head age", keys), 21, 62)
    gone = np.minimum(exponential(draws(seed, "gone for", keys), 3 * YEAR), 15 * YEAR)
    leave = FIRST_DAY - 30 - gone.astype(np.int64)
    stayed = log_normal(draws(seed, "stay", keys), 900, 0.8).astype(np.int64) + 200
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = households_of(seed, keys, GHOST, fine, country, country, head_birth).with_columns(
        arrive=pl.Series(np.where(foreign, leave - stayed, LONG_AGO)), leave=pl.Series(leave)
    )
    alone = np.ones(number, dtype=np.int64)
    people = people_of(seed, households, alone, 0 * alone, np.full(number, FIRST_DAY), np.full(number, 0.4))
    return households, born_abroad(people, country, foreign)


def _leaving_after_course(
    seed: int, keys: NDArray[np.int64], begin: NDArray[np.int64], finish: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the day on which students leave the country: most within months, some years after their course."""
    fate = draws(seed, "after the course", keys)
    soon = 1 - np.exp(-PERMITTED_AFTER_COURSE / STUDENT_LINGERS)
    lingers = exponential(soon * draws(seed, "leaving", keys), STUDENT_LINGERS)
    extends = log_normal(draws(seed, "extension", keys), 700, 0.8) + 60
    settles = exponential(draws(seed, "settling", keys), MEAN_SETTLED_YEARS * YEAR)
    extends = np.where(draws(seed, "settles", keys) < 0.3, settles + 365, extends)
    drops_out = between(draws(seed, "dropping out", keys), 20, np.maximum(finish - begin - 30, 40))
    leave = np.select(
        [fate < STUDENT_DROPS_OUT, fate < STUDENT_DROPS_OUT + STUDENT_EXTENDS],
        [begin + drops_out, finish + extends],
        finish + 1 + lingers,
    )
    return leave.astype(np.int64)


def _course(
    seed: int, keys: NDArray[np.int64], group: str, year: NDArray[np.int64], begins: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last day of the courses that students begin in a year, or in the next if that is too soon."""
    years = 1 + pick(draws(seed, "course years", keys), COURSE_YEARS[group])
    january = (draws(seed, "january start", keys) < 0.15) & (years == 1)
    begin = np.where(january, year_starts(year, 1, 12), year_starts(year, 9, 17))
    year = year + (begin - EARLIEST_BEFORE_COURSE < begins) * (begins > FIRST_DAY)
    begin = np.where(january, year_starts(year, 1, 12), year_starts(year, 9, 17))
    begin = begin + (draws(seed, "first day", keys) * 14).astype(np.int64)
    # a master's year ends with a dissertation in September, longer courses with examinations in June
    finish = begin + np.where(years == 1, 352, (years * YEAR - 100).astype(np.int64))
    return begin, finish + (draws(seed, "last day", keys) * 16).astype(np.int64)


def _next_stay(
    seed: int,
    keys: NDArray[np.int64],
    party: Party,
    stream: str,
    leave: NDArray[np.int64],
    longer: LongerStays | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return arrival and departure of the stay after the one that ended: never within 365 days of it."""
    comes_back = (draws(seed, f"{stream} comes", keys) < party.returns) & (leave < NEVER)
    again = leave + 366 + exponential(draws(seed, f"{stream} absence", keys), party.mean_absence).astype(np.int64)
    back = BACK_FROM_STUDY if party.purpose == "study" else party
    stay = _stay_days(seed, keys, back, stream, again, longer)
    return np.where(comes_back, again, NEVER), np.where(comes_back, again + stay, NEVER)


def _stay_days(
    seed: int,
    keys: NDArray[np.int64],
    party: Party,
    stream: str,
    arrive: NDArray[np.int64],
    longer: LongerStays | None,
    family: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    median = np.full(len(keys), float(party.median_days))
    if longer and party.purpose != "visit":
        begins = day(longer.begins.year, longer.begins.month, longer.begins.day)
        median = np.where(arrive >= begins, median * longer.factor, median)
    limited = np.clip(log_normal(draws(seed, stream, keys), median, party.sigma), party.shortest, party.longest)
    for_good = 366 + exponential(draws(seed, f"{stream} for good", keys), MEAN_SETTLED_YEARS * YEAR)
    leaves = np.where(family, FAMILIES_LEAVE, 1.0) if family is not None else 1.0
    settles = draws(seed, f"{stream} settles", keys) < 1 - (1 - party.settles) * leaves
    return np.where(settles, for_good, limited).astype(np.int64)
