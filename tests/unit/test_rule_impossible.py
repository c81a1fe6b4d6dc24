"""Conditions that contradict themselves are found, and no other ones."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.language.impossible import contradicting_comparisons

OPERATORS = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "both"),
    [
        ("kind = 'a' and kind = 'b'", "kind = 'a' and kind = 'b'"),
        ("weeks > 10 and code = 'x' and weeks < 9", "weeks > 10 and weeks < 9"),
        ("weeks > 9 and weeks < 10 and weeks = 9", "weeks > 9 and weeks < 10 and weeks = 9"),
        ("day >= 2016-02-01 and day < 2016-01-01", "day >= 2016-02-01 and day < 2016-01-01"),
        ("weeks = 4 and weeks != 4", "weeks = 4 and weeks != 4"),
        ("weeks > 10 and weeks < 11", None),
        ("kind = 'a' and other = 'b'", None),
        ("kind = 'a' or kind = 'b'", None),
        ("(kind = 'a') and kind = 'b'", None),
        ("kind = $one and kind = 'b'", None),
        ("not kind = 'a' and kind = 'a'", None),
        ("flag_4", None),
    ],
)
def test_worked_conditions(condition: str, both: str | None) -> None:
    assert contradicting_comparisons(condition) == both


@given(st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), st.integers(0, 4)), min_size=1, max_size=5))
def test_it_agrees_with_trying_every_value(comparisons: list[tuple[str, int]]) -> None:
    """Quarters from -1 to 5 have a value at, between, below and above all limits."""
    text = " and ".join(f"weeks {sign} {limit}" for sign, limit in comparisons)
    values = [quarter / 4 for quarter in range(-4, 21)]
    possible = any(all(OPERATORS[sign](value, limit) for sign, limit in comparisons) for value in values)
    assert (contradicting_comparisons(text) is None) == possible
