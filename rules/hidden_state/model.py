"""What is assumed of people: hidden states, how people move between them from year to year, and the signs they give.

In every year a person has not come yet, has left and is still listed, has left, or is present in one of several
classes. Classes differ in the signs that people in them give, by age band, and in how likely these are to leave or
to be in another class a year later: who studies will work, who works will retire. Absent people give signs of
presence rarely; lists keep some of them for years, and removals show that they have gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rules.hidden_state.histories import Symbols

NOT_YET, STILL_LISTED, GONE = range(3)
ABSENT = 3
"""The number of states of absence; each further state is presence in a class."""
STARTS = 2
"""Histories of people who were alive before the first year, and of those born later."""
PRIOR_CASES = 0.5
"""Cases of each kind in addition to those that are counted, so that no probability is 0 (Jeffreys' prior)."""


def possible_moves(states: int) -> np.ndarray:
    """Return whether people in a state (row) can be in another one (column) a year later."""
    possible = np.ones((states, states), dtype=bool)
    possible[:, NOT_YET] = False
    possible[NOT_YET, [NOT_YET, STILL_LISTED, GONE]] = True, False, False
    possible[GONE, STILL_LISTED] = False
    return possible


def possible_starts(states: int) -> np.ndarray:
    """Return whether histories can begin in a state, by start: nobody has left who was born later."""
    possible = np.ones((STARTS, states), dtype=bool)
    possible[1, [STILL_LISTED, GONE]] = False
    return possible


@dataclass(frozen=True)
class Signs:
    """What signs mean: `lists` can keep people who have left, `departures` are signs of absence, others of presence.

    Both are numbers of signs. `false_at_most` is the highest probability that an absent person gives a sign of
    presence in a year, by an error of a record or a link; also that of a death in the country.
    """

    count: int
    lists: tuple[int, ...] = ()
    departures: tuple[int, ...] = ()
    false_at_most: float = 0.05

    @property
    def highest(self) -> np.ndarray:
        """The highest probability of each sign in each state of absence."""
        highest = np.full((ABSENT, self.count), self.false_at_most)
        highest[STILL_LISTED, list(self.lists)] = 1.0
        highest[STILL_LISTED:, list(self.departures)] = 1.0
        return highest


@dataclass(frozen=True)
class Model:
    """Probabilities: of the first state (`first`, by start, group and state), of moves, and of signs.

    `move` is by state and next state, `here` by age band, class and sign, `away` by state of absence and sign.
    """

    first: np.ndarray
    move: np.ndarray
    here: np.ndarray
    away: np.ndarray
    signs: Signs

    @property
    def classes(self) -> int:
        """The number of classes of people who are present."""
        return self.here.shape[1]

    @property
    def states(self) -> int:
        """The number of states."""
        return ABSENT + self.classes

    @property
    def moves(self) -> list[tuple[int, int]]:
        """The moves that are possible, as pairs of states."""
        return [(int(a), int(b)) for a, b in np.argwhere(possible_moves(self.states))]

    @property
    def parameters(self) -> int:
        """The number of probabilities that are free."""
        groups = self.first.shape[1]
        starts = groups * int((possible_starts(self.states).sum(axis=1) - 1).sum())
        moves = int((possible_moves(self.states).sum(axis=1) - 1).sum())
        return starts + moves + self.here.size + self.away.size

    def begins(self) -> np.ndarray:
        """Return the probability of each state of the first year, by start x groups + group."""
        return self.first.reshape(-1, self.states).T

    def shows(self, symbols: Symbols) -> np.ndarray:
        """Return the probability of each symbol by state; of a death, relative to that while present."""
        found = np.ones((self.states, symbols.count))
        for state in range(self.states):
            of_sign = self.away[None, state] if state < ABSENT else self.here[symbols.band, state - ABSENT]
            if symbols.shown is not None:
                given = np.where(symbols.shown, of_sign, 1 - of_sign)
                found[state] = np.where(symbols.seen, given, 1.0).prod(axis=1)
        found[:ABSENT, symbols.died] *= self.signs.false_at_most
        return found

    def log_prior(self) -> float:
        """Return the logarithm of the prior, up to a constant; EM raises the sum of it and the log-likelihood."""
        used = [self.move[possible_moves(self.states)], self.here, 1 - self.here, self.away, 1 - self.away]
        used += [self.first[start][:, possible] for start, possible in enumerate(possible_starts(self.states))]
        return PRIOR_CASES * float(sum(np.log(one).sum() for one in used))

    def split(self, which: int, apart: Sequence[float]) -> "Model":
        """Return a model with one class more: a class becomes two, whose signs differ by `apart` in log odds.

        People stay in the half in which they are.
        """
        state = ABSENT + which
        odds = np.log(self.here[:, which]) - np.log1p(-self.here[:, which])
        more, less = (1 / (1 + np.exp(-(odds + side * np.array(apart)))) for side in (0.5, -0.5))
        here = np.concatenate([self.here, less[:, None]], axis=1)
        here[:, which] = more
        first = np.concatenate([self.first, self.first[:, :, [state]] / 2], axis=2)
        first[:, :, state] /= 2
        move = np.concatenate([self.move, self.move[:, [state]] / 2], axis=1)
        move[:, state] /= 2
        move = np.concatenate([move, move[[state]]], axis=0)
        stay = self.move[state, state]
        move[state, [state, -1]] = move[-1, [-1, state]] = 0.95 * stay, 0.05 * stay
        return replace(self, first=first, move=move, here=np.clip(here, 0.001, 0.999))


def first_guess(symbols: Symbols, cases: np.ndarray, groups: int, bands: int, signs: Signs) -> Model:
    """Return a model of one class from which EM can begin; `cases` is the number of person-years of each symbol."""
    here = np.empty((bands, 1, signs.count))
    for band in range(bands):
        weight = (cases * (symbols.band == band))[:, None] * symbols.seen
        shown = (weight * np.asarray(symbols.shown)).sum(axis=0)
        here[band, 0] = (shown + PRIOR_CASES) / (weight.sum(axis=0) + 2 * PRIOR_CASES)
    here[:, :, list(signs.departures)] /= 4
    away = np.minimum(np.full((ABSENT, signs.count), 0.01), signs.highest)
    away[STILL_LISTED, list(signs.lists)] = 0.9
    away[STILL_LISTED:, list(signs.departures)] = 0.1
    first = np.empty((STARTS, groups, ABSENT + 1))
    first[0], first[1] = (0.2, 0.05, 0.05, 0.7), (0.2, 0.0, 0.0, 0.8)
    move = np.array([[0.9, 0.0, 0.0, 0.1], [0.0, 0.8, 0.1, 0.1], [0.0, 0.0, 0.95, 0.05], [0.0, 0.02, 0.02, 0.96]])
    return Model(first, move, np.clip(here, 0.001, 0.999), away, signs)
