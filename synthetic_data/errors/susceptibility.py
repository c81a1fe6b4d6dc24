"""Error susceptibility: some people's records go wrong more often than others', in all sources alike.

Some people are prone to errors for no known reason, and some groups are linked less often than others: people aged
20 to 29, men, London (ONS, Census 2021 to Personal Demographics Service linkage report). Factors of groups are
divided by their mean over residents, so that a rate of the catalogue remains the mean; the groups are assumed to be
independent of each other.
"""

import numpy as np
from numpy.typing import NDArray

from synthetic_data.country.geography import LONDON_PART
from synthetic_data.errors.catalogue import Errors
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import SURVEY_DAY, age
from synthetic_data.numbers.draws import Floats, draws

SHARES = {"aged_20_29": 0.134, "men": 0.494, "london": 0.150}
"""Shares of the residents of England and Wales in mid-2017 (ONS, Mid-year population estimates)."""
HOME_NAMES = ("english", "irish")
"""Origins of names misspelt at the rate of the catalogue; others are `names.foreign_factor` times as often."""


def error_susceptibility(lives: Lives, errors: Errors, rows: NDArray[np.int64]) -> Floats:
    """Return how much more frequent than the mean each person's (row's) errors are: a factor with mean 1."""
    share, factor = errors.names.susceptible, errors.names.susceptible_factor
    others = (1 - share * factor) / (1 - share)
    # there are sixteen kinds of people: their factors are computed once and looked up
    kinds = np.arange(2 ** (len(SHARES) + 1))
    factors = np.where(kinds >> len(SHARES), factor, others)
    of_group = dict(errors.groups)
    for place, (name, of_all) in enumerate(SHARES.items()):
        mean = 1 - of_all + of_all * of_group[name]
        factors = factors * np.where((kinds >> place) & 1, of_group[name], 1.0) / mean
    prone = lives.once(_prone_draw)[rows] < errors.names.susceptible
    return factors[lives.once(_groups)[rows] + (prone.astype(np.uint8) << len(SHARES))]


def _prone_draw(lives: Lives) -> Floats:
    """Return the draw that decides who is prone to errors."""
    return draws(lives.seed, "prone to errors", lives.person)


def _groups(lives: Lives) -> NDArray[np.uint8]:
    """Return the groups to which each person belongs: a bit for each, in the order of `SHARES`."""
    years = age(lives.birth, SURVEY_DAY)
    belongs = {
        "aged_20_29": (years >= 20) & (years < 30),
        "men": ~lives.female,
        "london": lives.part == LONDON_PART,
    }
    return np.packbits([belongs[name] for name in SHARES], axis=0, bitorder="little")[0]
