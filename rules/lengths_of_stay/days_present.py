"""Days in the country in the first months of a stay: how near the border of a year the stays of a group lie.

Source: ONS, patterns of presence of students from outside the EU (2020): days in the country during fourteen
months of study, within a window of sixteen months.
"""

import numpy as np

from rules.lengths_of_stay.crossings import Days, Numbers
from rules.lengths_of_stay.duration import Duration
from rules.lengths_of_stay.presence import Presence
from rules.lengths_of_stay.residence import UNKNOWN

FOURTEEN_MONTHS, SIXTEEN_MONTHS = Duration(months=14), Duration(months=16)


def days_present(
    presence: Presence,
    person: Numbers,
    start: Days,
    counted: Duration = FOURTEEN_MONTHS,
    window: Duration = SIXTEEN_MONTHS,
) -> Days:
    """Return the days that people (by their numbers) were in the country in the time `counted` after a start.

    It is `UNKNOWN` if the whole `window` after the start, which is at least as long, was not observed: who is away at
    the end of the time that is counted may come back within the window, and is then a student on holiday.
    """
    days = presence.days_between(person, start, np.minimum(counted.after(start), np.int32(presence.observed_to)))
    return np.where(window.after(start) <= presence.observed_to, days, np.int32(UNKNOWN))
