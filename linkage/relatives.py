"""Two people of one family at one address: much more alike than two people at large.

Family name and address go together: a model that takes them as independent gives a father's record to his son, or one
twin's to the other, when the right one is missing. Pairs of two people are therefore of two kinds, strangers (u) and
relatives, who have the family name and an address in common. How often relatives agree in their other attributes is
counted on pairs with the same family name and address who are known to be two people. The evidence of such a pair is
Π m over

    Π u + rate · Π r,

where `rate` is the share of relatives among all pairs of two subjects, and r are the shares of relatives at the
levels of the other comparisons.
"""

from collections.abc import Sequence

import numpy as np

from linkage.compare import UNKNOWN
from linkage.comparisons import Comparison

PRIOR_RELATIVES = 20.0
"""How many counted pairs of relatives the pooled shares, or the u of strangers, are worth."""
DECIMALS = 12
AT_ONE_ADDRESS = {"three_parts", "two_parts", "same_postcode", "known_postcode"}


def are_alike(comparisons: Sequence[Comparison], levels: np.ndarray) -> np.ndarray:
    """Return which pairs (rows of `levels`) have the same family name and an address in common."""
    alike = np.ones(len(levels), dtype=bool)
    for at, one in enumerate(comparisons):
        if one.name == "family_name":
            alike &= levels[:, at] == 0
        if one.name == "address":
            alike &= np.isin(levels[:, at], [n for n, level in enumerate(one.levels) if level.name in AT_ONE_ADDRESS])
    return alike


def shares_of(comparisons: Sequence[Comparison], levels: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the shares of relatives at each level (comparisons by levels), with a prior of `PRIOR_RELATIVES` pairs.

    `levels` are those of pairs known to be relatives. Family name and address have shares of 1: what they share is
    counted in the rate.
    """
    counts = np.zeros_like(prior)
    for at in range(len(comparisons)):
        known = levels[:, at] != UNKNOWN
        counts[at] = np.bincount(levels[known, at], minlength=prior.shape[1])[: prior.shape[1]]
    shares = (counts + PRIOR_RELATIVES * prior) / (counts.sum(axis=1, keepdims=True) + PRIOR_RELATIVES)
    for at, one in enumerate(comparisons):
        if one.name in {"family_name", "address"}:
            shares[at] = 1.0
    # none is 0: a model file with a share of 0 would be refused
    return np.where(prior > 0, np.maximum(np.round(shares, DECIMALS), 10.0**-DECIMALS), shares)
