"""The form `continuous`: residence by presence, or absence, that no crossing interrupts for some calendar months.

Source of the method: United Nations, Recommendations on statistics of international migration (1998), taken to the
letter: every trip ends a stay.
"""

from typing import Literal

import numpy as np

from rules.fields import SomeMonths
from rules.forms.residence_rule import Followed, ResidenceRule
from rules.lengths_of_stay.continuous import continuous
from rules.lengths_of_stay.crossings import Crossings, Flags
from rules.lengths_of_stay.duration import Duration


class ContinuousStay(ResidenceRule):
    """Residence begins with `months` of uninterrupted presence, and ends with as many of absence."""

    form: Literal["continuous", "circular"]
    months: SomeMonths

    def follow(self, crossings: Crossings, initial_resident: Flags, observed_to: int) -> Followed:
        """Look at the time up to the next crossing."""
        least = Duration(months=int(self.months.value))
        found = continuous(crossings, initial_resident, observed_to, least)
        spent = np.maximum(np.minimum(crossings.turn, np.int32(observed_to)) - crossings.day, 0)
        return Followed(found.before, found.migration, spent, least.after(crossings.day) - crossings.day)
