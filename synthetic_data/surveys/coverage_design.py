"""The design of the coverage survey: which postcodes and households are sampled, and their weights.

Postcodes are drawn by simple random sampling within strata of hardness to count, then households at them by
Bernoulli sampling. Both follow from the map and from keyed draws alone, never from who lives where: a person is
asked, with the same weight, whichever parts of the country are simulated.
"""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.draws import Floats, draws

TARGET_CV = 0.01
MINIMUM_RESPONDENTS = 3_000
HOUSEHOLDS_ASKED = 0.8
"""Share of households asked at a sampled postcode, so that the same number of people come from more postcodes."""
BETWEEN = 0.25
"""Squared coefficient of variation of people per postcode of a stratum: 0.20 to 0.22 in simulated countries, plus a
margin."""
HOUSEHOLD = 2.9
"""People in the household of the average person, who are asked together (2.8 in simulated countries)."""
RESPONSE = 0.93
"""Share of people asked who answer: that of the 2001 census (94%), less a planning margin."""
GROWTH = 1.05
"""Ratio of people here on a survey day to those here on the first day."""


@dataclass(frozen=True)
class Design:
    """How many `postcodes` to sample, and the share of `households` to ask at each of them."""

    postcodes: int
    households: float


@dataclass(frozen=True)
class Sample:
    """One survey's sample: `weight` of each postcode of the map (0: not sampled), and the share of households."""

    weight: Floats
    households: float


def postcodes_needed(
    postcodes: int, mean: float, households: float, cv: float = TARGET_CV, respondents: int = MINIMUM_RESPONDENTS
) -> int:
    """Return how many postcodes to sample, if `mean` people live at each; it can be more than there are.

    The weighted number of respondents of n of N postcodes has, by design, the squared coefficient of variation
    ((1 - n/N) B + W) / n: B is the squared coefficient of variation of people at a postcode, and
    W = (1 - q) s / (q m) that of the household stage, at which one in q households of s people is asked and answers,
    with m people at a postcode (two-stage sampling, Cochran, Sampling Techniques, 1977, chapters 10 and 11; people
    missed in answering households are counted as if their whole household were missed, which is conservative). It is
    solved for n; then n is raised until expected respondents, less three standard deviations, are enough.
    """
    reached = households * RESPONSE
    within = (1 - reached) * HOUSEHOLD / (reached * mean)
    for_precision = (BETWEEN + within) / (cv**2 + BETWEEN / postcodes)
    each = reached * mean
    spread = each * sqrt(BETWEEN + within)
    # the larger root of each n - 3 spread sqrt(n) = respondents
    root = (3 * spread + sqrt(9 * spread**2 + 4 * each * respondents)) / (2 * each)
    return ceil(max(for_precision, root**2))


def design(postcodes: int, residents: int) -> Design:
    """Return the design for a country of `residents`; if two stages yield too few people, everyone is asked."""
    mean = GROWTH * residents / postcodes
    two_stages = postcodes_needed(postcodes, mean, HOUSEHOLDS_ASKED)
    return Design(two_stages, HOUSEHOLDS_ASKED) if two_stages < postcodes else Design(postcodes, 1.0)


def expected_respondents(lives: Lives) -> float:
    """Return how many people are expected to answer one survey."""
    postcodes = len(lives.postcodes)
    chosen = design(postcodes, lives.residents)
    return GROWTH * lives.residents * chosen.postcodes / postcodes * chosen.households * RESPONSE


def sample(lives: Lives, day: int) -> Sample:
    """Return the sample of the survey of a day; weights are inverse inclusion probabilities of both stages."""
    hard, postcodes = lives.map.hard_to_count, len(lives.postcodes)
    chosen = design(postcodes, lives.residents)
    weight = np.zeros(postcodes)
    for one in np.unique(hard):
        frame = np.flatnonzero(hard == one)
        take = ceil(len(frame) * chosen.postcodes / postcodes)
        first = np.argsort(draws(lives.seed, "survey postcode", frame, day), kind="stable")[:take]
        weight[frame[first]] = len(frame) / take / chosen.households
    return Sample(weight, chosen.households)
