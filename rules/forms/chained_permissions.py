"""The form `chained_permissions`: first arrival to last departure within chains of permissions, visits apart.

Source of the method: ONS, methods of long-term international migration (May 2023, November 2024, 2026).
"""

from typing import Literal

from pydantic import Field

from rules.fields import Codes, Days, EvidenceIds, SomeDays
from rules.forms.crossings_rule import CrossingsRule
from rules.lengths_of_stay.first_to_last import FirstToLast


class ChainedPermissions(CrossingsRule):
    """First arrival to last departure on each chain of permissions to stay.

    Permissions at most `chain_within_days` apart are one chain, and of somebody who was seen to arrive and not to
    leave, those at most `change_within_days` apart. An absence of at most `trip_up_to_days` within a chain ends no
    stay. A return on another chain, or after a longer trip, continues a stay if it comes `return_within_days` of its
    end, and both last more than `return_more_than_days`. Travel on permissions of `visits`, or on none, is part of no
    stay. Who is first seen by a permission with a code of `given_inside` was here before.
    """

    form: Literal["chained_permissions"]
    permissions: EvidenceIds = Field(min_length=1)
    visits: EvidenceIds = ()
    given_inside: Codes = ()
    more_than_days: Days
    chain_within_days: Days
    change_within_days: Days
    trip_up_to_days: Days
    return_within_days: SomeDays
    return_more_than_days: Days

    @property
    def kernel(self) -> FirstToLast:
        """The values, as the kernel takes them."""
        return FirstToLast(
            more_than=int(self.more_than_days.value),
            chain_within=int(self.chain_within_days.value),
            change_within=int(self.change_within_days.value),
            trip_up_to=int(self.trip_up_to_days.value),
            return_within=int(self.return_within_days.value),
            return_more_than=int(self.return_more_than_days.value),
        )
