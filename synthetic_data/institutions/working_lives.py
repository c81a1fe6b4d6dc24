"""Working lives: who gets a National Insurance number, when, and when tax and benefit systems first observe them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthetic_data.country.migrant_groups import MIGRANT_GROUPS, RESIDENT
from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.registration_rates import group_rate
from synthetic_data.lives.higher_education import first_course
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import FIRST_DAY, NEVER, YEAR
from synthetic_data.numbers.draws import Days, between, draws, exponential, log_normal

ADULT = 16
RESIDENTS_REGISTER, GHOSTS_REGISTER = 1.0, 0.85
"""Shares who apply for a number: residents of the first day, and people who left before. The table of migrant groups
has the shares of those who come."""
PARTNERS_REGISTER = 0.93
WORKS_ALL_THE_SAME = 0.99
"""Share of students staying on after the course who apply for a number."""
SELDOM_WORKS = {"CN": 0.15, "HK": 0.4, "MY": 0.5, "SA": 0.3}
"""Factor for students of some nationalities: few Chinese nationals register, though many study (DWP, 2019)."""
PENSION_AGE, PENSIONABLE_AFTER = 65, 10
"""Age, and years of residence, from which people draw a pension."""
SEASONAL_LAG = 0.5
"""Factor of the lag for people who come for a season."""
SELF_EMPLOYED = 0.15
"""Share of people in work who are self-employed (ONS, Labour market overview, 2019: 4.9 of 32.7 million)."""
STAYS_TO_WORK = 150
"""Days after the course beyond which a student must have stayed for a job."""
VISITORS_REGISTER_FROM = 35
"""Shortest visit, in days, on which people register."""


@dataclass(frozen=True)
class WorkingLives:
    """One entry per person: the day of registration for a number and the first day of activity (or `NEVER`)."""

    registration: Days
    active_from: Days
    overseas: NDArray[np.bool_]
    """Registered as an adult overseas national: on the Migrant Worker Scan."""
    self_employed: NDArray[np.bool_]
    """Self-employed whenever they work: a tax return shows it, and no employer."""


def working_lives(lives: Lives, errors: Errors) -> WorkingLives:
    """Return the working lives of all people; people in the systems stay in them while living here."""
    people, seed, person = lives.people, lives.seed, lives.person
    start, end = lives.first_start, lives.first_end
    sixteen = (lives.birth + ADULT * YEAR).astype(np.int64)
    overseas = ~lives.group.are("British") & (start > sixteen)
    purpose, place = lives.purpose, people["place"].to_numpy()
    of_group = [*(group.registers for group in MIGRANT_GROUPS), RESIDENTS_REGISTER, GHOSTS_REGISTER]
    share = np.array(of_group)[lives.migrant_group]
    share = np.where(
        (place == 1) & purpose.are_any("work", "study", "family", "protection"), PARTNERS_REGISTER, share
    )
    share = np.where(purpose.are("visit") & (end - start < VISITORS_REGISTER_FROM), 0.0, share)
    stays_on = end > first_course(lives)[1] + STAYS_TO_WORK
    share = np.where(stays_on, WORKS_ALL_THE_SAME, share)
    students = np.flatnonzero(purpose.are_any("study", "visit"))
    nationality = people["nationality"][students]
    for country, factor in SELDOM_WORKS.items():
        share[students[(nationality == country).to_numpy()]] *= factor
    # people who come to work do work
    never = np.where(purpose.are_any("work", "visit"), 0.0, errors.registration.never_active)
    wants = (draws(seed, "wants a number", person) < share) & (draws(seed, "never active", person) >= never)
    came, grew_up = np.flatnonzero(start > sixteen), np.flatnonzero(start <= sixteen)
    registration, active_from = sixteen.copy(), start.copy()
    registration[came], active_from[came] = _after_arrival(lives, errors, came)
    # people who grew up here get a number at sixteen, and a first job or claim in the years after
    after = exponential(draws(seed, "leaving school", person[grew_up]), 1.5 * YEAR).astype(np.int64)
    active_from[grew_up] = np.maximum(sixteen[grew_up] + after, start[grew_up])
    returned = purpose.are("return") | ((lives.migrant_group == RESIDENT) & (start < FIRST_DAY))
    in_time = wants & ((registration < end) | returned)
    # long-term residents draw a pension in the end, even if no tax or benefit system ever recorded them before
    pension = (lives.birth + PENSION_AGE * YEAR).astype(np.int64)
    draws_pension = (lives.migrant_group == RESIDENT) & (start < pension - PENSIONABLE_AFTER * YEAR)
    return WorkingLives(
        registration=np.where(in_time, registration, NEVER),
        active_from=np.where(in_time, active_from, np.where(draws_pension, pension, NEVER)),
        overseas=overseas & in_time,
        self_employed=draws(seed, "self-employed", person) < SELF_EMPLOYED,
    )


def _after_arrival(lives: Lives, errors: Errors, rows: NDArray[np.int64]) -> tuple[Days, Days]:
    """Return when people who came as adults get a number, and when they begin to work."""
    seed, person, rates = lives.seed, lives.person[rows], errors.registration
    start, purpose = lives.first_start[rows], lives.purpose[rows]
    median = np.maximum(group_rate(rates.nino_median_days, lives.group[rows]), 1e-9)
    lag = log_normal(draws(seed, "number lag", person), median, rates.nino_sigma)
    studies = purpose.are("study")
    lag[studies] += between(draws(seed, "first job", person[studies]), 15, 250)
    lag[purpose.are("visit")] *= SEASONAL_LAG
    number = start + 1 + lag.astype(np.int64)
    # work begins soon after arrival, often before the number arrives
    soon = start + 5 + between(draws(seed, "first work", person), 0, 25).astype(np.int64)
    return number, np.where(studies, number, np.minimum(number, soon))
