"""Permissions to stay on each visa route: first visa, extensions, switches, protection, settlement after five years.

The chain of a stay follows from the reason for which the household came. The first visa is also the last for
visitors, people on youth mobility, overstayers, and those who leave soon after it ends (they leave late). People who
become British need no permission from that day.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.higher_education import course_ends
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, FIRST_DAY, NEVER, YEAR
from synthetic_data.numbers.draws import Days, between, draws, log_normal
from synthetic_data.numbers.labels import Labels

VISAS = {
    "work": "WRK", "resident": "WRK", "return": "WRK", "ghost": "WRK", "family": "FAM", "study": "STU",
    "visit": "VIS", "youth": "YMS", "protection": "PRO",
}  # fmt: skip
EXTENDED, SETTLED = "EXT", "ILR"
CODES = sorted({*VISAS.values(), EXTENDED, SETTLED})
"""Every permission code; permissions are built with the numbers of codes, in this order."""
WORK_VISA, FAMILY_VISA, STUDY_VISA, EXTENSION_VISA, SETTLEMENT = (
    CODES.index(code) for code in (VISAS["work"], VISAS["family"], VISAS["study"], EXTENDED, SETTLED)
)
WITH_DEPENDANTS = ("visit", "protection")
"""Routes on which the family gets the same permission; on others the family gets that of a family member."""
DAYS = {
    "work": 1095, "resident": 1095, "return": 1095, "ghost": 1095, "family": 1004, "study": 0, "visit": 180,
    "youth": 731, "protection": 1826,
}  # fmt: skip
"""Days of a first visa (Home Office, Immigration rules, 2016); a student's goes with the course."""
FROM_ARRIVAL = ("visit", "youth")
"""Routes whose days count from the arrival; those of other routes count from the grant."""
SHORT_STUDY_DAYS = 395
"""Days of the visa of people who visit to study for longer than the half year of a visit visa."""
AFTER_COURSE = 120
"""Days that a student's visa lasts beyond the course."""
EXTENSION = 730
"""Days of one extension."""
EXTENSIONS = 4
SETTLES_AFTER = int(5 * YEAR)
SWITCH_TO_WORK = 0.8
"""Share of students who stay on after their courses as workers; the others do as family members (assumption)."""
ENDS_FOR_GOOD = ("visit", "youth")
"""Routes on which no permission is extended."""
MAY_LEAVE_LATE = 60
"""Days after the end of a permission within which a stay can end without an extension."""
LEAVES_LATE = 0.05
"""Share of these people who do not extend: an assumption that gives the published 0.4% who leave late."""
DECISION_DAYS, DECISION_SIGMA = 200, 0.6
"""Median days from the claim of a refugee, on the day of arrival, to protection, and the spread of their logarithm:
an assumption; half of the claims were decided within half a year (Home Office, Immigration statistics, 2019)."""

Permissions = tuple[NDArray[np.int64], NDArray[np.int64], Days, Days]
"""Rows of people, numbers of visas, first and last days."""


def all_permissions(view: InstitutionView) -> pl.DataFrame:
    """Return all permissions, including those after the data date: see `permissions`."""
    return permissions(view.lives, int(NEVER))


def overstays(lives: Lives) -> NDArray[np.bool_]:
    """Return whether each stay (row of `stays`) goes on after every permission has ended: a household's first one."""
    stays_on = lives.households["overstays"].to_numpy()[lives.home]
    return stays_on[lives.stays["row"].to_numpy()] & (lives.stay_number == 0)


def permissions(lives: Lives, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return `row, visa, valid_from, valid_to` (days) of the permissions granted by the data date, in this order."""
    stays = lives.stays.with_columns(
        number=pl.Series(lives.stay_number), overstays=pl.Series(overstays(lives))
    ).filter(pl.Series(lives.visa_national[lives.stays["row"].to_numpy()]))
    settled = stays.filter((pl.col("start") < FIRST_DAY - 40) & (pl.col("end") > FIRST_DAY))
    chain = [_old_settlement(lives, settled), *_chain(lives, stays.filter(pl.col("start") >= FIRST_DAY - 40))]
    row, visa, valid_from, valid_to = (np.concatenate(one) for one in zip(*chain, strict=True))
    granted = (valid_from <= data_date) & (valid_from < lives.naturalised[row])
    by_number = (
        pl.DataFrame({"row": row, "visa": visa, "valid_from": valid_from, "valid_to": valid_to})
        .filter(granted)
        .unique(["row", "visa", "valid_from"], keep="first", maintain_order=True)
        .sort("row", "valid_from", "visa")
    )
    return by_number.with_columns(visa=pl.Series(CODES)[by_number["visa"]])


def protected_on(lives: Lives, rows: NDArray[np.int64]) -> Days:
    """Return the day on which each person (row) who came for protection is granted it."""
    wait = log_normal(draws(lives.seed, "asylum decision", lives.household_key[rows]), DECISION_DAYS, DECISION_SIGMA)
    return lives.first_start[rows] + 1 + wait.astype(np.int64)


def _settlement(row: NDArray[np.int64], since: Days) -> Permissions:
    return row, np.full(len(row), SETTLEMENT), since, np.full(len(row), NEVER)


def _old_settlement(lives: Lives, stays: pl.DataFrame) -> Permissions:
    """Return the settlement of people who live here on the first day: on a day between their arrival and that day."""
    row, start = stays["row"].to_numpy(), stays["start"].to_numpy()
    since = between(draws(lives.seed, "old settlement", lives.household_key[row]), np.maximum(start, 0), FIRST_DAY)
    return _settlement(row, since.astype(np.int64))


def _chain(lives: Lives, stays: pl.DataFrame) -> list[Permissions]:
    """Return the permissions of stays that began under observation, each following the last without a gap."""
    row, start, end, number = (stays[name].to_numpy() for name in ("row", "start", "end", "number"))
    household, seed = lives.household_key[row], lives.seed
    route = lives.route[row]
    # people who come back come to work
    route = route.changed((number > 0) & route.are_any("study", "youth", "protection"), "work")
    refugee = route.are("protection")
    granted = start - between(draws(seed, "visa before arrival", household, number), 1, 40).astype(np.int64)
    granted = np.where(refugee, protected_on(lives, row), granted)
    course_end, second_end = (ends[row] for ends in course_ends(lives))
    visa, expires = _first_visa(lives, stays, route, granted, course_end)
    arrives_on = np.where(refugee, granted, start)
    there = ~refugee | (granted < end)
    chain = [(row[there], visa[there], granted[there], expires[there])]
    settles = arrives_on + SETTLES_AFTER
    onward = second_end + AFTER_COURSE
    more = there & ~route.are_any(*ENDS_FOR_GOOD) & ~stays["overstays"].to_numpy()
    to_work = draws(seed, "switches to work", household) < SWITCH_TO_WORK
    student = route.are("study") & (lives.people["place"].to_numpy()[row] == 0)
    for extension in range(EXTENSIONS):
        late = end - expires <= MAY_LEAVE_LATE
        late &= draws(seed, "leaves late", household, number, np.full(len(row), extension)) < LEAVES_LATE
        more = more & (end > expires) & (expires < settles) & ~late
        studies_on = route.are("study") & (onward > expires) & (onward < NEVER)
        until = np.where(studies_on, onward, expires + EXTENSION)
        switches = student & ~studies_on
        code = np.select([switches & to_work, switches], [WORK_VISA, FAMILY_VISA], EXTENSION_VISA)
        student &= ~(switches & more)
        chain.append((row[more], code[more], (expires + 1)[more], until[more]))
        expires = np.where(more, until, expires)
    stays_on = there & (end > settles) & (expires >= settles - 1)
    chain.append(_settlement(row[stays_on], settles[stays_on]))
    return chain


def _first_visa(
    lives: Lives, stays: pl.DataFrame, route: Labels, granted: Days, course_end: Days
) -> tuple[NDArray[np.int64], Days]:
    """Return the number of the first visa of each stay, and its last day."""
    row, start, end = (stays[name].to_numpy() for name in ("row", "start", "end"))
    visa = route.values({of_route: CODES.index(code) for of_route, code in VISAS.items()}).astype(np.int64)
    dependant = lives.people["place"].to_numpy()[row] > 0
    visa[dependant & ~route.are_any(*WITH_DEPENDANTS)] = FAMILY_VISA
    since = np.where(route.are_any(*FROM_ARRIVAL), start, granted)
    expires = since + route.values(DAYS).astype(np.int64)
    studies = route.are("study") & (course_end < NEVER)
    expires = np.where(studies, course_end + AFTER_COURSE, expires)
    overstays = stays["overstays"].to_numpy()
    long_visit = route.are("visit") & (end > expires) & ~overstays
    visa[long_visit] = STUDY_VISA
    expires = np.where(long_visit, granted + SHORT_STUDY_DAYS, expires)
    # the permission of an overstayer ends in the second half of the stay at the latest
    until = between(draws(lives.seed, "overstays from", lives.household_key[row]), 0.5, 0.95) * (end - start)
    return visa, np.where(overstays, np.minimum(expires, start + until.astype(np.int64)), expires)
