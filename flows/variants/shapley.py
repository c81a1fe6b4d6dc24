"""Shapley values: what each of several changes contributes to the change of a figure, whatever their order.

The part of a change is the mean, over all orders in which the changes can be made, of what the figure changes when it
is made. The parts add up to the whole change.

Source: L. S. Shapley, A value for n-person games (1953); A. F. Shorrocks, Decomposition procedures for distributional
analysis: a unified framework based on the Shapley value (2013).
"""

from collections.abc import Hashable, Mapping
from itertools import combinations
from math import factorial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]
Change = TypeVar("Change", bound=Hashable)


def subsets(changes: tuple[Change, ...]) -> list[frozenset[Change]]:
    """Return all sets of some of the changes: none first, all of them last."""
    return [frozenset(some) for size in range(len(changes) + 1) for some in combinations(changes, size)]


def shapley_values(changes: tuple[Change, ...], value: Mapping[frozenset[Change], Figures]) -> dict[Change, Figures]:
    """Return the part of each change in each figure; `value` has the figures after each of the `subsets`."""
    number, none = len(changes), np.zeros_like(value[frozenset()])
    parts = {}
    for change in changes:
        others = tuple(other for other in changes if other != change)
        terms = (
            factorial(len(made)) * factorial(number - len(made) - 1) * (value[made | {change}] - value[made])
            for made in subsets(others)
        )
        parts[change] = sum(terms, none) / factorial(number)
    return parts
