"""The distinct ones of many rows: what is true of a person is settled once, and told in all of its rows."""

import numpy as np
from numpy.typing import NDArray


def distinct(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct ones of some rows of people, in order, and the place among them of each of the rows.

    What `numpy.unique` returns with the inverse, without a sort: for numbers from 0 on that are not much larger
    than their count.
    """
    seen = np.zeros(rows.max(initial=-1) + 1, dtype=bool)
    seen[rows] = True
    known = np.flatnonzero(seen)
    place = np.empty(len(seen), dtype=np.int64)
    place[known] = np.arange(len(known))
    return known, place[rows]
