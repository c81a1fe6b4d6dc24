"""Newcomers register with the NHS: in which stays people do, and from which day."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.registration_rates import group_rate
from synthetic_data.institutions.nhs.posting_events import NHS_BEGAN
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import (
    FIRST_DAY,
    age,
)
from synthetic_data.numbers.draws import Days, draws, log_normal

VISITORS_REGISTER = 0.2
"""Share of visitors of one to twelve months who see a doctor at all."""


@dataclass(frozen=True)
class RegisteredStays:
    """The stays in which people register: row, first day, day after the last, ordinal, day of registration."""

    row: NDArray[np.int64]
    start: Days
    end: Days
    number: NDArray[np.int64]
    registered: Days
    among_all: NDArray[np.int64]
    """For each of all stays, its position among these, or -1."""


def registered_stays(lives: Lives, errors: Errors) -> RegisteredStays:
    """Return the stays in which people register: at birth, or after a lag; some never do."""
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
    return RegisteredStays(row[those], start[those], end[those], number[those], registered[those], among_all)
