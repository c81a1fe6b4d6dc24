"""Shapley values: parts of a change that add up, whatever the order of the changes."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.variants.shapley import shapley_values, subsets

CHANGES = ("a", "b", "c", "d", "e", "f")


@st.composite
def figures(draw: st.DrawFn) -> tuple[tuple[str, ...], dict[frozenset[str], np.ndarray]]:
    """Up to six changes, and three figures after every set of them."""
    changes = CHANGES[: draw(st.integers(0, 4) | st.just(6))]
    seed = draw(st.integers(0, 2**32 - 1))
    draws = np.random.default_rng(seed)
    return changes, {made: draws.normal(0, 1000, 3) for made in subsets(changes)}


def mean_over_all_orders(changes: tuple[str, ...], value: dict[frozenset[str], np.ndarray]) -> dict[str, np.ndarray]:
    """The definition, as slow as it reads: make the changes in every order, and note what each of them does."""
    sums = {change: np.zeros(3) for change in changes}
    orders = list(permutations(changes))
    for order in orders:
        made: frozenset[str] = frozenset()
        for change in order:
            sums[change] = sums[change] + value[made | {change}] - value[made]
            made |= {change}
    return {change: total / len(orders) for change, total in sums.items()}


@given(figures())
def test_parts_add_up_to_the_change_and_are_means_over_all_orders(
    case: tuple[tuple[str, ...], dict[frozenset[str], np.ndarray]],
) -> None:
    changes, value = case
    parts = shapley_values(changes, value)
    whole = value[frozenset(changes)] - value[frozenset()]
    np.testing.assert_allclose(sum(parts.values(), np.zeros(3)), whole, atol=1e-6)
    slow = mean_over_all_orders(changes, value)
    for change in changes:
        np.testing.assert_allclose(parts[change], slow[change], atol=1e-6)


def test_two_changes_by_hand() -> None:
    """Alone they do 10 and 20, together 36: the 6 that only both do are divided evenly."""
    after = {"": 100.0, "a": 110.0, "b": 120.0, "ab": 136.0}
    parts = shapley_values(("a", "b"), {frozenset(made): np.array([value]) for made, value in after.items()})
    assert [parts["a"][0], parts["b"][0]] == [13, 23]


@pytest.mark.parametrize("number", range(7))
def test_there_is_a_variant_for_every_set_of_changes(number: int) -> None:
    found = subsets(CHANGES[:number])
    assert len(found) == len(set(found)) == 2**number
    assert (found[0], found[-1]) == (frozenset(), frozenset(CHANGES[:number]))
