"""The forms of stay rules, one file each: the keys of the form, and the SQL that turns evidence into spells.

To add a form, write a file with a subclass of `SpellRule` (`stay_rule.py` says what it must supply, `spells.py` has
what most forms share) or, for a definition that follows residence through crossings of the border, of
`ResidenceRule` (`residence_rule.py`); list the class in `FORMS`, and describe the form in `docs/rules.md`. Nothing
else changes. Another kind of definition over crossings is a `CrossingsRule`, and `rules/crossing_stays.py` makes its
stays.
"""

from rules.forms.activity_span import ActivitySpan
from rules.forms.by_group import ByGroup
from rules.forms.chained_permissions import ChainedPermissions
from rules.forms.circular import CircularMoves
from rules.forms.continuous import ContinuousStay
from rules.forms.days_in_window import WindowOfDays
from rules.forms.first_to_last import FirstToLast
from rules.forms.registration_span import RegistrationSpan
from rules.forms.short_term import ShortTermStay
from rules.forms.stay_rule import StayRule

FORMS: dict[str, type[StayRule]] = {
    "first_to_last": FirstToLast,
    "activity_span": ActivitySpan,
    "registration_span": RegistrationSpan,
    "days_in_window": WindowOfDays,
    "continuous": ContinuousStay,
    "chained_permissions": ChainedPermissions,
    "short_term": ShortTermStay,
    "circular": CircularMoves,
    "by_group": ByGroup,
}
"""The form of a stay rule, as its key `form` names it."""
