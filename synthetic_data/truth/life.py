"""A life as the oracle reads it: spells of presence, joined into chains, or alternating with absences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

LONG = timedelta(days=365)

Spell = tuple[date, date | None]
"""Presence from a day until the day of the departure, or of death; None while it lasts."""


class Interval(NamedTuple):
    """Presence in the country, or absence from it, without a crossing; `end` is None while it lasts."""

    start: date
    end: date | None
    here: bool


@dataclass(frozen=True)
class Life:
    """One person: spells of presence in order, birth, death in the country, and the period that is known."""

    spells: list[Spell]
    birth: date
    death: date | None
    begin: date
    horizon: date

    @property
    def begins_here(self) -> bool:
        """Whether the first spell began by birth or before lives are known, and so without a crossing that counts."""
        start = self.spells[0][0]
        return start < self.begin or start == self.birth

    @cached_property
    def chains(self) -> "list[Chain]":
        """The spells, joined across short absences."""
        return chains(self.spells)

    @cached_property
    def intervals(self) -> list[Interval]:
        """Alternating presences and absences, from the first spell to the horizon or to death."""
        found: list[Interval] = []
        returns = [start for start, _ in self.spells[1:]] + [None]
        for (start, end), back in zip(self.spells, returns, strict=True):
            found.append(Interval(start, end, here=True))
            if end is not None and end != self.death:
                found.append(Interval(end, back, here=False))
        return found


@dataclass(frozen=True)
class Chain:
    """Spells of presence joined across short absences; `end` is None while the person is still here."""

    start: date
    end: date | None

    def is_long_term(self, horizon: date) -> bool | None:
        """Return whether the chain is a long-term stay, or None where the horizon is too near to decide."""
        if (self.end or horizon) - self.start > LONG:
            return True
        return False if self.end is not None and horizon - self.end > LONG else None


def chains(spells: Iterable[Spell]) -> list[Chain]:
    """Return the chains of one person's spells of presence `[start, end)`, in order of time."""
    found: list[Chain] = []
    for start, end in spells:
        if found and found[-1].end is not None and start - found[-1].end <= LONG:
            found[-1] = Chain(found[-1].start, end)
        else:
            found.append(Chain(start, end))
    return found
