"""The form `days_in_window`: residence by days spent in the country, or out of it, in a window after a crossing.

Source of the method: Stats NZ, Defining migrants using travel histories and the 12/16-month rule (2017).
"""

from typing import Any, Literal

import numpy as np
from pydantic import model_validator

from rules.fields import SomeDays
from rules.forms.residence_rule import Followed, ResidenceRule
from rules.lengths_of_stay.crossings import Crossings, Flags
from rules.lengths_of_stay.days_in_window import DaysInWindow, days_in_window


class WindowOfDays(ResidenceRule):
    """Residence begins with `threshold_days` of `window_days` here after an arrival, and ends with as many away."""

    form: Literal["days_in_window"]
    threshold_days: SomeDays
    window_days: SomeDays

    @model_validator(mode="after")
    def _threshold_in_window(self) -> Any:
        if self.threshold_days.range[1] > self.window_days.range[0]:
            raise ValueError(
                f"the range of 'threshold_days' ends at {self.threshold_days.range[1]}, above the shortest window, "
                f"{self.window_days.range[0]}. Nobody spends more days in a window than it has"
            )
        return self

    @property
    def waits_days(self) -> int:
        """The days of the window that may be spent on the other side."""
        return self._rule.slack

    def follow(self, crossings: Crossings, initial_resident: Flags, observed_to: int) -> Followed:
        """Count the days of each window."""
        found = days_in_window(crossings, initial_resident, self._rule, observed_to)
        away = found.days_observed - found.days_in_country
        return Followed(
            found.resident_before,
            found.long_term_migration,
            np.where(crossings.is_arrival, found.days_in_country, away),
            np.full(len(crossings), self._rule.threshold, dtype=np.int32),
        )

    @property
    def _rule(self) -> DaysInWindow:
        return DaysInWindow(int(self.threshold_days.value), int(self.window_days.value))
