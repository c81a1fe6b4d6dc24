"""Everything that the NHS posts about people, in order: births, registrations, moves and removals."""

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.nhs.posting_events import (
    BIRTH,
    FIRST_FROM_ABROAD,
    FIRST_IN_COUNTRY,
    MOVE,
    NHS_BEGAN,
    REASONS,
    REMOVAL,
    TYPES,
    PostingEvents,
)
from synthetic_data.institutions.nhs.registered_stays import RegisteredStays, registered_stays
from synthetic_data.institutions.nhs.removals import day_of_cleaning, removals
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
)
from synthetic_data.numbers.draws import Days, draws, exponential, log_normal

FLAG_BEGAN = day(1990, 1, 1)
"""The type for a first registration from abroad did not exist before (the day is an assumption)."""
ABROAD_BEFORE_RETURN = 5.0
"""Mean years that British returners were away."""


def postings(lives: Lives, working: WorkingLives, errors: Errors, data_date: int = DATA_DATE) -> pl.DataFrame:
    """Return `row, posting (day), type, reason, postcode`, by NHS number and posting, up to the data date.

    Type `DROP` is not a posting: a practice drops a patient, and only the Patient Register shows it.
    """
    stays = registered_stays(lives, errors)
    events = PostingEvents.together(
        *_former_lives(lives, stays, errors),
        _registrations(lives, stays),
        _moves(lives, stays, errors),
        *removals(lives, stays, working, errors, data_date),
    ).until(data_date, identifiers.nhs_order(lives))
    return pl.DataFrame({
        "row": events.row,
        "posting": events.day,
        "type": pl.Series(TYPES, dtype=pl.Enum(TYPES))[events.kind],
        "reason": pl.Series(REASONS, dtype=pl.String)[events.reason],
        "postcode": _addresses(lives, events.row, events.day),
    })  # fmt: skip


def _addresses(lives: Lives, row: NDArray[np.int64], posting: Days) -> pl.Series:
    """Return the postcode of each posting: where the person lives, or lived before emigrating and coming back."""
    postcode = lives.postcode_at(row, posting)
    before = np.flatnonzero(posting < lives.first_start[row])
    before = before[lives.purpose[row[before]].are("return")]
    once = draws(lives.seed, "address before leaving", lives.person[row[before]])
    postcode[before] = (once * len(lives.postcodes)).astype(np.int64)
    return lives.map.text[postcode]


def _former_lives(lives: Lives, stays: RegisteredStays, errors: Errors) -> list[PostingEvents]:
    """Return what the NHS knew of British returners before they left: their birth, and for some the departure."""
    first = np.flatnonzero((stays.number == 0) & lives.purpose[stays.row].are("return"))
    row, start = stays.row[first], stays.start[first]
    person, birth, seed = lives.person[row], lives.birth[row], lives.seed
    away = (365 + exponential(draws(seed, "years away", person), ABROAD_BEFORE_RETURN * YEAR)).astype(np.int64)
    lived_here = start - away > birth + 30
    known = np.maximum(birth + 3, NHS_BEGAN)
    posted = draws(seed, "left before", person) < errors.leavers.posted_active + errors.leavers.noticed_active
    gone = np.maximum(start - away + 90, known + 1)
    off = day_of_cleaning(draws(seed, "cleaned off before", person), np.maximum(gone, FIRST_DAY), errors.leavers)
    cleaned = lived_here & ~posted & (off < start)
    posted &= lived_here & (gone < start)
    before = lived_here & (birth < NHS_BEGAN)
    since = lived_here & (birth >= NHS_BEGAN)
    return [
        PostingEvents.of(row[before], known[before], FIRST_IN_COUNTRY),
        PostingEvents.of(row[since], known[since], BIRTH),
        PostingEvents.of(row[posted], gone[posted], REMOVAL, "EMB"),
        PostingEvents.of(row[cleaned], off[cleaned], REMOVAL, "CGA"),
    ]


def _registrations(lives: Lives, stays: RegisteredStays) -> PostingEvents:
    """Return the first posting of each stay: at birth, in the country, or from abroad."""
    birth = lives.birth[stays.row]
    born_here = stays.start == birth
    early = np.where(born_here, birth < NHS_BEGAN, stays.registered < FLAG_BEGAN)
    kind = np.where(born_here, TYPES.index(BIRTH), TYPES.index(FIRST_FROM_ABROAD))
    kind[early] = TYPES.index(FIRST_IN_COUNTRY)
    return replace(PostingEvents.of(stays.row, stays.registered, BIRTH), kind=kind)


def _moves(lives: Lives, stays: RegisteredStays, errors: Errors) -> PostingEvents:
    """Return the moves that are reported to the NHS, after a lag, during the stay."""
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
    reported = (draws(seed, "nhs move never", person, on) >= never) & (on + lag < stays.end[stay])
    reported &= on + lag > stays.registered[stay]
    return PostingEvents.of(row[reported], (on + lag)[reported], MOVE)


def _moved(lives: Lives) -> tuple[NDArray[np.int64], Days]:
    """Return who (row) moves on which days: with the household, out of the parents' home, or in with a partner."""
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
