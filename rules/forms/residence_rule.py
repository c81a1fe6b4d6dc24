"""What a definition over crossings of the border must supply: it follows residence from crossing to crossing.

The definitions are those of `rules/lengths_of_stay/`; `rules/residence_stays.py` makes stays of what they say.
"""

from abc import abstractmethod
from dataclasses import dataclass

from rules.fields import SomeDays
from rules.forms.crossings_rule import CrossingsRule
from rules.lengths_of_stay.crossings import Crossings, Days, Flags
from rules.lengths_of_stay.residence import Answers


@dataclass(frozen=True)
class Followed:
    """What a definition says of each crossing: residence before it, and whether it changes residence.

    `spent` are the days that count on the side to which the crossing leads, as far as they were observed, `needed`
    those that make it a migration. `counts` says of a change of residence whether the definition counts it; without
    it, all of them count.
    """

    resident_before: Answers
    migration: Answers
    spent: Days
    needed: Days
    counts: Answers | None = None


class ResidenceRule(CrossingsRule):
    """A stay rule that follows residence through crossings.

    Who had a permission that began at least `resident_before_days` before the first crossing was a resident by then;
    nobody else was.
    """

    resident_before_days: SomeDays

    @property
    def waits_days(self) -> int:
        """Days beyond those needed for which a crossing must have been observed before it is decided in any case."""
        return 0

    @abstractmethod
    def follow(self, crossings: Crossings, initial_resident: Flags, observed_to: int) -> Followed:
        """Follow residence through crossings, as observed up to a day (since 1970-01-01)."""
