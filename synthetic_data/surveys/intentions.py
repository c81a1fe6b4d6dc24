"""Stated intentions: how long people answer that they will stay or be away, at the border or at the door.

The truth is how long it will be. Intentions differ from it: some are rounded or vague, some people change their
minds, and some groups are known to state other than what they do (ONS, 2017 and 2019).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synthetic_data.errors.survey_rates import Intentions
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import YEAR
from synthetic_data.numbers.draws import Days, Floats, between, draws

MONTH = YEAR / 12
LONG = 12.0
FOR_GOOD = 120.0
"""Months that represent ten years or more, and for good."""


def months_of(days: Days) -> Floats:
    """Return days in months, at most `FOR_GOOD`; more than 365 days are twelve months or more."""
    return np.minimum(np.asarray(days) / MONTH, FOR_GOOD)


def intended_stay(lives: Lives, rates: Intentions, rows: NDArray[np.int64], arrived: Days, left: Days) -> Floats:
    """Return the months that people (`rows`) who arrive state as their stay; they will leave on `left`."""
    months = _stated(lives, rates, "stay", rows, arrived, months_of(left - arrived))
    states_short = (lives.people["fine_group"] == "EU8").to_numpy()[rows] & (months >= LONG)
    states_short &= draws(lives.seed, "stay said to be short", lives.person[rows], arrived) < rates.eu8_short
    return np.where(states_short, _short(lives, "stay", rows, arrived), months)


def intended_absence(lives: Lives, rates: Intentions, rows: NDArray[np.int64], left: Days, back: Days) -> Floats:
    """Return the months that people who leave state as their absence; NaN if they cannot say."""
    person, absence = lives.person[rows], months_of(back - left)
    months = _stated(lives, rates, "absence", rows, left, absence)
    studied = lives.purpose[rows].are("study") & (months >= LONG)
    states_return = studied & (draws(lives.seed, "absence said to be short", person, left) < rates.students_back)
    months = np.where(states_return, _short(lives, "absence", rows, left), months)
    unsure = lives.group[rows].are("British") & (absence >= LONG)
    unsure &= draws(lives.seed, "absence unsure", person, left) < rates.british_unsure
    return np.where(unsure, np.nan, months)


def _stated(lives: Lives, rates: Intentions, what: str, rows: NDArray[np.int64], on: Days, months: Floats) -> Floats:
    """Return stated months: near the true ones on the same side of twelve, or on the other side."""
    person = lives.person[rows]
    noise = np.exp(rates.spread * ndtri(np.clip(draws(lives.seed, f"{what} intended", person, on), 1e-12, 1 - 1e-12)))
    vague = np.where(months >= FOR_GOOD, FOR_GOOD, months * noise)
    vague = np.where(months >= LONG, np.clip(vague, LONG, FOR_GOOD), np.minimum(vague, np.nextafter(LONG, 0)))
    long = between(draws(lives.seed, f"{what} meant to be long", person, on), LONG, 4 * LONG)
    other = np.where(months >= LONG, _short(lives, what, rows, on), long)
    # only stays and absences of a month or more change sides: nobody intends years and stays a week
    changes = (months >= 1) & (draws(lives.seed, f"{what} changed", person, on) < rates.switched)
    return np.where(changes, other, vague)


def _short(lives: Lives, what: str, rows: NDArray[np.int64], on: Days) -> Floats:
    return between(draws(lives.seed, f"{what} meant to be short", lives.person[rows], on), 3.0, LONG)
