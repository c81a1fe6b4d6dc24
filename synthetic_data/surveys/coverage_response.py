"""Who answers the coverage survey: households, people within them, and how that depends on being on a list.

People missed by a survey tend to be missed by lists too. This dependence is a stated odds ratio: within a class of
similar people, the odds of an answer from those on the PDS list over the odds from those not on it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synthetic_data.country.rates import at_steps
from synthetic_data.errors.survey_rates import Survey
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import YEAR, age
from synthetic_data.numbers.draws import Floats, draws
from synthetic_data.numbers.equal_rows import distinct

HARDNESS = np.array([0.6, 0.8, 1.0, 1.5, 2.5])
"""Factors of the odds that a household is missed, by the hard-to-count index of its postcode: an assumption, based on
the spread between authorities in 2011 (every one above 80%, the mean 94%)."""
ALONE, MANY, PENSIONERS = 1.4, 1.3, 0.5
"""Factors of these odds for households of one; of five or more; of people aged 65 or over only: assumptions."""
PERSON = {
    "M": ((0, 2.0), (5, 1.0), (16, 3.0), (20, 6.5), (25, 5.5), (30, 3.5), (35, 2.0), (45, 1.4), (65, 0.6)),
    "F": ((0, 2.0), (5, 1.0), (16, 2.0), (20, 2.5), (25, 2.0), (30, 1.5), (35, 1.0), (65, 0.5)),
}
"""Factors of the odds of being left out of an answering household, by sex and age, so that 87% of men aged 20 to 24
and 98% of women aged 75 to 79 answer, as in the census of 2001; an assumption for other ages."""
LISTED = {"British": 0.99, "Irish": 0.92, "EU": 0.86, "non_EU": 0.95}
LISTED_IN_THE_FIRST_YEAR = {"British": 0.65, "Irish": 0.35, "EU": 0.25, "non_EU": 0.55}
"""Shares of people here who are on the PDS list, by nationality group and whether they came within the year: taken
from simulated countries. They only preserve the mean response; the odds ratio holds whatever they are."""


def shifted(probability: ArrayLike, odds_ratio: ArrayLike) -> Floats:
    """Return the probability with `odds_ratio` times the odds of another."""
    probability, odds_ratio = np.asarray(probability, dtype=np.float64), np.asarray(odds_ratio)
    return probability * odds_ratio / (1 - probability + probability * odds_ratio)


def household_missed(rates: Survey, hard: NDArray[np.int64], size: NDArray[np.int64], youngest: Floats) -> Floats:
    """Return the probability that nobody answers for a household, by postcode, size and youngest member's age."""
    odds = HARDNESS[hard - 1] * np.select([size == 1, size >= 5], [ALONE, MANY], 1.0)
    return shifted(rates.household_missed, odds * np.where(youngest >= 65, PENSIONERS, 1.0))


def person_missed(rates: Survey, female: NDArray[np.bool_], years: Floats) -> Floats:
    """Return the probability that an answering household leaves a person out, by sex and age."""
    odds = np.where(female, at_steps(PERSON["F"], years), at_steps(PERSON["M"], years))
    return shifted(rates.person_missed, odds)


def by_listing(response: Floats, listed: Floats, odds_ratio: float) -> tuple[Floats, Floats]:
    """Return the probability of an answer from people on the list, and from those who are not.

    `response` is that of the class, and `listed` (less than 1) its share on the list: the two-by-two table with
    these marginals and this odds ratio (R. L. Plackett, 1965, A class of bivariate distributions, JASA 60), in the
    form without cancellation. With an odds ratio of 1 both are `response`.
    """
    total = 1 + (listed + response) * (odds_ratio - 1)
    root = np.sqrt(total**2 - 4 * odds_ratio * (odds_ratio - 1) * listed * response)
    both = 2 * odds_ratio * listed * response / (total + root)
    return both / listed, (response - both) / (1 - listed)


def answers(
    lives: Lives, rates: Survey, rows: NDArray[np.int64], hard: NDArray[np.int64], listed: NDArray[np.bool_], day: int
) -> NDArray[np.bool_]:
    """Return which of the people here (`rows`) would answer the survey of a day; `hard` are their postcodes' indices.

    `listed` says which of them are on the PDS list that day. All members of a household who are here must be given,
    because they are its size.
    """
    household = lives.household_on(rows, np.full(len(rows), day))
    years = age(lives.birth[rows], day)
    _, home = distinct(household)
    size = np.bincount(home)
    youngest = np.full(len(size), np.inf)
    np.minimum.at(youngest, home, years)
    missed = household_missed(rates, hard, size[home], youngest[home])
    kept = 1 - person_missed(rates, lives.female[rows], years)
    of_household = draws(lives.seed, "survey household answers", lives.households["key"].to_numpy()[household], day)
    own = draws(lives.seed, "survey person answers", lives.person[rows], day)
    answering = 1 - missed
    # uniform again, and below answering * kept exactly if the household answers and includes the person
    both = np.where(of_household < answering, answering * own, of_household)
    on_list, off_list = by_listing(answering * kept, _share_listed(lives, rows, day), rates.odds_ratio)
    return both < np.where(listed, on_list, off_list)


def _share_listed(lives: Lives, rows: NDArray[np.int64], day: int) -> Floats:
    new = (lives.first_start[rows] > day - YEAR) & (lives.first_start[rows] != lives.birth[rows])
    group = lives.group[rows]
    return np.where(new, group.values(LISTED_IN_THE_FIRST_YEAR), group.values(LISTED))
