"""The form `short_term`: visits that last for some months, of people who do not live here.

Source of the method: ONS, Short-term international migration (2017), and United Nations, Recommendations on
statistics of international migration (1998).
"""

from typing import Any, Literal

from pydantic import model_validator

from rules.fields import Codes, Days, EvidenceIds, SomeDays, SomeMonths
from rules.forms.crossings_rule import CrossingsRule
from rules.lengths_of_stay.duration import Duration
from rules.lengths_of_stay.short_term import ShortTerm


class ShortTermStay(CrossingsRule):
    """Presence between an arrival and the next departure, of at least `at_least_months` and under `under_months`.

    It is no short-term stay if it is part of residence: presence with absences of at most `absent_more_than_days`
    that lasts more than `more_than_days` in all. Who had a permission that began at least `resident_before_days`
    before the first crossing was here since. With `reasons`, codes of the crossing or of the permission in force, or
    `other_signs`, evidence within the stay that shows such a reason, other stays do not count.
    """

    form: Literal["short_term"]
    at_least_months: SomeMonths
    under_months: SomeMonths
    more_than_days: Days
    absent_more_than_days: SomeDays
    resident_before_days: SomeDays
    reasons: Codes = ()
    other_signs: EvidenceIds = ()

    @model_validator(mode="after")
    def _some_length_between(self) -> Any:
        if self.at_least_months.range[1] >= self.under_months.range[0]:
            raise ValueError(
                f"the range of 'at_least_months' ends at {self.at_least_months.range[1]}, and that of 'under_months' "
                f"begins at {self.under_months.range[0]}. No stay is as long as the one and shorter than the other"
            )
        if self.other_signs and not self.reasons:
            raise ValueError("'other_signs' show one of the 'reasons', of which there are none. Add them")
        return self

    @property
    def counts_residence(self) -> bool:
        """Whether what counts are changes of residence: short-term stays are none."""
        return False

    @property
    def shown_by(self) -> EvidenceIds:
        """Evidence that shows a reason for the stay."""
        return self.other_signs

    @property
    def kernel(self) -> ShortTerm:
        """The values, as the kernel takes them."""
        return ShortTerm(
            Duration(months=int(self.at_least_months.value)),
            Duration(months=int(self.under_months.value)),
            int(self.more_than_days.value),
            int(self.absent_more_than_days.value),
        )
