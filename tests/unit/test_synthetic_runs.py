"""Runs of equal values that stand together."""

import numpy as np

from synthetic_data import runs


def test_a_run_begins_where_the_value_changes_and_is_numbered_from_nought() -> None:
    values = np.array([3, 3, 3, 1, 3, 3])
    assert runs.begins(values).tolist() == [True, False, False, True, True, False]
    assert runs.numbered(values).tolist() == [0, 1, 2, 0, 0, 1]


def test_nothing_has_no_runs() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert len(runs.begins(nothing)) == len(runs.numbered(nothing)) == 0
