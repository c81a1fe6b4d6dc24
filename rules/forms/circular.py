"""The form `circular`: changes of residence of people who have changed residence again and again.

Source of the method: UNECE, Defining and measuring circular migration (2016).
"""

from dataclasses import replace
from typing import Literal

from rules.fields import Times, Years
from rules.forms.continuous import ContinuousStay
from rules.forms.residence_rule import Followed
from rules.lengths_of_stay.circular import one_of_many
from rules.lengths_of_stay.crossings import Crossings, Flags
from rules.lengths_of_stay.duration import Duration


class CircularMoves(ContinuousStay):
    """A change of residence, to stay or stay away for `months`, counts if it is the last of `changes` in `within`."""

    form: Literal["circular"]
    changes: Times
    within: Years

    @property
    def counts_residence(self) -> bool:
        """Whether what counts are changes of residence: not all of them do."""
        return False

    def follow(self, crossings: Crossings, initial_resident: Flags, observed_to: int) -> Followed:
        """Follow residence by continuous stays, and say which changes of it are one of many."""
        followed = super().follow(crossings, initial_resident, observed_to)
        within = Duration(months=12 * int(self.within.value))
        counts = one_of_many(crossings, followed.migration, int(self.changes.value), within)
        return replace(followed, counts=counts)
