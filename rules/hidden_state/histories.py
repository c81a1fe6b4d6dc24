"""Histories of signs: one row for each distinct history, and the tree of their beginnings.

A history is a sequence of symbols, one a year, from the first year in which a person can be seen until the last year
or the death. Most people share theirs with others, and nearly all share its first years: so what depends on the
beginning of a history alone is computed once for all histories that begin so.
"""

from dataclasses import dataclass

import numpy as np

ENDED = -1
"""In place of a symbol: the history has ended before."""


@dataclass(frozen=True)
class Symbols:
    """What can be seen of a person in a year, one row for each kind of person-year.

    `band` is the age band, `seen` says of each sign whether its source was delivered for the year, `shown` whether
    the sign was given, and `died` whether the person died in the country by the end of it. Without `shown` nothing is
    known of signs.
    """

    band: np.ndarray
    seen: np.ndarray
    shown: np.ndarray | None
    died: np.ndarray

    @property
    def count(self) -> int:
        """The number of kinds of person-years."""
        return len(self.band)

    def unseen(self) -> "tuple[Symbols, np.ndarray]":
        """Return the symbols without what was shown, and which of them each symbol becomes."""
        rows = np.column_stack([self.band, self.died, self.seen]).astype(np.int64)
        distinct, which = np.unique(rows, axis=0, return_inverse=True)
        seen = distinct[:, 2:].astype(bool)
        plain = Symbols(distinct[:, 0], seen, None, distinct[:, 1].astype(bool))
        return plain, which.ravel()


@dataclass(frozen=True)
class Histories:
    """Distinct histories in order: `start` and `group` of the person, `codes` (a symbol a year), and `people`.

    `start` is 0 for people who were alive before the first year, and 1 for those born later; `codes` end with
    `ENDED`.
    `row_of` gives the place of each history among those from which `distinct` made them.
    """

    start: np.ndarray
    group: np.ndarray
    codes: np.ndarray
    people: np.ndarray
    symbols: Symbols
    groups: int
    row_of: np.ndarray

    @classmethod
    def distinct(
        cls,
        start: np.ndarray,
        group: np.ndarray,
        codes: np.ndarray,
        people: np.ndarray,
        symbols: Symbols,
        groups: int,
    ) -> "Histories":
        """Return the distinct histories among some, with the number of people of each."""
        keys = np.column_stack([start, group, codes]).astype(np.int64)
        order = np.lexsort(keys.T[::-1])
        ordered = keys[order]
        first = np.append(True, (ordered[1:] != ordered[:-1]).any(axis=1))[: len(ordered)]
        row_of = np.empty(len(keys), dtype=np.int64)
        row_of[order] = np.cumsum(first) - 1
        rows = ordered[first]
        weights = np.bincount(row_of, weights=people, minlength=len(rows))
        return cls(rows[:, 0], rows[:, 1], rows[:, 2:], weights, symbols, groups, row_of)

    @property
    def total(self) -> float:
        """The number of people."""
        return float(self.people.sum())

    def sampled(self, most: int) -> "Histories":
        """Return the histories of `most` people (of all, if there are no more), at even distances in their order."""
        if self.total <= most:
            return self
        ends = np.cumsum(self.people)
        drawn = np.searchsorted(ends, (np.arange(most) + 0.5) * self.total / most)
        kept, people = np.unique(drawn, return_counts=True)
        columns = (self.start[kept], self.group[kept], self.codes[kept], people.astype(float))
        return Histories(*columns, self.symbols, self.groups, np.arange(len(kept)))

    def designs(self) -> "Histories":
        """Return the histories without what was shown: age, deaths, and which sources were delivered."""
        symbols, which = self.symbols.unseen()
        codes = np.where(self.codes == ENDED, ENDED, which[self.codes])
        return Histories.distinct(self.start, self.group, codes, self.people, symbols, self.groups)


@dataclass(frozen=True)
class Level:
    """The beginnings of one length: the last `symbol` of each, the `parent` that it continues, and `ends`.

    `ends` is the number of people whose history ends so; the children of a parent stand together, the first of them
    at `first_child` of `parents_with_children`. `node_of` gives the beginning of each history, or `ENDED`.
    """

    symbol: np.ndarray
    parent: np.ndarray
    ends: np.ndarray
    first_child: np.ndarray
    parents_with_children: np.ndarray
    node_of: np.ndarray


@dataclass(frozen=True)
class Tree:
    """All beginnings of distinct histories by length; a `parent` of the first level is `start` x groups + `group`."""

    levels: tuple[Level, ...]
    symbols: Symbols
    groups: int

    @classmethod
    def of(cls, histories: Histories) -> "Tree":
        """Return the tree of histories, which must be in order."""
        codes = histories.codes
        above = histories.start * histories.groups + histories.group
        changed = np.append(True, above[1:] != above[:-1])[: len(above)]
        levels = []
        for year in range(codes.shape[1]):
            symbol = codes[:, year]
            lasts = symbol != ENDED
            changed = changed | np.append(True, symbol[1:] != symbol[:-1])[: len(symbol)]
            node = np.cumsum(changed & lasts) - 1
            node[~lasts] = ENDED
            first = changed & lasts
            parent = above[first]
            ended = lasts & (codes[:, year + 1] == ENDED if year + 1 < codes.shape[1] else True)
            starts = np.flatnonzero(np.append(True, parent[1:] != parent[:-1])[: len(parent)])
            levels.append(
                Level(
                    symbol=symbol[first],
                    parent=parent,
                    ends=np.bincount(node[ended], weights=histories.people[ended], minlength=int(first.sum())),
                    first_child=starts,
                    parents_with_children=parent[starts],
                    node_of=node,
                )
            )
            above = node
        return cls(tuple(levels), histories.symbols, histories.groups)


def people_through(tree: Tree) -> list[np.ndarray]:
    """Return, by level, the people whose history has each beginning."""
    found: list[np.ndarray] = []
    for level, below in zip(reversed(tree.levels), (None, *reversed(tree.levels[1:])), strict=True):
        later = 0.0 if below is None else np.bincount(below.parent, weights=found[-1], minlength=len(level.symbol))
        found.append(level.ends + later)
    return found[::-1]


def person_years(tree: Tree) -> np.ndarray:
    """Return the number of person-years of each symbol."""
    people = people_through(tree)
    cases = [
        np.bincount(level.symbol, weights=one, minlength=tree.symbols.count)
        for level, one in zip(tree.levels, people, strict=True)
    ]
    return np.sum(cases, axis=0)
