"""Lengths of time in calendar months or in days, which are different things: each definition says which it means."""

from dataclasses import dataclass

import numpy as np

from rules.lengths_of_stay.crossings import NEVER, Days


@dataclass(frozen=True)
class Duration:
    """Some calendar months and then some days."""

    months: int = 0
    days: int = 0

    def after(self, day: Days) -> Days:
        """Return the day on which the duration is over, for each day on which it begins.

        That is the same day of the month, or the last day of a shorter month. It is `NEVER` for `NEVER`.
        """
        if not self.months:
            later = day + np.int32(self.days)
        else:
            date = np.where(day == NEVER, 0, day).astype("datetime64[D]")
            month = date.astype("datetime64[M]")
            in_month = month + self.months
            last = (in_month + 1).astype("datetime64[D]") - 1
            same = in_month.astype("datetime64[D]") + (date - month.astype("datetime64[D]"))
            later = np.minimum(same, last).astype(np.int64).astype(np.int32) + np.int32(self.days)
        return np.where(day == NEVER, NEVER, later)


TWELVE_MONTHS = Duration(months=12)
NINETY_DAYS = Duration(days=90)
TEN_YEARS = Duration(months=120)
