"""The bootstrap of clusters: what it draws, and the variance that results."""

import numpy as np
import polars as pl
import pytest

from estimation.coverage.bootstrap import cluster_index, cluster_weights


def survey(strata: dict[str, int], people: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, f"{name}{i:04}") for name, count in strata.items() for i in range(count) for _ in range(people)],
        schema=["stratum", "cluster"],
        orient="row",
    )


def test_every_replicate_keeps_the_weight_of_a_stratum():
    weights = cluster_weights(survey({"A": 4, "B": 9}), 50, seed=1)

    assert weights.shape == (50, 13)
    assert weights[:, :4].sum(axis=1) == pytest.approx(4)  # n - 1 draws, each weighted n / (n - 1)
    assert weights[:, 4:].sum(axis=1) == pytest.approx(9)


def test_a_stratum_of_one_cluster_is_drawn_with_its_neighbour():
    weights = cluster_weights(survey({"A": 1, "B": 5}), 200, seed=1)

    assert weights[:, 0].std() > 0
    assert weights.sum(axis=1) == pytest.approx(6)


def test_a_single_cluster_has_no_variance():
    assert (cluster_weights(survey({"A": 1}), 20, seed=1) == 1).all()


def test_draws_depend_on_the_seed_and_on_nothing_else():
    people = survey({"A": 6, "B": 7}, people=3)

    assert (
        cluster_weights(people, 30, 1) == cluster_weights(people.sample(fraction=1, shuffle=True, seed=3), 30, 1)
    ).all()
    assert (cluster_weights(people, 30, 1) != cluster_weights(people, 30, 2)).any()
    assert (cluster_weights(people, 30, 1)[:, :6] == cluster_weights(survey({"A": 6}), 30, 1)).all()


def test_the_index_of_a_cluster_is_its_column_of_weights():
    assert cluster_index(survey({"B": 1, "A": 2})).tolist() == [2, 0, 1]


def test_the_variance_of_a_total_of_clusters_is_that_of_the_textbook():
    # Var(sum) = n / (n - 1) x sum of squared deviations, for a stratum drawn with replacement.
    values = np.random.default_rng(5).normal(10, 3, 40)
    weights = cluster_weights(survey({"A": 40}), 4000, seed=2)
    textbook = 40 / 39 * np.sum((values - values.mean()) ** 2)

    assert np.var(weights @ values, ddof=1) == pytest.approx(textbook, rel=0.08)
