"""Keyed draws: a person's draw depends only on seed, stream and person."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data.institutions.identifiers import HALF, shuffled
from synthetic_data.numbers.draws import draws, exponential, log_normal, pick

entities = st.lists(st.integers(0, 2**62), min_size=1, max_size=40, unique=True)


@given(entities, entities, st.integers(0, 2**31))
def test_a_persons_draw_does_not_depend_on_others(some: list[int], others: list[int], seed: int) -> None:
    alone = draws(seed, "death", np.array(some))
    together = draws(seed, "death", np.array(others + some))
    assert np.array_equal(together[len(others) :], alone)
    repeated = draws(seed, "death", np.array(others + some), 2015)
    assert np.array_equal(repeated[len(others) :], draws(seed, "death", np.array(some), 2015))


@given(entities, st.integers(0, 2**31))
def test_seeds_streams_and_repeated_decisions_draw_different_numbers(some: list[int], seed: int) -> None:
    people = np.array(some)
    base = draws(seed, "birth", people, 2015)
    others = [
        draws(seed + 1, "birth", people, 2015), draws(seed, "death", people, 2015),
        draws(seed, "birth", people, 2016), draws(seed, "birth", people),
    ]  # fmt: skip
    assert all((base != other).all() for other in others)
    assert ((base >= 0) & (base < 1)).all()


def test_draws_are_uniform_and_streams_independent() -> None:
    people = np.arange(200_000)
    first, second = draws(1, "first", people), draws(1, "second", people)
    counts = np.histogram(first, bins=20, range=(0, 1))[0]
    chi_squared = ((counts - 10_000) ** 2 / 10_000).sum()
    assert chi_squared < 43.8  # 0.1% point of chi-squared with 19 degrees of freedom
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / np.sqrt(len(people))
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4 / np.sqrt(len(people))


def test_distributions_have_their_medians_means_and_shares() -> None:
    uniform = draws(7, "distribution", np.arange(100_000))
    assert abs(np.median(log_normal(uniform, 276, 1.4)) / 276 - 1) < 0.03
    assert abs(exponential(uniform, 50).mean() / 50 - 1) < 0.02
    shares = np.bincount(pick(uniform, [1, 2, 7]), minlength=3) / len(uniform)
    assert np.allclose(shares, [0.1, 0.2, 0.7], atol=0.006)


@given(st.lists(st.integers(0, HALF**2 - 1), min_size=1, max_size=200, unique=True), st.integers(0, 99))
def test_shuffled_numbers_are_distinct_and_fit_nine_digits(rows: list[int], seed: int) -> None:
    numbers = shuffled(seed, "kind", np.array(rows))
    assert len(set(numbers.tolist())) == len(rows)
    assert numbers.min() >= 0
    assert numbers.max() < 10**9


def test_numbers_of_two_kinds_have_unrelated_orders() -> None:
    rows = np.arange(50_000)
    ranks = [np.argsort(np.argsort(shuffled(1, kind, rows))) for kind in ("traveller", "survey person")]
    assert abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) < 4 / np.sqrt(len(rows))
    assert abs(np.corrcoef(ranks[0], rows)[0, 1]) < 4 / np.sqrt(len(rows))
