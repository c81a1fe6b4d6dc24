"""Shares among people alike add up to 1, lie between what is counted and what is assumed, and match a slow count."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.people_alike import shares_among_alike

ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 9), st.integers(0, 9)),
    min_size=1,
    max_size=12,
)


def slowly(rows: list[tuple[str, str, int, int]], row: int, cases: float) -> list[float]:
    """Draw the shares of one row towards a half each: by its first trait, then by both, unless these tell no more."""
    shares, before = [0.5, 0.5], None
    for traits in (1, 2):
        alike = [one for one in rows if one[:traits] == rows[row][:traits]]
        counted = [sum(one[2 + group] for one in alike) for group in (0, 1)]
        if sum(counted) != before:
            shares = [(counted[group] + cases * shares[group]) / (sum(counted) + cases) for group in (0, 1)]
        before = sum(counted)
    return shares


@given(ROWS, st.sampled_from([1.0, 10.0]))
def test_shares_are_those_of_a_slow_count(rows: list[tuple[str, str, int, int]], cases: float) -> None:
    counted = np.array([row[2:] for row in rows], dtype=float)
    traits = pl.DataFrame([row[:2] for row in rows], schema=["first", "second"], orient="row")
    found = shares_among_alike(counted, traits, np.full_like(counted, 0.5), cases)
    assert found.sum(axis=1) == pytest.approx(1)
    for row in range(len(rows)):
        assert found[row] == pytest.approx(slowly(rows, row, cases))
