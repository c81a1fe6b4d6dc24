"""Histories of signs drawn from a known model: for the benchmark of the hidden states, and for tests."""

import numpy as np

from rules.hidden_state.histories import Histories, Symbols
from rules.hidden_state.model import ABSENT, Model, Signs

LISTED, WORKED, STUDIED, MOVED, TRAVELLED = range(5)
SIGNS = Signs(5, lists=(LISTED,), false_at_most=0.02)


def all_symbols(signs: int) -> Symbols:
    """Every combination of signs of one age band, all sources delivered; symbol n has the signs of the bits of n."""
    shown = ((np.arange(2**signs)[:, None] >> np.arange(signs)) & 1).astype(bool)
    return Symbols(np.zeros(2**signs, dtype=int), np.ones_like(shown), shown, np.zeros(2**signs, dtype=bool))


def workers_students_and_quiet_people() -> Model:
    """Three classes of five signs; one in twenty workers, one in five students, one in fifty quiet people leave."""
    here = np.array([[[0.95, 0.9, 0.02, 0.3, 0.1], [0.8, 0.3, 0.85, 0.5, 0.4], [0.9, 0.03, 0.01, 0.05, 0.15]]])
    away = np.array([[0.001] * 5, [0.9, 0.01, 0.001, 0.01, 0.01], [0.01, 0.01, 0.001, 0.01, 0.01]])
    first = np.zeros((2, 1, 6))
    first[0, 0] = 0.25, 0.05, 0.05, 0.35, 0.1, 0.2
    first[1, 0] = 0.1, 0, 0, 0.4, 0.1, 0.4
    move = np.array(
        [
            [0.93, 0.0, 0.0, 0.03, 0.03, 0.01],
            [0.0, 0.7, 0.25, 0.03, 0.01, 0.01],
            [0.0, 0.0, 0.96, 0.02, 0.01, 0.01],
            [0.0, 0.03, 0.02, 0.93, 0.01, 0.01],
            [0.0, 0.15, 0.05, 0.2, 0.59, 0.01],
            [0.0, 0.015, 0.005, 0.02, 0.0, 0.96],
        ]
    )
    return Model(first, move, here, away, SIGNS)


def draw(model: Model, people: int, years: int, seed: int) -> tuple[Histories, np.ndarray]:
    """Return histories drawn from a model of one age band and one group, and how many were present in each year."""
    rng = np.random.default_rng(seed)
    signs = model.signs.count
    codes, present = np.empty((people, years), dtype=np.int64), np.empty(years)
    state = (rng.random(people)[:, None] > model.first[0, 0].cumsum()).sum(axis=1)
    given = np.concatenate([model.away, model.here[0]])
    for year in range(years):
        if year:
            state = (rng.random(people)[:, None] > model.move.cumsum(axis=1)[state]).sum(axis=1)
        state = np.minimum(state, model.states - 1)
        codes[:, year] = ((rng.random((people, signs)) < given[state]) << np.arange(signs)).sum(axis=1)
        present[year] = (state >= ABSENT).sum()
    nobody = np.zeros(people, dtype=np.int64)
    return Histories.distinct(nobody, nobody, codes, np.ones(people), all_symbols(signs), 1), present
