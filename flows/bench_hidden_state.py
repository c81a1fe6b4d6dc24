"""The benchmark `hidden_state`: a million people of known classes, ten years, five sources; classes are not told.

What counts are the processor seconds from the signs of all people to the probability of presence of each: the number
of classes is chosen, the model fitted, its overlaps checked. One forward recursion over the tree of histories is
compared with a plain loop over people.
"""

import time

import numpy as np

from flows.progress import ProgressListener
from rules.hidden_state.classes import choose_classes
from rules.hidden_state.drawn_lives import SIGNS, draw, workers_students_and_quiet_people
from rules.hidden_state.expectation import forward, presence
from rules.hidden_state.histories import Histories, Tree
from rules.hidden_state.model import Model
from rules.hidden_state.overlaps import overlaps

PEOPLE, YEARS, CLASSES_AT_MOST = 1_000_000, 10, 6
IN_THE_LOOP = 300
"""People of the plain loop; its time for all is extrapolated."""


def compare_hidden_state(
    people: int | None, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float]]:
    """Return the people, the processor seconds of the fit, the ratio plain / Sojourn, and figures."""
    listener.progress("hidden_state", "drawing lives")
    drawn, present = draw(workers_students_and_quiet_people(), people or PEOPLE, YEARS, seed=1)
    codes = drawn.codes[drawn.row_of]
    nobody = np.zeros(len(codes), dtype=np.int64)
    listener.progress("hidden_state", "fitting the model")
    begun = time.process_time()
    histories = Histories.distinct(nobody, nobody, codes, np.ones(len(codes)), drawn.symbols, 1)
    model = choose_classes(histories, SIGNS, bands=1, most=CLASSES_AT_MOST).fitted.model
    worst = overlaps(histories, model)[0].misplaced
    tree = Tree.of(histories)
    found = (presence(tree, model) * histories.people[:, None]).sum(axis=0)
    seconds = time.process_time() - begun
    begun = time.process_time()
    forward(tree, model)
    ours = time.process_time() - begun
    begun = time.process_time()
    for row in codes[:IN_THE_LOOP]:
        _likelihood(row, model)
    plain = (time.process_time() - begun) * len(codes) / IN_THE_LOOP
    figures = {
        "processor_seconds": round(seconds, 1),
        "distinct_histories": len(histories.people),
        "classes_found": model.classes,
        "worst_overlap_misplaced": round(worst, 5),
        "largest_error_of_a_stock": round(float(np.abs(found / present - 1).max()), 5),
    }
    return len(codes), seconds, {"plain_loop_over_people": plain / ours}, figures


def _likelihood(codes: np.ndarray, model: Model) -> float:
    """Return the likelihood of one history by a loop over years, states and signs."""
    given = np.concatenate([model.away, model.here[0]]).tolist()
    move, states = model.move.tolist(), range(model.states)
    now: list[float] = []
    for code in codes.tolist():
        before = [sum(one * move[a][b] for a, one in enumerate(now)) for b in states] if now else model.first[0, 0]
        now = []
        for state in states:
            shown = float(before[state])
            for sign, probability in enumerate(given[state]):
                shown *= probability if code >> sign & 1 else 1 - probability
            now.append(shown)
    return sum(now)
