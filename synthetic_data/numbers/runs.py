"""Runs of equal values in an array in which equal values are adjacent."""

import numpy as np
from numpy.typing import NDArray


def begins(values: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return where a new value begins."""
    begin = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=begin[1:])
    return begin


def pieces(begin: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last place of each piece of an array, given where one begins."""
    first = np.flatnonzero(begin)
    return first, np.append(first[1:], len(begin))[: len(first)] - 1


def ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the place of the range of each number, and all numbers from each `first` to its `last`."""
    place = np.repeat(np.arange(len(first)), np.maximum(last - first + 1, 0))
    return place, first[place] + numbered(place)


def numbered(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number, from 0, of each value within its run."""
    number = np.arange(len(values))
    return number - np.maximum.accumulate(np.where(begins(values), number, 0))
