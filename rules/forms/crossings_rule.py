"""What every definition over crossings of the border has: it looks at crossings and permissions, and at nothing else.

Its form has the keys; `rules/crossing_stays.py` makes stays of crossings by the kernels of `rules/lengths_of_stay/`.
"""

from typing import Any

from pydantic import Field, model_validator

from rules.fields import EvidenceIds, RuleId
from rules.forms.stay_rule import StayRule
from rules.parameters import each_parameter


class CrossingsRule(StayRule):
    """A stay rule that looks at crossings alone.

    People without any crossing (or, where permissions are what counts, without any permission) are not measured, or,
    with `others_by`, by another definition: the composite or a rule that makes spells. `counts_residence` is false
    for definitions of short-term and circular migration, which no study can publish: its stocks are of residents.
    """

    indispensable = ("arrivals", "departures")

    arrivals: EvidenceIds = Field(min_length=1)
    departures: EvidenceIds = Field(min_length=1)
    permissions: EvidenceIds = ()
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
    def counts_residence(self) -> bool:
        """Whether what counts by this definition are changes of usual residence."""
        return True

    @property
    def shown_by(self) -> EvidenceIds:
        """Evidence that, between an arrival and the next crossing, shows a reason for the stay."""
        return ()
