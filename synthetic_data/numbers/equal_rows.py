"""The distinct values among many rows: what is the same for a person is computed once and repeated in every row."""

import numpy as np
from numpy.typing import NDArray


def distinct(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct values of `rows` in order, and the place of each row among them.

    The result of `numpy.unique` with the inverse, without a sort: for numbers from 0 that are not much larger than
    their count.
    """
    occurs = np.zeros(rows.max(initial=-1) + 1, dtype=bool)
    occurs[rows] = True
    values = np.flatnonzero(occurs)
    place = np.empty(len(occurs), dtype=np.int64)
    place[values] = np.arange(len(values))
    return values, place[rows]
