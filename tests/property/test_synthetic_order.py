"""Shortcuts of the simulator, compared with plain code: files in order, draws made in blocks, years looked up."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthetic_data.delivery.extracts import extracts
from synthetic_data.delivery.second_numbers import _reordered
from synthetic_data.errors.catalogue import Errors
from synthetic_data.lives.build import live
from synthetic_data.numbers import draws
from synthetic_data.numbers.days import calendar_year, day, year_starts


@pytest.fixture(scope="module")
def made():
    return list(extracts(live(3, 2_000), Errors()))


def test_all_files_are_in_order_whether_the_source_makes_them_so_or_not(made):
    assert {one.in_order for one in made} == {True, False}
    for one in made:
        for frame in one.files.values():
            assert_frame_equal(frame.select(one.order), frame.select(one.order).sort(one.order))


NAMES = st.text("abé", max_size=3)


@given(st.lists(st.tuples(NAMES, st.integers(0, 3)), min_size=1, max_size=12), st.integers(0, 3), st.data())
def test_rows_under_new_names_find_their_places_among_the_others(rows, number, data):
    frame = pl.DataFrame(rows, schema={"name": pl.String, "number": pl.Int64}, orient="row").sort("name", "number")
    moved = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=number, unique=True).map(sorted))
    new = data.draw(st.lists(st.text("abé", min_size=4, max_size=4), min_size=len(moved), max_size=len(moved)))
    frame = frame.with_columns(frame["name"].scatter(moved, new)).with_row_index()
    plain = frame.sort("name", "number", maintain_order=True)
    assert_frame_equal(_reordered(frame, ("name", "number"), np.array(moved, dtype=np.int64)), plain)


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=40), st.integers(0, 9))
def test_a_draw_is_the_same_in_whatever_block_it_is_made(entities, year):
    def drawn():
        return [
            draws.draws(1, "a stream", entities, year).tolist(),
            draws.draws(1, "a stream", entities, entities).tolist(),
            draws.scatter(1, "a stream", entities).tolist(),
        ]

    whole, block = drawn(), draws._BLOCK
    try:
        draws._BLOCK = 7
        assert drawn() == whole
    finally:
        draws._BLOCK = block


@given(st.lists(st.dates(date(1900, 1, 1), date(2199, 12, 31)), max_size=20))
def test_years_and_their_starts_are_those_of_the_calendar(some):
    days = [day(one.year, one.month, one.day) for one in some]
    assert calendar_year(days).tolist() == [one.year for one in some]
    assert year_starts([one.year for one in some], 4, 6).tolist() == [day(one.year, 4, 6) for one in some]
