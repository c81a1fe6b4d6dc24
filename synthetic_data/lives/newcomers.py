"""Who comes from abroad in the simulated years, and ghosts: people who left before and are still listed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.country import names
from synthetic_data.country.geography import part_residents, share_of_parts
from synthetic_data.country.migrant_groups import (
    BACK_FROM_STUDY,
    FINE_GROUPS,
    GHOST,
    MIGRANT_GROUPS,
    MigrantGroup,
    trend,
)
from synthetic_data.country.rates import (
    COURSE_YEARS,
    FAMILIES_LEAVE,
    GHOSTS,
    MEAN_SETTLED_YEARS,
    PERMITTED_AFTER_COURSE,
    STUDENT_DROPS_OUT,
    STUDENT_EXTENDS,
    STUDENT_LINGERS,
)
from synthetic_data.country.scenario_changes import Changes, LongerStays
from synthetic_data.lives.households import DAYS, born_abroad, households_of, nationalities, people_of
from synthetic_data.lives.numbering import first_keys
from synthetic_data.numbers.days import FIRST_DAY, LONG_AGO, NEVER, YEAR, YEARS, calendar_year, day, year_starts
from synthetic_data.numbers.draws import Days, Floats, between, draws, exponential, log_normal, pick
from synthetic_data.numbers.labels import Labels

HEAD_FEMALE = 0.48
"""Share of heads who come from abroad; for residents it depends on the kind of household."""
EARLIEST_BEFORE_COURSE = 25
"""Students arrive at most this number of days before their course begins."""
CHILDREN_OF_A_FAMILY = (0.5, 0.35, 0.15)
"""Shares of families with one, two and three children."""
Columns = dict[str, NDArray[Any]]
GHOSTS_FOREIGN = 0.5
"""Share of foreign nationals among ghosts (assumption); the others were British."""
OVERSTAY_DAYS = 240
"""Median days of a stay beyond the last permission (assumption)."""


def newcomers(
    seed: int, number: int, parts: Sequence[int], changes: Changes | None = None
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Return households and people who come from abroad to the given parts of a country of `number` residents.

    Those added by a surge come last and have keys of their own, so that no other person's draws change.
    """
    longer = changes.longer_stays if changes else None
    surge = changes.surge if changes else None
    of_parts = part_residents(number)
    groups = []
    for index, group in enumerate(MIGRANT_GROUPS):
        each = _arrivals(group, number, FIRST_DAY) * share_of_parts(group.goes_to)
        groups.append(_households(seed, index, _keys(seed, index, parts, each), FIRST_DAY, longer))
    made = [_with_people(seed, groups)]
    made.append(_ghosts(seed, _keys(seed, GHOST, parts, GHOSTS * np.array(of_parts))))
    if surge:
        index = [group.name for group in MIGRANT_GROUPS].index(surge.migrant_group)
        begins = day(surge.begins.year, surge.begins.month, surge.begins.day)
        more = (surge.factor - 1) * _arrivals(MIGRANT_GROUPS[index], number, begins)
        each = more * share_of_parts(MIGRANT_GROUPS[index].goes_to)
        added = _households(seed, index, _keys(seed, index, parts, each, surge=True), begins, longer)
        made.append(_with_people(seed, [added]))
    return made


def _keys(
    seed: int, migrant_group: int, parts: Sequence[int], each: Floats, *, surge: bool = False
) -> NDArray[np.int64]:
    """Return the keys of a group's households in the given parts; `each` has the expected number of every part.

    Numbers are rounded up or down at random, so that the mean over parts and seeds is unchanged.
    """
    stream = f"number of households, {migrant_group}" + (", surge" if surge else "")
    numbers = np.floor(each + draws(seed, stream, np.arange(len(each)))).astype(np.int64)
    return np.concatenate([first_keys(part, migrant_group, numbers[part], surge=surge) for part in parts])


def _households(seed: int, index: int, keys: NDArray[np.int64], begins: int, longer: LongerStays | None) -> Columns:
    """Return the households with the given keys of one migrant group, which arrive on the day `begins` or later."""
    group, count = MIGRANT_GROUPS[index], len(keys)
    head_age = group.youngest + (group.oldest - group.youngest) * draws(seed, "head age", keys) ** 1.5
    with_children = (draws(seed, "family", keys) < group.children) & (head_age >= 24)
    arrive = _arrival(draws(seed, "arrival", keys), group, begins)
    begin, end = np.full(count, NEVER), np.full(count, NEVER)
    if group.purpose == "study":
        begin, end = _course(seed, keys, group.group, calendar_year(arrive), begins)
        arrive = begin - between(draws(seed, "early arrival", keys), 2, EARLIEST_BEFORE_COURSE).astype(np.int64)
        leave = _leaving_after_course(seed, keys, begin, end)
    else:
        leave = arrive + _stay_days(seed, keys, group, "stay", arrive, longer, with_children)
    overstays = draws(seed, "overstays", keys) < group.overstays
    leave[overstays] += log_normal(draws(seed, "overstay", keys[overstays]), OVERSTAY_DAYS, 1.0).astype(np.int64)
    again, leave_again = _next_stay(seed, keys, group, "second stay", leave, longer)
    third, leave_third = _next_stay(seed, keys, group, "third stay", leave_again, longer)
    children = np.zeros(count, dtype=np.int64)
    children[with_children] = 1 + pick(draws(seed, "children", keys[with_children]), CHILDREN_OF_A_FAMILY)
    return {
        "key": keys,
        "migrant_group": np.full(count, index),
        "fine_group": np.full(count, FINE_GROUPS.index(group.fine_group), dtype=np.int8),
        "country": names.countries(group.fine_group, group.weights, draws(seed, "country", keys)),
        "head_birth": (arrive - head_age * YEAR).astype(np.int64),
        "adults": 1 + (draws(seed, "partner", keys) < group.partners),
        "children": children,
        "overstays": overstays,
        "course_begin": begin, "course_end": end,
        "arrive": arrive, "leave": leave,
        "arrive_again": again, "leave_again": leave_again,
        "arrive_third": third, "leave_third": leave_third,
    }  # fmt: skip


def _with_people(seed: int, groups: list[Columns]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the households of migrant groups, with the columns of `_households`, and their people."""
    of = {name: np.concatenate([group[name] for group in groups]) for name in groups[0]}
    fine, country = Labels(FINE_GROUPS, of["fine_group"]), Labels(names.COUNTRIES, of["country"])
    households = households_of(seed, of["key"], of["migrant_group"], fine, country, country, of["head_birth"])
    households = households.with_columns(pl.Series(name, of[name]) for name in ("overstays", *DAYS))
    head_female = np.full(len(households), HEAD_FEMALE)
    people = people_of(seed, households, of["adults"], of["children"], of["arrive"], head_female)
    return households, born_abroad(people, country, np.ones(len(people), dtype=bool))


def _arrivals(group: MigrantGroup, number: int, begins: int) -> float:
    """Return the expected number of households that arrive on the day `begins` or later."""
    return group.per_1000 * number / 1000 * len(YEARS) * (1 - _arrived_before(group, begins))


def _arrived_before(group: MigrantGroup, on: int) -> float:
    """Return the share of arrivals before a day: years by the trend of the group, days evenly within a year."""
    new_years = year_starts(np.append(YEARS, YEARS[-1] + 1))
    return float(np.interp(on, new_years, np.append(0.0, np.cumsum(trend(group.trend)))))


def _arrival(uniform: Floats, group: MigrantGroup, begins: int) -> Days:
    """Return the day of arrival of households that arrive on the day `begins` or later."""
    before = _arrived_before(group, begins)
    uniform = before + (1 - before) * uniform
    ends = np.cumsum(trend(group.trend))
    year = np.minimum(np.searchsorted(ends, uniform, side="right"), len(ends) - 1)
    within = (uniform - (ends - trend(group.trend))[year]) / trend(group.trend)[year]
    first = year_starts(YEARS)[year]
    return first + (np.clip(within, 0, 1 - 1e-9) * (year_starts(YEARS + 1)[year] - first)).astype(np.int64)


def _ghosts(seed: int, keys: NDArray[np.int64]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return people who lived here, left before the first day, and never notified their general practice."""
    number = len(keys)
    foreign = draws(seed, "group", keys) < GHOSTS_FOREIGN
    group = pick(draws(seed, "ghost group", keys), (0.25, 0.25, 0.5))
    fine = Labels.looked_up(["EU8", "EU14", "non_EU", "British"], np.where(foreign, group, 3))
    country = nationalities(seed, keys, fine)
    head_age = between(draws(seed, "head age", keys), 21, 62)
    gone = np.minimum(exponential(draws(seed, "gone for", keys), 3 * YEAR), 15 * YEAR)
    leave = FIRST_DAY - 30 - gone.astype(np.int64)
    stayed = log_normal(draws(seed, "stay", keys), 900, 0.8).astype(np.int64) + 200
    head_birth = (FIRST_DAY - head_age * YEAR).astype(np.int64)
    households = households_of(seed, keys, np.full(number, GHOST), fine, country, country, head_birth).with_columns(
        arrive=pl.Series(np.where(foreign, leave - stayed, LONG_AGO)), leave=pl.Series(leave)
    )
    alone = np.ones(number, dtype=np.int64)
    people = people_of(seed, households, alone, 0 * alone, np.full(number, FIRST_DAY), np.full(number, 0.4))
    return households, born_abroad(people, country, foreign)


def _leaving_after_course(
    seed: int, keys: NDArray[np.int64], begin: NDArray[np.int64], finish: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the day on which students leave the country: most within months of the course, some years later."""
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
    """Return the first and last day of courses that begin in a year, or in the next one if arrival were too early."""
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
    group: MigrantGroup,
    stream: str,
    leave: NDArray[np.int64],
    longer: LongerStays | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return arrival and departure of the next stay, which begins more than 365 days after the one that ended."""
    arrive, leaves = np.full(len(keys), NEVER), np.full(len(keys), NEVER)
    some = np.flatnonzero((draws(seed, f"{stream} comes", keys) < group.returns) & (leave < NEVER))
    absence = exponential(draws(seed, f"{stream} absence", keys[some]), group.mean_absence)
    again = leave[some] + 366 + absence.astype(np.int64)
    back = BACK_FROM_STUDY if group.purpose == "study" else group
    arrive[some] = again
    leaves[some] = again + _stay_days(seed, keys[some], back, stream, again, longer)
    return arrive, leaves


def _stay_days(
    seed: int,
    keys: NDArray[np.int64],
    group: MigrantGroup,
    stream: str,
    arrive: NDArray[np.int64],
    longer: LongerStays | None,
    family: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Return the length of stays in days: permanent, or log-normal; `family` marks those who bring children."""
    median = np.full(len(keys), float(group.median_days))
    if longer and group.purpose != "visit":
        begins = day(longer.begins.year, longer.begins.month, longer.begins.day)
        median = np.where(arrive >= begins, median * longer.factor, median)
    days = np.clip(log_normal(draws(seed, stream, keys), median, group.sigma), group.shortest, group.longest)
    leaves = np.where(family, FAMILIES_LEAVE, 1.0) if family is not None else 1.0
    settles = draws(seed, f"{stream} settles", keys) < 1 - (1 - group.settles) * leaves
    for_good = draws(seed, f"{stream} for good", keys[settles])
    days[settles] = 366 + exponential(for_good, MEAN_SETTLED_YEARS * YEAR)
    return days.astype(np.int64)
