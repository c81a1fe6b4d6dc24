"""Coverage factors of replicates: the bootstrap of the published factors, one recall, and declared errors once."""

import numpy as np
import polars as pl
import pytest

from estimation.by_replicates.counted_again import SurveyLists
from estimation.by_replicates.drawn_factors import DECLARED, NOT_VARIED, SAMPLING, FactorDraws, LinksNotVaried
from estimation.coverage.estimate import estimate_coverage
from estimation.coverage.linkage_error import LinkageError
from pipeline.study import CoverageSettings

SEED, REPLICATES, PEOPLE = 5, 400, 1500
SETTINGS = CoverageSettings(minimum_matches=100, replicates=REPLICATES, children_error=0.02)
NOT_LINKED = LinksNotVaried(share=0.02, error=0.005)


@pytest.fixture(scope="module")
def lists() -> SurveyLists:
    """A list of two groups, of whom a survey of thirty clusters finds a third; one in ten is not on the list."""
    random = np.random.default_rng(1)
    groups = pl.DataFrame(
        {"sex": "F", "age_group": random.choice(["0-15", "25-44"], PEOPLE), "nationality_group": "British"}
    )
    groups = groups.with_columns(age=pl.lit(30))
    listed = groups.with_columns(
        person_id=pl.int_range(pl.len()), share=1.0, probability=1.0, trimming_depth=1, people=1.0, people_error=0.0
    )
    found = pl.Series(random.random(PEOPLE) < 0.9)
    surveyed = groups.with_columns(
        subject_id=pl.int_range(pl.len()), stratum=pl.lit("A"), cluster=pl.Series(random.integers(0, 30, PEOPLE)),
        weight=3.0, share=1.0, known=found, listed=found, counted=found.cast(pl.Float64),
        trimming_depth=found.cast(pl.Int32), people=1.0,
    ).filter(pl.Series(random.random(PEOPLE) < 0.35))  # fmt: skip
    return SurveyLists(groups.with_columns(count=1.0, squares=1.0), listed, surveyed, PEOPLE)


@pytest.fixture(scope="module")
def published(lists):
    certain = LinkageError(1.0, 0.0, 0.0, 0.0)
    return estimate_coverage(
        lists.counted, lists.listed, lists.surveyed, lists.known, certain, SETTINGS, SEED
    )  # fmt: skip


@pytest.fixture(scope="module")
def draws(lists, published) -> FactorDraws:
    return FactorDraws.of(lists, published.table, published.covariance, NOT_LINKED, REPLICATES, SEED)


@pytest.fixture(scope="module")
def factors(draws, lists):
    found = [draws.of_replicate(lists, one) for one in range(REPLICATES)]
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def matrix(published, name):
    size = published.table.height
    return published.covariance[name].to_numpy().reshape(size, size)


def test_bootstrapped_factors_have_the_published_sampling_errors(draws, factors, published):
    relative = factors[DECLARED] / factors[SAMPLING].mean(axis=0) - 1
    recall = (NOT_LINKED.error / (1 - NOT_LINKED.share)) ** 2
    expected = np.diag(matrix(published, "sampling")) + recall
    assert published.table.height > 1
    assert draws.scale == pytest.approx(np.sqrt(2 / 3), abs=0.05)  # a third of the country answered
    assert relative.var(axis=0, ddof=1) == pytest.approx(expected, rel=0.25)


def test_recall_of_what_no_draw_varies_corrects_once(factors, published):
    """With perfect links otherwise: more matches are missed people of the list, so there are as many fewer others."""
    mean = factors[""].mean(axis=0) / published.table["factor"].to_numpy()
    assert mean == pytest.approx(1 - NOT_LINKED.share, rel=0.01)


def test_declared_errors_have_the_published_covariance(factors, published):
    declared = factors[""] / factors[DECLARED] - 1
    expected = matrix(published, "declared") + matrix(published, "dependence")
    assert np.cov(declared.T) == pytest.approx(expected, rel=0.25, abs=2e-6)


def test_what_is_frozen_does_not_vary(lists, published, factors):
    alone = FactorDraws.of(
        lists, published.table, published.covariance.with_columns(declared=0.0, dependence=0.0),
        LinksNotVaried(0.02, 0.0), REPLICATES, SEED,
    )  # fmt: skip
    frozen = np.array([alone.of_replicate(lists, one)[SAMPLING] for one in range(5)])
    assert np.ptp(frozen, axis=0) == pytest.approx(np.zeros(frozen.shape[1]), abs=1e-12)
    assert (factors[""] - factors[NOT_VARIED]).std(axis=0).min() > 0
