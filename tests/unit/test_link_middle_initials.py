"""Two files without dates of birth and given names: middle initials tell the members of a household apart."""

import numpy as np
from link_population import people, subjects_of

from linkage.compare import UNKNOWN, compare
from linkage.comparisons import COMPARISONS

MIDDLE = next(at for at, one in enumerate(COMPARISONS) if one.name == "middle_name")
LEVELS = [level.name for level in COMPARISONS[MIDDLE].levels]


def level_of(folder, one, other):
    """Return the level of the middle name of a pair."""
    subjects = subjects_of(folder, {"a": people(one), "b": people(other)})
    level = compare(subjects, np.array([0]), np.array([1])).levels[0, MIDDLE]
    return None if level == UNKNOWN else LEVELS[level]


HOME = {"family_name": "Lee", "postcode": "AB1 2CD"}


def test_initials_meet_by_the_family_name_alone(tmp_path):
    one, other = HOME | {"middle_name": "J"}, HOME | {"middle_name": "J", "postcode": "ZE1 9ZZ"}
    assert level_of(tmp_path, one, other) == "initial"


def test_initials_meet_by_the_postcode_alone(tmp_path):
    one, other = HOME | {"middle_name": "J"}, HOME | {"middle_name": "Jack", "family_name": "Leigh"}
    assert level_of(tmp_path, one, other) == "initial"


def test_another_initial_in_one_household_is_another_name(tmp_path):
    one, other = HOME | {"middle_name": "J"}, HOME | {"middle_name": "M"}
    assert level_of(tmp_path, one, other) == "different"


def test_initials_with_nothing_else_in_common_cannot_be_compared(tmp_path):
    one, other = HOME | {"middle_name": "J"}, {"middle_name": "J", "family_name": "Roy", "postcode": "ZE1 9ZZ"}
    assert level_of(tmp_path, one, other) is None
