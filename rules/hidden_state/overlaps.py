"""Does a model reproduce the overlaps of sources? One with too few classes does not, and says so nowhere else.

For every two signs, of one year and of a year and the next, the share of person-years with both, one or neither is
compared with what the model expects of people of these ages in the years in which the sources were delivered, without
a look at their signs. Half the sum of the differences is the share of person-years that would have to be elsewhere:
the index of dissimilarity (Kuha and Firth 2011).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from rules.hidden_state.expectation import backward, expectation, forward
from rules.hidden_state.histories import Histories, Tree, people_through, person_years
from rules.hidden_state.model import ABSENT, Model

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Overlap:
    """Two signs, by number, and the share of person-years with both: as `seen`, and as `expected` by the model.

    `later` is 1 if the second sign is of the year after; `misplaced` is the index of dissimilarity.
    """

    first: int
    second: int
    later: int
    seen: float
    expected: float
    misplaced: float


def overlaps(histories: Histories, model: Model) -> list[Overlap]:
    """Return the overlaps of every two signs, the worst reproduced first."""
    tree, designs = Tree.of(histories), Tree.of(histories.designs())
    found = []
    for later, (theirs, ours) in enumerate(
        [
            (_observed_in_a_year(tree), _expected_in_a_year(designs, model)),
            (_observed_in_two_years(tree), _expected_in_two_years(designs, model)),
        ]
    ):
        for first, second in product(range(model.signs.count), repeat=2):
            cases = theirs[:, first, second].sum()
            if cases > 0 and (later or first < second):
                seen, expects = theirs[:, first, second] / cases, ours[:, first, second] / cases
                misplaced = float(np.abs(seen - expects).sum() / 2)
                found.append(Overlap(first, second, later, float(seen[BOTH]), float(expects[BOTH]), misplaced))
    return sorted(found, key=lambda one: -one.misplaced)


BOTH = 3


def _table(cases: np.ndarray, seen: Pair, shown: Pair) -> np.ndarray:
    """Return person-years with neither of two signs, the second alone, the first alone, and both.

    Rows of `cases` are kinds of person-years, or of pairs of years; `seen` says which signs of the first and of the
    second year were delivered, `shown` gives their probabilities.
    """
    first, second = shown[0][:, :, None], shown[1][:, None, :]
    weight = cases[:, None, None] * (seen[0][:, :, None] & seen[1][:, None, :])
    four = ((1 - first) * (1 - second), (1 - first) * second, first * (1 - second), first * second)
    return np.stack([(weight * one).sum(axis=0) for one in four])


def _observed_in_a_year(tree: Tree) -> np.ndarray:
    symbols, shown = tree.symbols, np.asarray(tree.symbols.shown, dtype=float)
    return _table(person_years(tree), (symbols.seen, symbols.seen), (shown, shown))


def _observed_in_two_years(tree: Tree) -> np.ndarray:
    symbols, shown = tree.symbols, np.asarray(tree.symbols.shown, dtype=float)
    people = people_through(tree)
    found = []
    for year in range(1, len(tree.levels)):
        before, after, cases = _in_pairs(tree, year, people[year])
        found.append(_table(cases, (symbols.seen[before], symbols.seen[after]), (shown[before], shown[after])))
    return np.sum(found, axis=0)


def _in_pairs(tree: Tree, year: int, people: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct pairs of a symbol and that of the year before, and the people of each."""
    level = tree.levels[year]
    pair = tree.levels[year - 1].symbol[level.parent] * tree.symbols.count + level.symbol
    distinct, which = np.unique(pair, return_inverse=True)
    cases = np.bincount(which, weights=people, minlength=len(distinct))
    return distinct // tree.symbols.count, distinct % tree.symbols.count, cases


def _expected_in_a_year(designs: Tree, model: Model) -> np.ndarray:
    symbols, people = designs.symbols, expectation(designs, model).of_symbol
    return np.sum(
        [
            _table(people[state], (symbols.seen, symbols.seen), (shown, shown))
            for state in range(model.states)
            for shown in [_shown(model, state, symbols.band)]
        ],
        axis=0,
    )


def _shown(model: Model, state: int, band: np.ndarray) -> np.ndarray:
    """Return the probability of each sign in a state, by row of `band`."""
    shape = (len(band), model.signs.count)
    return np.broadcast_to(model.away[state], shape) if state < ABSENT else model.here[band, state - ABSENT]


def _expected_in_two_years(designs: Tree, model: Model) -> np.ndarray:
    seen, symbols = forward(designs, model), designs.symbols
    found = np.zeros((4, model.signs.count, model.signs.count))
    for step in backward(designs, model, seen):
        if step.year == 0:
            break
        states = seen.states[step.year - 1][:, designs.levels[step.year].parent]
        for a, b in model.moves:
            people = states[a] * model.move[a, b] * step.said[b]
            before, after, cases = _in_pairs(designs, step.year, people)
            shown = _shown(model, a, symbols.band[before]), _shown(model, b, symbols.band[after])
            found += _table(cases, (symbols.seen[before], symbols.seen[after]), shown)
    return found
