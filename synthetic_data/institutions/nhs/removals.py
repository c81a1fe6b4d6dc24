"""Leavers are taken off the NHS lists: removals after death and departure, silent drops and list cleaning.

The NHS is not informed of many departures. Lists contain more people than live here, and increasingly so: leavers
whom no practice noticed, ghosts who left before the first day, and visitors, until a letter comes back and list
cleaning removes them as gone away (FP69).
"""

import numpy as np

from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.registration_rates import Leavers
from synthetic_data.institutions.nhs.posting_events import DROP, REMOVAL, PostingEvents
from synthetic_data.institutions.nhs.registered_stays import RegisteredStays
from synthetic_data.institutions.working_lives import WorkingLives
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import (
    FIRST_DAY,
    NEVER,
    YEAR,
    day,
)
from synthetic_data.numbers.draws import Days, Floats, draws, exponential, log_normal

ONE_CONTRACTOR = day(2015, 9, 1)
"""From this day one contractor served all practices, and cleaned their lists less (the rate is an assumption)."""
SURELY, NEARLY_NONE = 1 - 1e-12, 1e-12


def removals(
    lives: Lives, stays: RegisteredStays, working: WorkingLives, errors: Errors, data_date: int
) -> list[PostingEvents]:
    """Return removals after death and departure; most leavers are never posted, and some are silently dropped."""
    rates, seed = errors.leavers, lives.seed
    again = np.append(stays.row[1:] == stays.row[:-1], False)
    # the end of a stay is posted after it, if at all
    ended = np.flatnonzero(stays.end < data_date)
    back = np.where(again, np.append(stays.start[1:], NEVER), NEVER)[ended]
    row, end, number = stays.row[ended], stays.end[ended], stays.number[ended]
    person = lives.person[row]
    dies = end == lives.death[row]
    posted = dies & (draws(seed, "death posted", person) >= rates.death_never_posted)
    lag = exponential(draws(seed, "death posting lag", person), 8).astype(np.int64)
    death = PostingEvents.of(row[posted], (end + 1 + lag)[posted], REMOVAL, "DEA")
    active = working.active_from[row] < end
    ghost = lives.people["ghost"].to_numpy()[row]
    posts = np.where(ghost, 0.0, np.where(active, rates.posted_active, rates.posted_inactive))
    dropped = np.where(ghost, 0.0, np.where(active, rates.noticed_active, rates.noticed_inactive))
    fate = draws(seed, "nhs leaver", person, number)
    lag = log_normal(draws(seed, "nhs leaver lag", person, number), max(rates.median_days, 1e-9), 0.8).astype(
        np.int64
    )
    on = end + 1 + lag
    removed = ~dies & (fate < posts) & (on < back)
    gone_away = draws(seed, "gone away", person, number) < 0.3
    lost = ~dies & (fate >= posts) & (fate < posts + dropped) & (on < back)
    unnoticed = np.where(dies, ~posted, fate >= posts + dropped)
    off = day_of_cleaning(draws(seed, "cleaned off", person, number), np.maximum(end + 1, FIRST_DAY), rates)
    cleaned = unnoticed & (off < back)
    known, unknown = removed & ~gone_away, removed & gone_away
    return [
        death,
        PostingEvents.of(row[known], on[known], REMOVAL, "EMB"),
        PostingEvents.of(row[unknown], on[unknown], REMOVAL, "CGA"),
        PostingEvents.of(row[lost], on[lost], DROP),
        PostingEvents.of(row[cleaned], off[cleaned], REMOVAL, "CGA"),
    ]


def day_of_cleaning(uniform: Floats, since: Days, leavers: Leavers) -> Days:
    """Return the day on which list cleaning removes people who left on the day `since`.

    A constant share of them is removed a year, and another share once one contractor serves all practices.
    """
    before, after = (-np.log1p(-min(share, SURELY)) for share in (leavers.cleaned_a_year, leavers.cleaned_later))
    due = exponential(uniform, 1.0)
    spent = before * np.maximum(ONE_CONTRACTOR - since, 0) / YEAR
    early = since + due * YEAR / max(before, NEARLY_NONE)
    late = np.maximum(since, ONE_CONTRACTOR) + (due - spent) * YEAR / max(after, NEARLY_NONE)
    return np.minimum(np.where(due < spent, early, late), NEVER).astype(np.int64)
