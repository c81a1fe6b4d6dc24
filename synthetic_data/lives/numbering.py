"""How households and people are numbered, so that no number depends on how many others there are.

A household's key combines its part, its migrant group, whether a surge added it, and its position among those. A
person's number follows from the key of the first household, that of a child born later from its mother's number.
"""

import numpy as np
from numpy.typing import NDArray

PLACES = 8
"""Person numbers reserved for each household."""
PART_BITS, MIGRANT_GROUP_BITS, SURGE_BIT = 40, 32, 31
OWN_HOUSEHOLD_KEYS = 1 << 55
"""Added to a person's number, this is the key of the household that the person founds."""
BIRTH_KEYS = 1 << 56
"""Person numbers from this one are those of children born in the simulated years."""
BIRTH_SLOTS = 32
"""Person numbers reserved for the children of a woman: two for each year."""


def first_keys(part: int, migrant_group: int, number: int, *, surge: bool = False) -> NDArray[np.int64]:
    """Return the keys of the first `number` households of one part and migrant group."""
    begin = (part << PART_BITS) + (migrant_group << MIGRANT_GROUP_BITS) + (int(surge) << SURGE_BIT)
    return begin + np.arange(number)


def added_by_surge(person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 1 for each person number that belongs to a household added by a surge, else 0; not for births."""
    return (person // PLACES >> SURGE_BIT) & 1
