"""The forms of stay rules, one file each: the keys of the form, and the SQL that turns evidence into spells.

To add a form, write a file with a subclass of `SpellRule` (`stay_rule.py` says what it must supply, `spells.py` has
what most forms share) or, for a definition over crossings of the border, of `ResidenceRule` (`residence_rule.py`);
list the class in `FORMS`, and describe the form in `docs/rules.md`. Nothing else changes.
"""

from rules.forms.activity_span import ActivitySpan
from rules.forms.continuous import ContinuousStay
from rules.forms.days_in_window import WindowOfDays
from rules.forms.first_to_last import FirstToLast
from rules.forms.registration_span import RegistrationSpan
from rules.forms.stay_rule import StayRule

FORMS: dict[str, type[StayRule]] = {
    "first_to_last": FirstToLast,
    "activity_span": ActivitySpan,
    "registration_span": RegistrationSpan,
    "days_in_window": WindowOfDays,
    "continuous": ContinuousStay,
}
"""The form of a stay rule, as its key `form` names it."""
