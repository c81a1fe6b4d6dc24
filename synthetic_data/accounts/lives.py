"""What truly happens in an area: people by sex and single age, and their events on Lexis triangles.

A made-up country in the order of magnitude of a British district: rates are smooth curves, not those of any place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AGES = np.arange(101)
SEXES = ("Female", "Male")
FIRST_TIME, YEARS = 2010, 10
TRIANGLES = 2
"""Of each cohort and year: at the age before the year's birthday, and at that after it."""
DISPERSION = 0.03
"""Events vary by more than chance: their means are gamma distributed with this squared coefficient of variation."""
FERTILE = slice(15, 50)
MALE_BIRTHS = 105 / 205
MIGRANTS_PER_RESIDENT = 0.019


@dataclass(frozen=True)
class TrueAccount:
    """Stocks (sex, age, time) from the first 31 December, and events (sex, cohort, year, triangle).

    The first of the cohorts is the oldest, aged 100 in the first stock; the last is born in the last year. `births`
    are (sex of the child, age of the mother, year, triangle).
    """

    stocks: Floats
    immigration: Floats
    emigration: Floats
    deaths: Floats
    births: Floats


Happen = Callable[[Floats], Floats]
"""Makes counts of expected events: draws, or the expected numbers themselves."""


def chance(draw: np.random.Generator) -> Happen:
    """Return how events happen by chance: gamma-Poisson counts."""
    return lambda mean: draw.poisson(mean * draw.gamma(1 / DISPERSION, DISPERSION, mean.shape)).astype(float)


def as_expected(mean: Floats) -> Floats:
    """Return expected numbers themselves."""
    return mean


def live(residents: float, happen: Happen, begin: Happen) -> TrueAccount:
    """Return ten years of an area that begins with about `residents` people, as `begin` makes of expected numbers."""
    cohorts = len(AGES) + YEARS
    flows = (len(SEXES), cohorts, YEARS, TRIANGLES)
    come, go, die = np.zeros(flows), np.zeros(flows), np.zeros(flows)
    stocks = np.zeros((len(SEXES), len(AGES), YEARS + 1))
    births = np.zeros((len(SEXES), len(AGES), YEARS, TRIANGLES))
    stock = begin(np.stack([_residents_by_age(residents)] * len(SEXES)))
    stocks[:, :, 0] = stock
    for year in range(YEARS):
        grown = np.zeros_like(stock)
        for triangle in range(TRIANGLES):
            if triangle == 0:
                present, ages, places = stock, AGES, len(AGES) - 1 - AGES + year
            else:
                present, ages, places = grown, AGES, len(AGES) - AGES + year
                born = births[:, :, year].sum(axis=(1, 2))
                present[:, 0] = born
            arrivals = happen(immigrants(residents)[:, ages] / TRIANGLES)
            deaths = np.minimum(happen(present * _death_rates()[:, ages] / TRIANGLES), present)
            leavers = np.minimum(happen(present * emigration_rates()[ages] / TRIANGLES), present - deaths + arrivals)
            for events, table in ((arrivals, come), (leavers, go), (deaths, die)):
                table[:, places, year, triangle] = events
            left = present + arrivals - deaths - leavers
            mothers = happen(present[0] * _birth_rates() / TRIANGLES) if triangle == 0 else None
            if mothers is not None:
                births[:, :, year, 0] = _by_sex(mothers, happen)
                older = happen(np.append(0.0, left[0, :-1]) * _birth_rates() / TRIANGLES)
                births[:, :, year, 1] = _by_sex(older, happen)
                grown[:, 1:] = left[:, :-1]
            else:
                stock = left
        stocks[:, :, year + 1] = stock
    return TrueAccount(stocks, come, go, die, births)


def _by_sex(children: Floats, happen: Happen) -> Floats:
    """Return children as girls and boys."""
    boys = np.minimum(happen(children * MALE_BIRTHS), children)
    return np.stack([children - boys, boys])


def _residents_by_age(residents: float) -> Floats:
    shape = (1 + 0.35 * _peak(AGES, 27, 8)) / (1 + np.exp((AGES - 74) / 7.0))
    return residents / len(SEXES) * shape / shape.sum()


def immigrants(residents: float) -> Floats:
    """Return the expected immigrants of a year by sex and age."""
    shape = 0.12 * np.exp(-AGES / 8) + _peak(AGES, 23, 6) + 0.045 / (1 + np.exp((AGES - 66) / 5.0))
    total = residents * MIGRANTS_PER_RESIDENT / len(SEXES)
    return np.stack([shape / shape.sum() * total] * len(SEXES))


def emigration_rates() -> Floats:
    """Return the expected emigrants of a year for each resident, by age."""
    return 0.006 / (1 + np.exp((AGES - 80) / 8.0)) + 0.005 * np.exp(-AGES / 8) + 0.057 * _peak(AGES, 26, 6.5)


def _death_rates() -> Floats:
    women = 0.00025 + 0.000025 * np.exp(AGES / 10.2)
    return np.minimum(np.stack([women, 1.35 * women]), 0.7)


def _birth_rates() -> Floats:
    rates = np.zeros(len(AGES))
    rates[FERTILE] = 0.115 * _peak(AGES[FERTILE], 30, 5.8)
    return rates


def _peak(ages: np.ndarray, top: float, width: float) -> Floats:
    return np.exp(-(((ages - top) / width) ** 2) / 2)
