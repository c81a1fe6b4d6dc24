"""The truth of long-term migration: a slow and obvious oracle that shares nothing with the pipeline.

Definition, the same for everybody: spells of presence that are separated by at most 365 days are one chain; a
chain is a long-term stay when more than 365 days lie between its first arrival and its last departure. Its
first day is an immigration, unless it began before 2010 or by birth; the day of its last departure is an
emigration, unless it ended by death. On any day from the first arrival until the last departure the person is a
usual resident.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

LONG = timedelta(days=365)


@dataclass(frozen=True)
class Chain:
    """Spells of presence joined over short absences; `end` is None while the person is still here."""

    start: date
    end: date | None

    def is_long_term(self, horizon: date) -> bool | None:
        """Return whether the chain is a long-term stay, or None where the horizon is too near to tell."""
        if (self.end or horizon) - self.start > LONG:
            return True
        return False if self.end is not None and horizon - self.end > LONG else None


def chains(spells: Iterable[tuple[date, date | None]]) -> list[Chain]:
    """Return the chains of one person's spells of presence `[start, end)`, in order of time."""
    found: list[Chain] = []
    for start, end in spells:
        if found and found[-1].end is not None and start - found[-1].end <= LONG:
            found[-1] = Chain(found[-1].start, end)
        else:
            found.append(Chain(start, end))
    return found


def migrations(
    of_person: list[Chain], birth: date, death: date | None, begin: date, horizon: date
) -> Iterator[tuple[date, str]]:
    """Yield the long-term migrations of one person, dated `begin` or later, that are settled at the horizon."""
    for chain in of_person:
        if not chain.is_long_term(horizon):
            continue
        if chain.start >= begin and chain.start != birth:
            yield chain.start, "immigration"
        if chain.end is not None and chain.end != death and horizon - chain.end > LONG:
            yield chain.end, "emigration"


def is_usual_resident(of_person: list[Chain], on: date, horizon: date) -> bool:
    """Return whether a person is inside a long-term stay on a day."""
    return any(
        chain.start <= on and (chain.end is None or on < chain.end) and bool(chain.is_long_term(horizon))
        for chain in of_person
    )
