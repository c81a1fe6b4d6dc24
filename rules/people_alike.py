"""Shares among people alike: those of few people are drawn towards those of more people who have less in common.

People alike have the first of several traits in common, then the second too, and so on. At each step the share of a
group is drawn towards that of the step before, as if some more cases had that (empirical Bayes; B. Efron and
C. Morris, Data analysis using Stein's estimator and its generalizations, J. American Statistical Association 70,
1975). A trait that all cases of the step before have in common tells nothing, and changes nothing.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shares_among_alike(
    counted: Floats, traits: pl.DataFrame, towards: Floats, cases: float, at_once: int = 1
) -> Floats:
    """Return the shares of groups for each row, (rows, groups).

    `counted` (rows, groups) are cases by row and group, `traits` has a column for each trait, in order, `towards`
    (rows, groups) are the shares that are assumed before any case is counted, and weigh as many `cases`. People who
    are compared first have as many of the first traits in common as `at_once` says.
    """
    shares, total = towards, np.full((len(counted), 1), -1.0)
    for index in _classes(traits)[at_once - 1 :]:
        sums = np.stack([np.bincount(index, weights=column) for column in counted.T], axis=1)[index]
        before, total = total, sums.sum(axis=1, keepdims=True)
        shares = np.where(total == before, shares, (sums + cases * shares) / (total + cases))
    return shares


def _classes(traits: pl.DataFrame) -> Sequence[NDArray[np.int64]]:
    """Return the number of the class of each row: by the first trait, by the first two, and so on."""
    names = traits.columns
    return [
        traits.select(pl.struct(names[: last + 1]).rank("dense").cast(pl.Int64) - 1).to_series().to_numpy()
        for last in range(len(names))
    ]
