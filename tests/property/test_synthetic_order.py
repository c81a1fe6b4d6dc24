"""Two short cuts of the simulator, held against the plain way: rows that are in order, and draws made in blocks."""

from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from synthetic_data import draws
from synthetic_data.days import calendar_year, day, year_starts
from synthetic_data.extracts import _in_order

KEYS = st.lists(st.tuples(st.sampled_from(["a", "b", "é", None]), st.integers(0, 3)), max_size=12)


@given(KEYS, st.integers(0, 12))
def test_rows_come_in_the_order_of_a_stable_sort(keys, sorted_already):
    frame = pl.DataFrame(keys, schema={"name": pl.String, "number": pl.Int64}, orient="row").with_row_index()
    begin = frame.head(sorted_already).sort("name", "number", maintain_order=True)
    frame = pl.concat([begin, frame.slice(sorted_already)])
    plain = frame.sort("name", "number", maintain_order=True)
    assert_frame_equal(_in_order(frame, ("name", "number")), plain)


@given(st.sets(st.text("abé", max_size=3), min_size=4), st.lists(st.text("abé", min_size=4, max_size=4), max_size=4))
def test_the_last_rows_find_their_place_among_the_others(known, new):
    frame = pl.DataFrame({"name": [*sorted(known, key=str.encode), *new]}).with_row_index()
    assert_frame_equal(_in_order(frame, ("name",)), frame.sort("name", maintain_order=True))


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
