"""The coverage survey's size and weights, and the review of it."""

from math import sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data import survey, truth_tables
from synthetic_data.errors import Errors
from synthetic_data.residence import Lives, live
from synthetic_data.survey import postcodes_needed


def coefficient_of_variation(sampled: int, postcodes: int, mean: float, variance: float, response: float) -> float:
    between = (1 - sampled / postcodes) * variance
    return sqrt((between + (1 - response) * mean / response) / sampled) / mean


def test_precision_decides_where_postcodes_are_many() -> None:
    # S^2/m^2 = 0.2 and (1-r)/(rm) = 1/135: n = 0.2074 / (0.0001 + 0.2/300,000) = 2060
    assert postcodes_needed(300_000, 15, 45, 0.9) == 2061


def test_respondents_decide_where_postcodes_hardly_differ() -> None:
    needed = postcodes_needed(100_000, 15, 0.5, 0.9)
    expected, spread = 13.5 * needed, sqrt(needed * (0.81 * 0.5 + 0.09 * 15))
    assert expected - 3 * spread >= 3_000 > expected - 15 - 3 * spread


def test_everybody_is_asked_where_too_few_live() -> None:
    assert postcodes_needed(134, 15, 45, 0.9) == 134


@given(
    st.integers(4, 400_000), st.floats(1, 40), st.floats(0.01, 400), st.floats(0.5, 0.99)
)  # fmt: skip
def test_the_design_keeps_its_promise_or_asks_everywhere(
    postcodes: int, mean: float, variance: float, response: float
) -> None:
    needed = postcodes_needed(postcodes, mean, variance, response)
    assert 0 < needed <= postcodes
    if needed < postcodes:
        assert coefficient_of_variation(needed, postcodes, mean, variance, response) <= 0.01 * (1 + 1e-9)
        assert needed * mean * response > 3_000


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(seed=3, residents=12_000)


@pytest.fixture(scope="module")
def residents(lives: Lives) -> np.ndarray:
    return truth_tables.settle(lives).survey_residents


@pytest.fixture(scope="module")
def answers(lives: Lives, residents: np.ndarray) -> pl.DataFrame:
    return survey.coverage_survey(lives, residents, Errors())


def test_weights_are_inverse_inclusion_probabilities(
    answers: pl.DataFrame, lives: Lives, residents: np.ndarray
) -> None:
    by_stratum = answers.group_by("STRATUM").agg(
        pl.col("CLUSTER").n_unique(), pl.col("WEIGHT").n_unique().alias("weights")
    )
    assert by_stratum.height == 4
    assert (by_stratum["weights"] == 1).all()
    assert answers["WEIGHT"].min() >= 1
    response = answers["WEIGHT"].sum() / len(residents)
    assert 0.85 < response < 0.93


def test_the_weighted_total_is_as_precise_as_designed(answers: pl.DataFrame) -> None:
    clusters = answers.group_by("STRATUM", "CLUSTER").agg(pl.len().alias("people"), pl.col("WEIGHT").first())
    strata = clusters.group_by("STRATUM").agg(
        pl.len().alias("n"), pl.col("people").var().alias("variance"), pl.col("WEIGHT").first().alias("weight")
    )
    variance = strata.select(
        (pl.col("n") * pl.col("weight") ** 2 * pl.col("variance") * (1 - 1 / pl.col("weight"))).sum()
    )
    assert sqrt(variance.item()) / answers["WEIGHT"].sum() < 0.0105
    assert answers.height >= 3_000


def test_young_men_answer_least(answers: pl.DataFrame, lives: Lives, residents: np.ndarray) -> None:
    people = lives.people.with_row_index("row")
    years = (pl.lit(survey.SURVEY_DAY) - pl.col("birth")) / 365.25
    asked = people[residents].with_columns(young_man=(pl.col("sex") == "M") & years.is_between(18, 34))
    weights = answers.select(pl.col("row").cast(pl.UInt32), "WEIGHT")
    rates = asked.join(weights, on="row", how="left").group_by("young_man").agg(pl.col("WEIGHT").sum() / pl.len())
    rate = dict(rates.iter_rows())
    assert rate[True] < rate[False] - 0.06


def test_the_review_is_of_the_promised_size_and_errs_in_one_per_cent(lives: Lives, answers: pl.DataFrame) -> None:
    on_nhs = np.ones(len(lives.people), dtype=bool)
    on_nhs[::20] = False
    review = survey.review_sample(lives, answers, on_nhs)
    assert review.filter(pl.col("REVIEW") == 1).height == 1_500
    twice = review.filter(pl.col("REVIEW") == 2)
    assert twice.height == 300
    pairs = twice.join(review.filter(pl.col("REVIEW") == 1), on="PERSON_ID")
    assert pairs.height == 300
    assert (pairs["REVIEWER"] != pairs["REVIEWER_right"]).all()
    assert wrong_verdicts(lives, review, on_nhs) <= 36  # 18 expected of 1,800; four standard deviations above


def test_a_careless_review_errs_as_often_as_told(
    lives: Lives, answers: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "WRONG_VERDICT", 0.25)
    on_nhs = np.ones(len(lives.people), dtype=bool)
    review = survey.review_sample(lives, answers, on_nhs)
    assert abs(wrong_verdicts(lives, review, on_nhs) / review.height - 0.25) < 0.04


def wrong_verdicts(lives: Lives, review: pl.DataFrame, on_nhs: np.ndarray) -> int:
    from synthetic_data.sources.numbers import nhs_numbers

    row = review["row"].to_numpy()
    true = pl.select(pl.when(pl.Series(on_nhs[row])).then(nhs_numbers(lives, row))).to_series()
    return int(review["NHS_NUMBER_FOUND"].ne_missing(true).sum())


def test_small_surveys_are_reviewed_whole(lives: Lives, answers: pl.DataFrame) -> None:
    few = answers.head(100)
    review = survey.review_sample(lives, few, np.ones(len(lives.people), dtype=bool))
    assert review["REVIEW"].value_counts().sort("REVIEW").rows() == [(1, 100), (2, 100)]
