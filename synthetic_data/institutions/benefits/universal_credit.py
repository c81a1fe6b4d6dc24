"""Universal Credit: when it opens in each local authority, and when claimants of older benefits transfer to it.

It came in two services: a live service for simple claims of single jobseekers (2013 to 2016), and the full service
for all new claims, from May 2016 to December 2018 (Department for Work and Pensions, Universal Credit transition
rollout schedule, 2018). The shares of authorities between those days are rounded; which authority has which day is
drawn, the same in every study.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from synthetic_data.country import geography
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import YEAR, day
from synthetic_data.numbers.draws import Days, draws, exponential

LIVE_SERVICE = (
    (day(2013, 4, 29), 0.0),
    (day(2013, 10, 28), 0.01),
    (day(2014, 12, 15), 0.13),
    (day(2015, 2, 16), 0.15),
    (day(2015, 9, 21), 0.60),
    (day(2016, 4, 27), 1.0),
)
LIVE_SERVICE_CLOSED = day(2018, 1, 1)
"""The live service takes no new claims from this day."""
FULL_SERVICE = (
    (day(2016, 5, 25), 0.0),
    (day(2017, 4, 1), 0.10),
    (day(2017, 10, 1), 0.20),
    (day(2018, 1, 1), 0.32),
    (day(2018, 5, 1), 0.40),
    (day(2018, 8, 1), 0.66),
    (day(2018, 12, 12), 1.0),
)
NATURAL_MIGRATION_YEARS = 4.0
"""Mean years from the full service to the change of circumstances that ends an older benefit; an assumption."""


def live_service(authorities: NDArray[np.int64]) -> Days:
    """Return the day on which the live service opens in each local authority (number)."""
    return _openings("live service", LIVE_SERVICE)[authorities]


def full_service(authorities: NDArray[np.int64]) -> Days:
    """Return the day on which the full service opens in each local authority (number)."""
    return _openings("full service", FULL_SERVICE)[authorities]


@cache
def _openings(service: str, schedule: tuple[tuple[int, float], ...]) -> Days:
    days, shares = zip(*schedule, strict=True)
    # no seed of a study enters: the schedule is a fact of the country
    drawn = draws(0, f"{service} of an authority", np.arange(len(geography.authorities())))
    return np.interp(drawn, shares, days).astype(np.int64)


def transfer_day(lives: Lives, rows: NDArray[np.int64], opens: Days) -> Days:
    """Return the day on which each claimant (row) of an older benefit transfers; the full service `opens`."""
    later = exponential(
        draws(lives.seed, "change of circumstances", lives.person[rows]), NATURAL_MIGRATION_YEARS * YEAR
    )
    return opens + later.astype(np.int64)
