"""The recursions over the tree of histories agree with a sum over all paths of hidden states, history by history."""

from itertools import product

import numpy as np
import pytest

from rules.hidden_state.expectation import expectation, presence
from rules.hidden_state.histories import ENDED, Histories, Symbols, Tree
from rules.hidden_state.model import ABSENT, Model, Signs, possible_moves, possible_starts

YEARS, GROUPS, BANDS, SIGNS, CLASSES = 4, 2, 2, 3, 2
STATES = ABSENT + CLASSES


def random_model(rng: np.random.Generator) -> Model:
    signs = Signs(SIGNS, lists=(0,), departures=(2,), false_at_most=0.1)
    first = rng.random((2, GROUPS, STATES)) * possible_starts(STATES)[:, None]
    move = rng.random((STATES, STATES)) * possible_moves(STATES)
    return Model(
        first / first.sum(axis=2, keepdims=True),
        move / move.sum(axis=1, keepdims=True),
        rng.uniform(0.05, 0.95, (BANDS, CLASSES, SIGNS)),
        np.minimum(rng.uniform(0.01, 0.9, (ABSENT, SIGNS)), signs.highest),
        signs,
    )


def random_histories(rng: np.random.Generator) -> Histories:
    """Sixty people, some of whom share a history; deaths end some, and one sign is not delivered in all years."""
    seen = np.ones((12, SIGNS), dtype=bool)
    seen[6:, 2] = False
    symbols = Symbols(
        rng.integers(0, BANDS, 12), seen, (rng.random((12, SIGNS)) < 0.5) & seen, np.arange(12) % 4 == 3
    )
    codes = rng.integers(0, 3, (60, YEARS)) + 4 * rng.integers(0, 3, (60, 1))
    dies = rng.integers(1, 2 * YEARS, 60)
    for row, year in enumerate(dies):
        if year < YEARS:
            codes[row, year - 1] = 3
            codes[row, year:] = ENDED
    start, group = rng.integers(0, 2, 60), rng.integers(0, GROUPS, 60)
    return Histories.distinct(start, group, codes, np.ones(60), symbols, GROUPS)


def probability_of(path: tuple[int, ...], row: int, histories: Histories, model: Model) -> float:
    """The joint probability of the hidden states of a path and of the symbols of a history."""
    symbols, codes = histories.symbols, [code for code in histories.codes[row] if code != ENDED]
    found = model.first[histories.start[row], histories.group[row], path[0]]
    for year, (state, code) in enumerate(zip(path, codes, strict=True)):
        if year:
            found *= model.move[path[year - 1], state]
        for sign in range(SIGNS):
            if symbols.seen[code, sign]:
                of_sign = model.away[state] if state < ABSENT else model.here[symbols.band[code], state - ABSENT]
                found *= of_sign[sign] if symbols.shown[code, sign] else 1 - of_sign[sign]
        if symbols.died[code] and state < ABSENT:
            found *= model.signs.false_at_most
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_tree_gives_what_a_sum_over_all_paths_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, histories = random_model(rng), random_histories(rng)
    log_likelihood, moves = 0.0, np.zeros((STATES, STATES))
    of_symbol, begin = np.zeros((STATES, histories.symbols.count)), np.zeros((STATES, 2 * GROUPS))
    present = np.zeros((len(histories.people), YEARS))
    for row, people in enumerate(histories.people):
        codes = [code for code in histories.codes[row] if code != ENDED]
        paths = {
            path: probability_of(path, row, histories, model) for path in product(range(STATES), repeat=len(codes))
        }
        total = sum(paths.values())
        log_likelihood += people * np.log(total)
        for path, joint in paths.items():
            share = joint / total
            begin[path[0], histories.start[row] * GROUPS + histories.group[row]] += people * share
            for year, state in enumerate(path):
                of_symbol[state, codes[year]] += people * share
                present[row, year] += share * (state >= ABSENT)
                if year:
                    moves[path[year - 1], state] += people * share
    tree = Tree.of(histories)
    found = expectation(tree, model)
    assert found.log_likelihood == pytest.approx(log_likelihood)
    assert found.moves == pytest.approx(moves)
    assert found.of_symbol == pytest.approx(of_symbol)
    assert found.begin == pytest.approx(begin)
    assert presence(tree, model) == pytest.approx(present)
    assert histories.total == 60
