"""What becomes of ten true cases and of those beside them, by the numbers that say how visible each is."""

import numpy as np
import polars as pl
import pytest

from flows.estimation_only.drawn_outcomes import NOTHING, false_outcomes, true_outcomes, values

TEN = pl.DataFrame({"nationality_group": ["EU"] * 10})
NUMBERS = np.arange(10) / 10 + 0.05
TRUE = pl.DataFrame(
    {"nationality_group": "EU", "twentieth": [0, 10, 20], "certain": [False, False, True],
     "rate": [0.2, 0.2, 0.6], "probability": [0.0, 0.5, 1.0]}
)  # fmt: skip
FALSE = pl.DataFrame(
    {"nationality_group": "EU", "twentieth": [5, 20], "certain": [False, True],
     "rate": [0.2, 0.1], "probability": [0.25, 1.0]}
)  # fmt: skip


@pytest.mark.parametrize(
    ("more_missed", "missed", "in_doubt", "found"),
    [(1.0, 2, 2, 6), (3.0, 6, 1, 3)],  # of 6 that are missed in place of 2, the others share the 4 that are left
)
def test_the_least_visible_are_missed_and_more_of_them_in_a_bad_year(
    more_missed: float, missed: int, in_doubt: int, found: int
) -> None:
    drawn = values(TRUE, "probability", true_outcomes(TRUE, TEN, NUMBERS, more_missed))
    assert drawn.tolist() == [0.0] * missed + [0.5] * in_doubt + [1.0] * found


def test_of_those_who_are_no_cases_as_many_are_false_as_there_are_for_each_true_one() -> None:
    """Of twenty true cases, 2 others are certain and 4 in doubt; in a year with twice as many, 4 are certain."""
    twenty = pl.concat([TEN, TEN])
    usual, more = (values(FALSE, "probability", false_outcomes(FALSE, twenty, TEN, NUMBERS, one)) for one in (1, 2))
    assert usual.tolist() == [1.0] * 2 + [0.25] * 4 + [0.0] * 4
    assert more.tolist() == [1.0] * 4 + [0.25] * 4 + [0.0] * 2


def test_what_was_never_measured_does_not_happen() -> None:
    irish = pl.DataFrame({"nationality_group": ["Irish"] * 2})
    assert true_outcomes(TRUE, irish, NUMBERS[:2], 1.0).tolist() == [NOTHING, NOTHING]
    assert false_outcomes(FALSE, irish, irish, NUMBERS[:2], 1.0).tolist() == [NOTHING, NOTHING]
