"""Ordinals: a small number for each person, from which institutions derive the identifiers that they assign."""

import numpy as np
from numpy.typing import NDArray

from synthetic_data.lives.lives import Lives
from synthetic_data.lives.numbering import BIRTH_KEYS, BIRTH_SLOTS, added_by_surge
from synthetic_data.numbers.days import YEARS
from synthetic_data.numbers.runs import numbered

_PART_ORDINALS = 10**8
_PERSON_BITS = 48
_BORN_LATER = 10**7
"""Ordinals below this are those of first residents and newcomers, above it those of children born later."""


def ordinals(lives: Lives) -> NDArray[np.int64]:
    """Return a number below 10**9 for each person, the same in every scenario and whichever parts are simulated.

    Within a part, people not born in the simulated years are ranked by their person number, those added by a surge
    last; a child's ordinal follows from its mother's rank among the women and from its birth slot.
    """
    person, part = lives.person, lives.part
    born = person >= BIRTH_KEYS
    ordinal = np.empty(len(person), dtype=np.int64)
    first = np.flatnonzero(~born)
    in_order = first[
        np.argsort(((2 * part[first] + added_by_surge(person[first])) << _PERSON_BITS) + person[first], kind="stable")
    ]
    ordinal[in_order] = numbered(part[in_order])
    women = in_order[lives.female[in_order]]
    among_women = np.zeros(len(person), dtype=np.int64)
    among_women[women] = numbered(part[women])
    slot = (person - BIRTH_KEYS) % BIRTH_SLOTS
    mother = lives.people["mother"].to_numpy()
    child = _BORN_LATER + among_women[np.maximum(mother, 0)] * (2 * len(YEARS)) + slot
    return part * _PART_ORDINALS + np.where(born, child, ordinal)
