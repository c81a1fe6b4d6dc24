"""Who answers: patterns by age, sex, hardness and household as published, and dependence on the PDS list."""

from math import sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data.errors.catalogue import Errors
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.errors.survey_rates import Survey
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, SURVEY_DAY, age
from synthetic_data.surveys import coverage_response, coverage_survey
from synthetic_data.surveys.coverage_response import by_listing, household_missed, person_missed, shifted

shares = st.floats(0.01, 0.99)


def test_by_hand_an_odds_ratio_of_four() -> None:
    # 100 people, 80 listed, 90 answer: the table 76.0 4.0 / 14.0 6.0 has odds ratio 76 * 6 / (4 * 14) = 8.142857
    listed, unlisted = by_listing(np.array([0.9]), np.array([0.8]), 76 * 6 / (4 * 14))
    assert listed == pytest.approx(76 / 80)
    assert unlisted == pytest.approx(14 / 20)


@given(response=shares, listing=shares, odds_ratio=st.floats(0.05, 50))
def test_margin_and_odds_ratio_are_the_stated_ones(response: float, listing: float, odds_ratio: float) -> None:
    on, off = (one.item() for one in by_listing(np.array([response]), np.array([listing]), odds_ratio))
    assert listing * on + (1 - listing) * off == pytest.approx(response)
    assert on / (1 - on) / (off / (1 - off)) == pytest.approx(odds_ratio, rel=1e-5)


@given(probability=shares, odds_ratio=st.floats(0.05, 50))
def test_shifted_odds_are_a_multiple(probability: float, odds_ratio: float) -> None:
    moved = shifted(probability, odds_ratio).item()
    assert moved / (1 - moved) == pytest.approx(odds_ratio * probability / (1 - probability))
    assert shifted(0.0, odds_ratio).item() == 0


def test_households_are_missed_by_hardness_size_and_age() -> None:
    rates = Survey(household_missed=0.1)
    hard, size = np.array([3, 5, 3, 3, 3]), np.array([2, 2, 1, 6, 2])
    missed = household_missed(rates, hard, size, np.array([30, 30, 30.0, 30, 70]))
    assert missed[0] == pytest.approx(0.1)
    assert missed[1] == pytest.approx(0.25 / 1.15)  # odds 0.1 / 0.9 times 2.5 are 0.25 / 0.9
    assert (missed[2:4] > 0.1).all()
    assert missed[4] < 0.1


def test_nobody_is_missed_by_a_perfect_survey() -> None:
    ages, female = np.array([22.0, 77.0]), np.array([False, True])
    assert (person_missed(NO_ERRORS.survey, female, ages) == 0).all()


@pytest.fixture(scope="module")
def lives() -> Lives:
    return live(5, 25_000)


@pytest.fixture(scope="module")
def here(lives: Lives) -> np.ndarray:
    everyone = np.arange(lives.people.height)
    return np.flatnonzero(lives.is_here(everyone, np.full(len(everyone), SURVEY_DAY)))


def answering(lives: Lives, here: np.ndarray, listed: np.ndarray, rates: Survey) -> np.ndarray:
    hard = lives.map.hard_to_count[lives.postcode_at(here, np.full(len(here), SURVEY_DAY))]
    return coverage_response.answers(lives, rates, here, hard, listed, SURVEY_DAY)


def test_response_is_that_of_the_census(lives: Lives, here: np.ndarray) -> None:
    answers = answering(lives, here, np.ones(len(here), dtype=bool), Survey(odds_ratio=1.0))
    years, men = age(lives.birth[here], SURVEY_DAY), (lives.people["sex"] == "M").to_numpy()[here]
    young_men, old_women = men & (years >= 20) & (years < 25), ~men & (years >= 75) & (years < 80)
    for those, published in ((np.ones(len(here), dtype=bool), 0.94), (young_men, 0.87), (old_women, 0.98)):
        # members of a household answer together: two standard errors more than for independent people
        error = sqrt(published * (1 - published) * 2.9 / those.sum())
        assert abs(answers[those].mean() - published) < 4 * error + 0.005


def test_hard_to_count_places_answer_least_and_households_together(lives: Lives, here: np.ndarray) -> None:
    answers = answering(lives, here, np.ones(len(here), dtype=bool), Survey(odds_ratio=1.0))
    hard = lives.map.hard_to_count[lives.postcode_at(here, np.full(len(here), SURVEY_DAY))]
    assert answers[hard == 1].mean() > answers[hard == 3].mean() > answers[hard == 5].mean()
    home = lives.household_on(here, np.full(len(here), SURVEY_DAY))
    whole = pl.DataFrame({"home": home, "answers": answers}).group_by("home").agg(pl.len(), pl.col("answers").sum())
    couples = whole.filter(pl.col("len") == 2)
    none = (couples["answers"] == 0).mean()
    assert none > 5 * (1 - answers.mean()) ** 2  # far more often than two people apart from one another


@pytest.mark.parametrize("odds_ratio", [0.5, 1.0, 3.0, 10.0])
def test_the_odds_ratio_is_found_again_within_four_standard_errors(
    lives: Lives, here: np.ndarray, odds_ratio: float
) -> None:
    """On a list of half the people, class by class with the estimator of Mantel and Haenszel."""
    person = lives.person[here]
    listed = (person * 2_654_435_761 % 1_000_003) / 1_000_003 < 0.5
    rates = Survey(odds_ratio=odds_ratio, household_missed=0.2, person_missed=0.1)
    answers = answering(lives, here, listed, rates)
    hard = lives.map.hard_to_count[lives.postcode_at(here, np.full(len(here), SURVEY_DAY))]
    home = np.unique(lives.household_on(here, np.full(len(here), SURVEY_DAY)), return_inverse=True)[1]
    years = age(lives.birth[here], SURVEY_DAY)
    youngest = np.full(home.max() + 1, np.inf)
    np.minimum.at(youngest, home, years)
    response = np.round(1 - household_missed(rates, hard, np.bincount(home)[home], youngest[home]), 9)
    response *= np.round(1 - person_missed(rates, lives.female[here], years), 9)
    frame = pl.DataFrame(
        {"kind": response, "group": lives.group[here].series("group"), "listed": listed, "answers": answers}
    )
    new = (lives.first_start[here] > SURVEY_DAY - 365.25) & (lives.first_start[here] != lives.birth[here])
    tables = (
        frame.with_columns(new=pl.Series(new))
        .group_by("kind", "group", "new")
        .agg(
            a=(pl.col("listed") & pl.col("answers")).sum(),
            b=(pl.col("listed") & ~pl.col("answers")).sum(),
            c=(~pl.col("listed") & pl.col("answers")).sum(),
            d=(~pl.col("listed") & ~pl.col("answers")).sum(),
        )
    )
    a, b, c, d = (tables[name].to_numpy().astype(float) for name in "abcd")
    n = a + b + c + d
    r, s, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
    found = r.sum() / s.sum()
    # the variance is that of Robins, Breslow and Greenland, 1986, for the logarithm
    variance = (p * r).sum() / (2 * r.sum() ** 2) + (p * s + q * r).sum() / (2 * r.sum() * s.sum())
    variance += (q * s).sum() / (2 * s.sum() ** 2)
    # people of a household answer together, which the formula does not know
    assert abs(np.log(found / odds_ratio)) < 4 * sqrt(variance * 1.5)


def test_an_odds_ratio_of_one_is_independence(lives: Lives, here: np.ndarray) -> None:
    listed = np.arange(len(here)) % 2 == 0
    rates = Survey(odds_ratio=1.0)
    assert np.array_equal(answering(lives, here, listed, rates), answering(lives, here, ~listed, rates))


def test_dependence_hardly_moves_the_mean_response(lives: Lives, here: np.ndarray) -> None:
    view = InstitutionView(lives, Errors(), DATA_DATE)
    listed = coverage_survey.listed_on(lives, patient_registers.nhs_postings(view), SURVEY_DAY)[here]
    apart, together = (answering(lives, here, listed, Survey(odds_ratio=one)).mean() for one in (1.0, 3.0))
    assert abs(together - apart) < 0.003


def test_the_list_is_that_of_the_latest_posting() -> None:
    posted = pl.DataFrame(
        {
            "row": [0, 1, 1, 2, 2, 3, 4],
            "posting": [10, 10, 20, 10, 20, 30, 10],
            "type": [
                "4",
                "4",
                patient_registers.REMOVAL,
                patient_registers.REMOVAL,
                "2",
                "4",
                patient_registers.DROP,
            ],
        }
    )
    few = live(5, 500)
    assert np.flatnonzero(coverage_survey.listed_on(few, posted, 25)).tolist() == [0, 2]
