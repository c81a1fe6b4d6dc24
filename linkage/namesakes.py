"""How often two people have both names in common: more often than the frequency of each name would suggest.

Names of one origin go together, so that the frequencies of a given and of a family name, multiplied, are far too
small for people who share an origin, most of all where both names are rare; and a name goes with a sex and a
nationality. How often two people really have the same names is counted on pairs who have them and were born in
different years, by how rare the names are supposed to be. How often such people agree in sex, middle name,
nationality and ethnic group is counted on the same pairs.
"""

from collections.abc import Sequence

import numpy as np

from linkage.compare import UNKNOWN
from linkage.comparisons import Comparison
from linkage.rarity import RARITY_CLASSES, rarity
from linkage.subjects import Subjects
from pipeline.tables import query

OF_ORIGIN = ("sex", "middle_name", "nationality", "ethnic_group")
"""Comparisons in which two people agree more often if they have the same names."""
PRIOR_NAMESAKES = 20.0
"""How many counted pairs of namesakes the probabilities of two people at large are worth."""
PRIOR = 2.0
"""Pairs of namesakes that are added to those counted and to those supposed: the prior excess is 1."""


def supposed_frequency(subjects: Subjects) -> np.ndarray:
    """Return, for every node, the product of the frequencies of its two names (0: a name is unknown)."""
    found = query(
        subjects.connection,
        "SELECT coalesce(first_name_frequency * family_name_frequency, 0) AS both_names FROM subjects ORDER BY node",
    )
    return found["both_names"].to_numpy()


def excess(counted: np.ndarray, left: np.ndarray, of_right: int) -> np.ndarray:
    """Return, by class of rarity, how many times more namesakes there are than supposed (at least 1).

    `counted` are the supposed frequencies of the names of pairs of namesakes who were born in different years, `left`
    those of all left subjects, `of_right` is the number of right subjects. The excess never falls from commoner to
    rarer names.
    """
    found = np.bincount(rarity(counted), minlength=RARITY_CLASSES)
    expected = np.bincount(rarity(left), weights=left * of_right, minlength=RARITY_CLASSES)
    ratio = (found + PRIOR) / (expected + PRIOR)
    return np.round(np.maximum.accumulate(np.maximum(ratio, 1.0)), 6)


def u_of_namesakes(comparisons: Sequence[Comparison], levels: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return u (comparisons by levels) of two people with the same names, counted on the `levels` of namesakes.

    Comparisons that have nothing to do with an origin keep `u`, that of two people at large; for the others it is the
    prior.
    """
    shares = u.copy()
    for at, one in enumerate(comparisons):
        if one.name in OF_ORIGIN:
            known = levels[:, at] != UNKNOWN
            counts = np.bincount(levels[known, at], minlength=u.shape[1])[: u.shape[1]]
            shares[at] = (counts + PRIOR_NAMESAKES * u[at]) / (counts.sum() + PRIOR_NAMESAKES)
    return np.round(shares, 12)
