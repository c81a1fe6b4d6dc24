"""The expectation step: what the hidden states of people are likely to be, by the forward and backward recursions.

Both run once over the tree of the beginnings of histories (Rabiner 1989, section III, with his scaling): forward,
what is known of a state depends on the beginning alone; backward, what all continuations of a beginning say of it is
summed, each weighted by its people. No call of a linear algebra library: results do not depend on threads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rules.hidden_state.histories import Tree
from rules.hidden_state.model import ABSENT, Model


@dataclass(frozen=True)
class Forward:
    """What the beginnings of histories say: by level, the state so far, and the scale of each beginning."""

    states: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]
    log_likelihood: float


@dataclass(frozen=True)
class Backward:
    """What a year and the later ones say of the states of the beginnings of one length.

    `after` is what later years say of the state of `year`, times the people; `said` what `year` and the later ones
    say of the year before, by beginning; `summed` the sums of `said` over the children of a parent.
    """

    year: int
    after: np.ndarray
    said: np.ndarray
    summed: np.ndarray


@dataclass(frozen=True)
class Expected:
    """Expected people: by first state and start x groups + group, by move, and by state and symbol."""

    begin: np.ndarray
    moves: np.ndarray
    of_symbol: np.ndarray
    log_likelihood: float


def forward(tree: Tree, model: Model) -> Forward:
    """Return the states that the beginnings of histories show, and the log-likelihood of all histories."""
    shows, begins, moves = model.shows(tree.symbols), model.begins(), model.moves
    states: list[np.ndarray] = []
    scales: list[np.ndarray] = []
    log_scale, log_likelihood = np.zeros(begins.shape[1]), 0.0
    for level in tree.levels:
        if states:
            before = states[-1][:, level.parent]
            now = np.zeros_like(before)
            for a, b in moves:
                now[b] += model.move[a, b] * before[a]
        else:
            now = begins[:, level.parent]
        now *= shows[:, level.symbol]
        scale = now.sum(axis=0)
        now /= scale
        log_scale = log_scale[level.parent] + np.log(scale)
        log_likelihood += float((level.ends * log_scale).sum())
        states.append(now)
        scales.append(scale)
    return Forward(tuple(states), tuple(scales), log_likelihood)


def backward(tree: Tree, model: Model, seen: Forward) -> Iterator[Backward]:
    """Yield the backward recursion, from the last year to the first."""
    shows, later = model.shows(tree.symbols), None
    for year in range(len(tree.levels) - 1, -1, -1):
        level, states = tree.levels[year], seen.states[year]
        after = np.broadcast_to(level.ends, states.shape) if later is None else level.ends + later
        said = after * shows[:, level.symbol]
        said /= seen.scales[year]
        summed = np.add.reduceat(said, level.first_child, axis=1)
        yield Backward(year, after, said, summed)
        if year:
            later = np.zeros_like(seen.states[year - 1])
            later[:, level.parents_with_children] = moved_back(summed, model)


def moved_back(states: np.ndarray, model: Model) -> np.ndarray:
    """Return what a message about the states of a year says of the states of the year before."""
    earlier = np.zeros_like(states)
    for a, b in model.moves:
        earlier[a] += model.move[a, b] * states[b]
    return earlier


def expectation(tree: Tree, model: Model) -> Expected:
    """Return the expected numbers of people in hidden states, by which the model is improved."""
    seen = forward(tree, model)
    of_symbol = np.zeros((model.states, tree.symbols.count))
    moves, begin = np.zeros_like(model.move), np.zeros(model.begins().shape)
    for one in backward(tree, model, seen):
        level = tree.levels[one.year]
        people = seen.states[one.year] * one.after
        for state in range(model.states):
            of_symbol[state] += np.bincount(level.symbol, weights=people[state], minlength=tree.symbols.count)
        if one.year == 0:
            begin[:, level.parents_with_children] = model.begins()[:, level.parents_with_children] * one.summed
            break
        above = seen.states[one.year - 1][:, level.parents_with_children]
        for a, b in model.moves:
            moves[a, b] += model.move[a, b] * float((above[a] * one.summed[b]).sum())
    return Expected(begin, moves, of_symbol, seen.log_likelihood)


def presence(tree: Tree, model: Model) -> np.ndarray:
    """Return the probability that people were present, by history and year; zero in years after its end."""
    seen, shows = forward(tree, model), model.shows(tree.symbols)
    found = np.zeros((len(tree.levels[0].node_of), len(tree.levels)))
    message = np.ones((model.states, len(found)))
    for year in range(len(tree.levels) - 1, -1, -1):
        level = tree.levels[year]
        rows = np.flatnonzero(level.node_of >= 0)
        node = level.node_of[rows]
        both = seen.states[year][:, node] * message[:, rows]
        found[rows, year] = both[ABSENT:].sum(axis=0) / both.sum(axis=0)
        said = message[:, rows] * shows[:, level.symbol[node]] / seen.scales[year][node]
        message[:, rows] = moved_back(said, model)
    return found
