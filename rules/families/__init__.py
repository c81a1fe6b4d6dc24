"""The families of residence rules, one file each: which people with signs are candidates on a reference date.

To add a form, write a file with a subclass of `ResidentFamily` (`resident_family.py` says what it must supply), list
the class in `FAMILY_FORMS`, and describe it in `docs/rules.md`. Exclusions and probabilities are the same for all.
"""

from rules.families.by_age import ByAge
from rules.families.by_signs import KofN, Priority
from rules.families.hidden_state import HiddenState
from rules.families.index import Index
from rules.families.resident_family import ResidentFamily

FAMILY_FORMS: dict[str, type[ResidentFamily]] = {
    "priority": Priority, "families": KofN, "by_age": ByAge, "index": Index,
    "hidden_state": HiddenState,
}  # fmt: skip
"""The form of a family of residence rules, as its key `form` names it."""
