"""Runs of adjacent equal values."""

import numpy as np

from synthetic_data.numbers import runs


def test_a_run_begins_where_the_value_changes_and_is_numbered_from_zero() -> None:
    values = np.array([3, 3, 3, 1, 3, 3])
    assert runs.begins(values).tolist() == [True, False, False, True, True, False]
    assert runs.numbered(values).tolist() == [0, 1, 2, 0, 0, 1]


def test_an_empty_array_has_no_runs() -> None:
    nothing = np.empty(0, dtype=np.int64)
    assert len(runs.begins(nothing)) == len(runs.numbered(nothing)) == 0
    assert [len(places) for places in runs.pieces(runs.begins(nothing))] == [0, 0]


def test_a_piece_ends_where_the_next_one_begins() -> None:
    first, last = runs.pieces(np.array([True, False, True, True, False]))
    assert list(zip(first.tolist(), last.tolist(), strict=True)) == [(0, 1), (2, 2), (3, 4)]


def test_ranges_list_every_number_and_empty_ranges_none() -> None:
    place, number = runs.ranges(np.array([2010, 2015, 2012]), np.array([2012, 2014, 2012]))
    assert place.tolist() == [0, 0, 0, 2]
    assert number.tolist() == [2010, 2011, 2012, 2012]
