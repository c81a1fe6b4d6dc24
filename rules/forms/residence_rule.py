"""What a definition over crossings of the border must supply: it follows residence from crossing to crossing.

The definitions are those of `rules/lengths_of_stay/`; `rules/residence_stays.py` makes stays of what they say.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from pydantic import Field, model_validator

from rules.fields import EvidenceIds, RuleId, SomeDays
from rules.forms.stay_rule import StayRule
from rules.lengths_of_stay.crossings import Crossings, Days, Flags
from rules.lengths_of_stay.residence import Answers
from rules.parameters import each_parameter


@dataclass(frozen=True)
class Followed:
    """What a definition says of each crossing: residence before it, and whether it changes residence.

    `spent` are the days that count on the side to which the crossing leads, as far as they were observed, `needed`
    those that make it a migration.
    """

    resident_before: Answers
    migration: Answers
    spent: Days
    needed: Days


class ResidenceRule(StayRule):
    """A stay rule that looks at crossings alone.

    Who had a permission that began at least `resident_before_days` before the first crossing was a resident by then;
    nobody else was. People without any crossing are not measured, or, with `others_by`, by another definition: the
    composite or a rule that makes spells.
    """

    indispensable = ("arrivals", "departures")

    arrivals: EvidenceIds = Field(min_length=1)
    departures: EvidenceIds = Field(min_length=1)
    permissions: EvidenceIds = ()
    resident_before_days: SomeDays
    others_by: RuleId | None = None

    @model_validator(mode="after")
    def _one_value_for_all_time(self) -> Any:
        for one in each_parameter(self):
            if one.later:
                raise ValueError(
                    f"the parameter '{one.name}' has 'later' values, but a definition over crossings counts days "
                    "across them. Write one value, and a rule of its own for each later one"
                )
        return self

    @property
    def waits_days(self) -> int:
        """Days beyond those needed for which a crossing must have been observed before it is decided in any case."""
        return 0

    @abstractmethod
    def follow(self, crossings: Crossings, initial_resident: Flags, observed_to: int) -> Followed:
        """Follow residence through crossings, as observed up to a day (since 1970-01-01)."""
