"""How households and people are numbered, so that no number depends on how many others there are.

A household's key is its part, its migrant group, whether a surge added it, and its place among those. A person's
number follows from the key of the household of the first day or of arrival, that of a child from its mother's.
"""

import numpy as np
from numpy.typing import NDArray

PLACES = 8
"""Numbers of people kept free for each household."""
PART_BITS, MIGRANT_GROUP_BITS, SURGE_BIT = 40, 32, 31
OWN_HOUSEHOLD_KEYS = 1 << 55
"""Keys from this one on are those of households that children found: the child's number follows."""
BIRTH_KEYS = 1 << 56
"""Numbers from this one on are those of children born in the simulated years."""
BIRTH_SLOTS = 32
"""Numbers kept free for the children of a woman: two for each year."""


def first_keys(part: int, migrant_group: int, number: int, *, surge: bool = False) -> NDArray[np.int64]:
    """Return the keys of so many households of one part and migrant group."""
    begin = (part << PART_BITS) + (migrant_group << MIGRANT_GROUP_BITS) + (int(surge) << SURGE_BIT)
    return begin + np.arange(number)


def added_by_surge(person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 1 for each person (number, of those not born in the simulated years) whom a surge added, else 0."""
    return (person // PLACES >> SURGE_BIT) & 1
