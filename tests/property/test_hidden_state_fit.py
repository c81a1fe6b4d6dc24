"""Whatever is seen, no step of EM lowers what it maximises, and probabilities stay probabilities."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.hidden_state.drawn_lives import all_symbols
from rules.hidden_state.fit import fit
from rules.hidden_state.histories import Histories, Tree, person_years
from rules.hidden_state.model import Signs, first_guess

SIGNS = Signs(3, lists=(0,), departures=(2,), false_at_most=0.05)


@settings(max_examples=40, deadline=None)
@given(
    codes=st.lists(st.lists(st.integers(0, 7), min_size=4, max_size=4), min_size=1, max_size=30),
    people=st.integers(1, 50),
    classes=st.integers(1, 3),
)
def test_no_step_lowers_the_objective(codes: list[list[int]], people: int, classes: int) -> None:
    rows = np.array(codes)
    nobody = np.zeros(len(rows), dtype=np.int64)
    weights = np.full(len(rows), float(people))
    tree = Tree.of(Histories.distinct(nobody, nobody, rows, weights, all_symbols(3), 1))
    model = first_guess(tree.symbols, person_years(tree), 1, 1, SIGNS)
    for which in range(classes - 1):
        model = model.split(which, [1.0, -1.0, 1.0])
    fitted = fit(tree, model, 15, enough=-1.0)
    rises = np.diff(fitted.objective)
    assert len(rises) == 14
    assert (rises >= -1e-7 * np.abs(fitted.objective[0])).all(), rises
    for of in (fitted.model.first.sum(axis=2), fitted.model.move.sum(axis=1)):
        assert np.allclose(of, 1)
    assert (fitted.model.away <= SIGNS.highest).all()
    assert 0 < fitted.model.here.min() <= fitted.model.here.max() < 1
