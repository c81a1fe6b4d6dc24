"""The types of posting that the NHS makes, and PostingEvents: what happens on its lists, to whom and when."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from synthetic_data.numbers import runs
from synthetic_data.numbers.days import (
    day,
    day_of,
    row_days,
    row_of,
)
from synthetic_data.numbers.draws import Days

BIRTH, FIRST_IN_COUNTRY, MOVE, FIRST_FROM_ABROAD, REMOVAL = "1", "2", "3", "4", "9"
DROP = "drop"
TYPES = (BIRTH, FIRST_IN_COUNTRY, MOVE, FIRST_FROM_ABROAD, REMOVAL, DROP)
"""In the order in which events of one day are sorted."""
REASONS = (None, "CGA", "DEA", "EMB")
NHS_BEGAN = day(1948, 7, 5)


@dataclass(frozen=True)
class PostingEvents:
    """Events on the lists: whom they concern (row), the day, and the indices of type and reason."""

    row: NDArray[np.int64]
    day: Days
    kind: NDArray[np.int64]
    reason: NDArray[np.int64]

    @classmethod
    def of(cls, row: NDArray[np.int64], day: Days, kind: str, reason: str | None = None) -> "PostingEvents":
        """Return events of one type and reason."""
        return cls(row, day, np.full(len(row), TYPES.index(kind)), np.full(len(row), REASONS.index(reason)))

    @classmethod
    def together(cls, *events: "PostingEvents") -> "PostingEvents":
        """Return several sets of events as one."""
        return cls(*(np.concatenate([getattr(one, name.name) for one in events]) for name in fields(cls)))

    def until(self, data_date: int, order: NDArray[np.int64]) -> "PostingEvents":
        """Return the events up to a day, sorted by person (in the given order of people) and day.

        Two events of one day that would make the same posting count once.
        """
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        known = np.flatnonzero(self.day <= data_date)
        # an event is one number, since to sort numbers is fast
        number = row_days(place[self.row[known]], self.day[known])
        number = (number * len(TYPES) + self.kind[known]) * len(REASONS) + self.reason[known]
        number.sort()
        posting, reason = np.divmod(number, len(REASONS))
        first = np.flatnonzero(runs.begins(posting))
        number, kind = np.divmod(posting[first], len(TYPES))
        return PostingEvents(order[row_of(number)], day_of(number), kind, reason[first])
