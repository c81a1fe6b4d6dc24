"""The coverage survey: how many are asked, with which weights, what they answer; and the review of it."""

from datetime import date
from functools import cache
from math import sqrt

import numpy as np
import polars as pl
import pytest

from synthetic_data.errors.catalogue import Errors, with_overrides
from synthetic_data.errors.no_errors import NO_ERRORS
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE, LAST_DAY, SURVEY_DAY, day
from synthetic_data.surveys import clerical_review, coverage_survey
from synthetic_data.surveys.coverage_design import (
    HOUSEHOLD,
    HOUSEHOLDS_ASKED,
    RESPONSE,
    design,
    expected_respondents,
)
from synthetic_data.truth import truth_tables

SEED, RESIDENTS = 3, 12_000


@cache
def view(errors: Errors) -> InstitutionView:
    return InstitutionView(lives_of_all(), errors, DATA_DATE)


@cache
def lives_of_all() -> Lives:
    return live(SEED, RESIDENTS)


@pytest.fixture(scope="module")
def lives() -> Lives:
    return lives_of_all()


@pytest.fixture(scope="module")
def answers(lives: Lives) -> pl.DataFrame:
    return coverage_survey.coverage_survey(lives, Errors(), np.ones(lives.people.height, dtype=bool), SURVEY_DAY)


@pytest.fixture(scope="module")
def truth(lives: Lives) -> pl.DataFrame:
    return truth_tables.tables(lives)["residents"]


def test_weights_are_inverse_inclusion_probabilities_of_both_stages(answers: pl.DataFrame, lives: Lives) -> None:
    chosen = design(len(lives.postcodes), RESIDENTS)
    assert chosen.households == HOUSEHOLDS_ASKED
    for stratum in answers.partition_by("STRATUM"):
        index = int(stratum["STRATUM"][0][-1])
        frame = int((lives.map.hard_to_count == index).sum())
        taken = -(-frame * chosen.postcodes // len(lives.postcodes))
        assert stratum["CLUSTER"].n_unique() <= taken
        assert stratum["WEIGHT"].unique().to_list() == [round(frame / taken / 0.8, 6)]
    assert answers["STRATUM"].n_unique() == 5


def test_the_weighted_total_is_that_of_the_residents_who_would_answer(answers: pl.DataFrame, lives: Lives) -> None:
    here = lives.is_here(np.arange(lives.people.height), np.full(lives.people.height, SURVEY_DAY)).sum()
    # 94% answer; the design promises a coefficient of variation of 1%
    assert abs(answers["WEIGHT"].sum() / here - 0.94) < 4 * 0.01
    assert answers.height >= 3_000


def test_the_weighted_total_is_as_precise_as_designed(answers: pl.DataFrame) -> None:
    clusters = answers.group_by("STRATUM", "CLUSTER").agg(pl.len().alias("people"), pl.col("WEIGHT").first())
    strata = clusters.group_by("STRATUM").agg(
        pl.len().alias("n"), pl.col("people").var().alias("variance"), pl.col("WEIGHT").first().alias("weight")
    )
    sampled = 1 / (pl.col("weight") * HOUSEHOLDS_ASKED)
    between = strata.select((pl.col("n") * pl.col("weight") ** 2 * pl.col("variance") * (1 - sampled)).sum()).item()
    # what the second stage adds where most postcodes are taken: households of `HOUSEHOLD` people, asked or not
    within = answers["WEIGHT"].sum() * answers["WEIGHT"].mean() * (1 - HOUSEHOLDS_ASKED * RESPONSE) * HOUSEHOLD
    assert sqrt(between + within) / answers["WEIGHT"].sum() < 0.0105


def test_whole_households_are_asked_or_not(answers: pl.DataFrame, lives: Lives) -> None:
    asked_people = coverage_survey.coverage_survey(
        lives, NO_ERRORS, np.ones(lives.people.height, dtype=bool), SURVEY_DAY
    )
    rows = np.flatnonzero(lives.is_here(np.arange(lives.people.height), np.full(lives.people.height, SURVEY_DAY)))
    home = pl.DataFrame({"row": rows, "home": lives.household_on(rows, np.full(len(rows), SURVEY_DAY))})
    asked = home.with_columns(asked=pl.col("row").is_in(asked_people["row"].implode()))
    assert asked.group_by("home").agg(pl.col("asked").n_unique())["asked"].max() == 1
    assert set(answers["row"]) < set(asked_people["row"])


@pytest.mark.parametrize("on", coverage_survey.SURVEY_DAYS)
def test_perfect_answers_are_those_of_the_true_residents(lives: Lives, truth: pl.DataFrame, on: int) -> None:
    answered = coverage_survey.coverage_survey(lives, NO_ERRORS, np.ones(lives.people.height, dtype=bool), on)
    answered = answered.with_columns(person=pl.Series(lives.person)[answered["row"]])
    # nobody foresees death, by which alone a few stays are short
    answered = answered.filter(pl.Series(lives.death[answered["row"].to_numpy()] > on + 366))
    true = truth.filter(pl.col("reference_date") == answered["REFERENCE_DATE"][0])["person"].implode()
    assert answered.select((pl.col("person").is_in(true) == pl.col("USUAL_RESIDENT")).all()).item()
    assert not answered["USUAL_RESIDENT"].all()
    short = answered.filter(~pl.col("USUAL_RESIDENT")).drop_nulls("ARRIVED")
    assert set(short["INTENDED_STAY"]) == {"UNDER_6", "6_TO_12"}
    assert (short["ARRIVED"] > date(1970, 1, 1)).all()


def test_newcomers_err_about_their_residence_and_those_here_for_a_year_do_not(
    lives: Lives, answers: pl.DataFrame
) -> None:
    came, goes = coverage_survey.chains_on(lives, answers["row"].to_numpy(), SURVEY_DAY)
    wrong = answers["USUAL_RESIDENT"].to_numpy() != (goes - came > 365)
    new = came >= SURVEY_DAY - 365
    assert wrong[new].any()
    assert not wrong[~new].any()
    assert wrong.mean() < 0.01


def test_a_year_ago_people_lived_where_they_say(lives: Lives, answers: pl.DataFrame) -> None:
    row, before = answers["row"].to_numpy(), np.full(answers.height, SURVEY_DAY - 365)
    then = lives.postcodes[lives.postcode_at(row, before)]
    answered = answers["YEAR_AGO"].to_numpy()
    assert (answered[lives.birth[row] > before] == "NOT_BORN").all()
    assert (lives.is_here(row, before) == np.isin(answered, ["SAME", "ELSEWHERE"])).all()
    moved = answers.with_columns(then=pl.Series(then.tolist())).filter(pl.col("YEAR_AGO") == "ELSEWHERE")
    assert (moved["POSTCODE_YEAR_AGO"] == moved["then"]).all()
    assert (moved["POSTCODE_YEAR_AGO"] != moved["POSTCODE"]).all()
    assert answers.filter(pl.col("YEAR_AGO") != "ELSEWHERE")["POSTCODE_YEAR_AGO"].null_count() == (
        answers.height - moved.height
    )


def test_two_surveys_ask_other_samples_and_give_other_keys() -> None:
    both = coverage_survey.delivered_answers(view(Errors()))
    assert both["PERSON_ID"].n_unique() == both.height
    assert both["REFERENCE_DATE"].unique().sort().to_list() == [date(2015, 6, 30), date(2017, 6, 30)]
    twice = both.group_by("row").len().filter(pl.col("len") == 2).height
    assert 0.3 < twice / (both.height / 2) < 0.9


def test_surveys_are_delivered_at_the_end_of_their_year() -> None:
    assert coverage_survey.surveys_delivered(day(2015, 12, 30)) == []
    assert coverage_survey.surveys_delivered(day(2015, 12, 31)) == [day(2015, 6, 30)]
    assert coverage_survey.surveys_delivered(day(2017, 12, 31)) == [day(2015, 6, 30), SURVEY_DAY]
    assert coverage_survey.surveys_delivered(LAST_DAY) == list(coverage_survey.SURVEY_DAYS)


def test_a_part_alone_gives_the_answers_and_verdicts_that_it_gives_in_the_whole_country() -> None:
    residents = 2_500

    def delivered(parts: list[int] | None) -> tuple[pl.DataFrame, pl.DataFrame, Lives]:
        lives = live(SEED, residents, parts=parts)
        one = InstitutionView(lives, Errors(), DATA_DATE)
        reviewed = clerical_review.deliver(one)[0].files["review_sample.csv"]
        person = pl.Series("person", lives.person)
        tables = (
            frame.with_columns(person[frame["row"]]) for frame in (coverage_survey.delivered_answers(one), reviewed)
        )
        return *(table.drop("row").sort("PERSON_ID", table.columns[4]) for table in tables), lives

    whole, alone = delivered(None), delivered([6])
    of_part = pl.Series(alone[2].person).implode()
    for every, part in zip(whole[:2], alone[:2], strict=True):
        assert part.height > 20
        assert every.filter(pl.col("person").is_in(of_part)).equals(part)


@pytest.fixture(scope="module")
def on_nhs(lives: Lives) -> np.ndarray:
    on_nhs = np.ones(lives.people.height, dtype=bool)
    on_nhs[::20] = False
    return on_nhs


def test_the_review_is_of_the_promised_size_and_errs_in_one_per_cent(
    lives: Lives, answers: pl.DataFrame, on_nhs: np.ndarray
) -> None:
    verdicts = clerical_review.review_sample(lives, answers, on_nhs, Errors(), SURVEY_DAY)
    first, twice = (verdicts.filter(pl.col("REVIEW") == number) for number in (1, 2))
    expected = answers.filter("USUAL_RESIDENT").height * clerical_review.REVIEWED / expected_respondents(lives)
    assert abs(first.height - expected) < 4 * sqrt(expected)
    assert 0.9 < expected / clerical_review.REVIEWED < 1.1
    assert abs(twice.height - 0.2 * first.height) < 4 * sqrt(0.16 * first.height)
    pairs = twice.join(first, on="PERSON_ID")
    assert pairs.height == twice.height
    assert (pairs["REVIEWER"] != pairs["REVIEWER_right"]).all()
    assert wrong_verdicts(lives, verdicts, on_nhs) <= 36  # 18 expected of 1,800; four standard deviations above


def test_a_careless_review_errs_nearly_as_often_as_its_rate(
    lives: Lives, answers: pl.DataFrame, on_nhs: np.ndarray
) -> None:
    careless = with_overrides(Errors(), {"survey": {"wrong_verdict": 0.25}}, "mine")
    verdicts = clerical_review.review_sample(lives, answers, on_nhs, careless, SURVEY_DAY)
    # those on no list who live alone cannot be taken for anyone
    assert 0.2 < wrong_verdicts(lives, verdicts, on_nhs) / verdicts.height < 0.28
    assert (
        wrong_verdicts(lives, clerical_review.review_sample(lives, answers, on_nhs, NO_ERRORS, SURVEY_DAY), on_nhs)
        == 0
    )


def test_a_wrong_person_is_a_member_of_the_household(lives: Lives, answers: pl.DataFrame, on_nhs: np.ndarray) -> None:
    from synthetic_data.institutions.identifiers import nhs_numbers

    wrong = with_overrides(Errors(), {"survey": {"wrong_verdict": 1.0}}, "mine")
    verdicts = clerical_review.review_sample(lives, answers, on_nhs, wrong, SURVEY_DAY).drop_nulls("NHS_NUMBER_FOUND")
    everyone = np.arange(lives.people.height)
    owner = pl.DataFrame({"NHS_NUMBER_FOUND": nhs_numbers(lives, everyone), "other": everyone})
    named = verdicts.join(owner, on="NHS_NUMBER_FOUND")
    row, other = named["row"].to_numpy(), named["other"].to_numpy()
    days = np.full(len(row), SURVEY_DAY)
    assert len(row) == verdicts.height > 200
    assert (row != other).all()
    assert (lives.household_on(row, days) == lives.household_on(other, days)).all()
    assert on_nhs[other].all()


def wrong_verdicts(lives: Lives, verdicts: pl.DataFrame, on_nhs: np.ndarray) -> int:
    from synthetic_data.institutions.identifiers import nhs_numbers

    row = verdicts["row"].to_numpy()
    true = pl.select(pl.when(pl.Series(on_nhs[row])).then(nhs_numbers(lives, row))).to_series()
    return int(verdicts["NHS_NUMBER_FOUND"].ne_missing(true).sum())


def test_small_surveys_are_reviewed_whole() -> None:
    few = live(SEED, 1_000)
    on_nhs = np.ones(few.people.height, dtype=bool)
    answers = coverage_survey.coverage_survey(few, Errors(), on_nhs, SURVEY_DAY)
    verdicts = clerical_review.review_sample(few, answers, on_nhs, Errors(), SURVEY_DAY)
    assert verdicts.filter(pl.col("REVIEW") == 1).height == answers.filter("USUAL_RESIDENT").height
