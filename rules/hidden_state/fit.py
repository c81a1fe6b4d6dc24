"""The EM algorithm (Dempster, Laird and Rubin 1977): expect the hidden states, then take the likeliest values.

Each step raises the log-likelihood plus the logarithm of the prior, or leaves it as it is. Probabilities of false
signs have an upper limit; the likeliest value below it is the limit itself, since the logarithm is concave.
"""

from dataclasses import dataclass, replace

import numpy as np

from rules.hidden_state.expectation import Expected, expectation
from rules.hidden_state.histories import Symbols, Tree
from rules.hidden_state.model import ABSENT, PRIOR_CASES, STARTS, Model, possible_moves, possible_starts

ENOUGH = 1e-6
"""EM ends when a step raises the objective by less than this for each person."""


@dataclass(frozen=True)
class Fitted:
    """A model after EM; `objective` is the log-likelihood plus the log prior at the start of each step."""

    model: Model
    log_likelihood: float
    objective: tuple[float, ...]


def fit(tree: Tree, model: Model, steps: int, enough: float = ENOUGH) -> Fitted:
    """Return the model after at most `steps` steps, fewer if the objective no longer rises by `enough` a person."""
    people = sum(float(level.ends.sum()) for level in tree.levels)
    objective: list[float] = []
    found = expectation(tree, model)
    for _ in range(steps):
        objective.append(found.log_likelihood + model.log_prior())
        if len(objective) > 1 and objective[-1] - objective[-2] < enough * people:
            break
        model = improved(model, found, tree.symbols)
        found = expectation(tree, model)
    return Fitted(model, found.log_likelihood, tuple(objective))


def improved(model: Model, found: Expected, symbols: Symbols) -> Model:
    """Return the likeliest model if hidden states were as expected."""
    begin = found.begin.T.reshape(model.first.shape)
    first = np.where(possible_starts(model.states).reshape(STARTS, 1, -1), begin + PRIOR_CASES, 0.0)
    move = np.where(possible_moves(model.states), found.moves + PRIOR_CASES, 0.0)
    here = [
        [_share(cases * (symbols.band == band), symbols) for cases in found.of_symbol[ABSENT:]]
        for band in range(model.here.shape[0])
    ]
    away = [_share(cases, symbols) for cases in found.of_symbol[:ABSENT]]
    return replace(
        model,
        first=first / first.sum(axis=2, keepdims=True),
        move=move / move.sum(axis=1, keepdims=True),
        here=np.array(here),
        away=np.minimum(away, model.signs.highest),
    )


def _share(cases: np.ndarray, symbols: Symbols) -> np.ndarray:
    """Return the share of person-years with each sign, of those in which its source was delivered."""
    seen = (cases[:, None] * symbols.seen).sum(axis=0)
    shown = (cases[:, None] * (symbols.seen & np.asarray(symbols.shown))).sum(axis=0)
    return (shown + PRIOR_CASES) / (seen + 2 * PRIOR_CASES)
