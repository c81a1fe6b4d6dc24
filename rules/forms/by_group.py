"""The form `by_group`: each spell by the method of its group, whatever the person was measured by before or after.

Source of the method: ONS, Long-term international migration, 2020 to 2025: people who need a visa by travel, others
by weeks of activity, students by enrolment and travel.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rules.fields import Days, SomeDays
from rules.forms.stay_rule import StayRule
from rules.groups import Group, exhaustive


class ByGroup(StayRule):
    """A definition that divides the time of every person into spells, and measures each by the rule of its group.

    A spell is presence by any of the rules of the groups, with absences of at most `absent_more_than_days`. Its
    group is the first whose evidence lies in it and whose rule knows of presence there, so every spell has exactly
    one. What that rule has not seen, the next group's tells, as in the composite, and also what comes after the end
    of a course or a permission; spells of the next rule that begin at most `same_arrival_days` before an arrival are
    about that arrival.
    """

    form: Literal["by_group"]
    absent_more_than_days: SomeDays
    same_arrival_days: Days
    groups: Annotated[tuple[Group, ...], AfterValidator(exhaustive)] = Field(min_length=1)
