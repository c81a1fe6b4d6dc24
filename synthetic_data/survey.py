"""The coverage survey of 30 June 2017 and the clerical review of some of its people.

Everybody usually resident at a sampled postcode is asked. Postcodes are the clusters, drawn by simple random
sampling within four strata of hardness to count; the weight of a person is the inverse of the inclusion
probability of the postcode.
"""

from math import ceil, sqrt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import SURVEY_DAY, age, dates
from synthetic_data.draws import draws
from synthetic_data.errors import Errors
from synthetic_data.extract import Extract, Sight
from synthetic_data.residence import Lives
from synthetic_data.sources import held, nhs, numbers

STRATA = 4
TARGET_CV = 0.01
MINIMUM_RESPONDENTS = 3_000
HOUSEHOLD_REFUSES = 0.05
PERSON_MISSED = 0.04
YOUNG_MAN_MISSED = 0.16
REVIEWED = 1_500
REVIEWED_TWICE = 300
WRONG_VERDICT = 0.01
WRONG_VERDICT_FINDS_NOBODY = 0.6
REVIEWERS = 12


def delivered(sight: Sight) -> list[Extract]:
    """Return the extracts of the coverage survey and of the clerical review of its people."""
    answers = coverage_survey(sight.lives, sight.survey_residents, sight.errors)
    reviewed = review_sample(sight.lives, answers, sight.once(nhs.on_list))
    return [
        Extract("coverage_survey", "coverage_survey", {"coverage_survey.csv": answers},
                "PERSON_ID", "POSTCODE", "DOB", "SEX", ("POSTCODE", "HOUSEHOLD_ID", "PERSON_ID")),
        Extract("review_sample", "review_sample", {"review_sample.csv": reviewed},
                "PERSON_ID", order=("PERSON_ID", "REVIEW")),
    ]  # fmt: skip


def postcodes_needed(
    postcodes: int, mean: float, variance: float, response: float,
    cv: float = TARGET_CV, respondents: int = MINIMUM_RESPONDENTS,
) -> int:  # fmt: skip
    """Return how many of the postcodes to sample.

    The weighted number of respondents of n of N postcodes has, by design, the squared coefficient of variation
    ((1 - n/N) S^2 + (1 - r) m / r) / (n m^2) with m the mean and S^2 the variance within strata of residents at a
    postcode and r the response (two-stage sampling, Cochran, Sampling Techniques, 1977, chapters 10 and 11, with
    answering as the second stage). It is solved for n; then n is raised until the expected respondents less three
    standard deviations are enough, at most to all postcodes.
    """
    between = variance / mean**2
    within = (1 - response) / (response * mean)
    for_precision = (between + within) / (cv**2 + between / postcodes)
    each, spread = response * mean, sqrt(response**2 * variance + response * (1 - response) * mean)
    # the larger root of each n - 3 spread sqrt(n) = respondents
    root = (3 * spread + sqrt(9 * spread**2 + 4 * each * respondents)) / (2 * each)
    return min(postcodes, ceil(max(for_precision, root**2)))


def coverage_survey(lives: Lives, residents: NDArray[np.int64], errors: Errors) -> pl.DataFrame:
    """Return who answers, of the usual `residents` (rows) on the survey day."""
    seed = lives.seed
    cluster = lives.postcode_at(residents, np.full(len(residents), SURVEY_DAY))
    size = np.bincount(cluster, minlength=len(lives.postcodes))
    stratum = _strata(lives, residents, cluster)
    missed = _missed(lives, residents, cluster)
    inhabited = np.flatnonzero(size > 0)
    variance = sum(
        (stratum[inhabited] == one).sum() * size[inhabited][stratum[inhabited] == one].var() for one in range(STRATA)
    ) / len(inhabited)
    number = postcodes_needed(
        len(inhabited), size[inhabited].mean(), variance, 1 - (HOUSEHOLD_REFUSES + PERSON_MISSED + 0.02)
    )
    weight = np.zeros(len(lives.postcodes))
    for one in range(STRATA):
        frame = inhabited[stratum[inhabited] == one]
        take = ceil(len(frame) * number / len(inhabited))
        chosen = frame[np.argsort(draws(seed, "survey postcode", frame), kind="stable")[:take]]
        weight[chosen] = len(frame) / max(take, 1)
    found = np.flatnonzero((weight[cluster] > 0) & ~missed)
    return _answers(lives, errors, residents[found], cluster[found], stratum, weight)


def _strata(lives: Lives, residents: NDArray[np.int64], cluster: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the stratum of each postcode: quarters by the share of young people and recent migrants."""
    recent = lives.first_start[residents] > SURVEY_DAY - 5 * 365
    came = lives.birth[residents] != lives.first_start[residents]
    years = age(lives.birth[residents], SURVEY_DAY)
    hard = (recent & came) | ((years >= 18) & (years < 30))
    size = np.bincount(cluster, minlength=len(lives.postcodes))
    share = np.bincount(cluster, weights=hard, minlength=len(lives.postcodes)) / np.maximum(size, 1)
    inhabited = np.flatnonzero(size > 0)
    stratum = np.zeros(len(lives.postcodes), dtype=np.int64)
    order = inhabited[np.argsort(share[inhabited], kind="stable")]
    stratum[order] = np.arange(len(order)) * STRATA // len(order)
    return stratum


def _missed(lives: Lives, residents: NDArray[np.int64], cluster: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return who does not answer: whole households, and people in answering ones; young men most of all."""
    household = lives.household_on(residents, np.full(len(residents), SURVEY_DAY))
    refuses = draws(lives.seed, "survey refuses", lives.households["key"].to_numpy()[household]) < HOUSEHOLD_REFUSES
    years = age(lives.birth[residents], SURVEY_DAY)
    young_man = (lives.people["sex"].to_numpy()[residents] == "M") & (years >= 18) & (years < 35)
    rate = np.where(young_man, YOUNG_MAN_MISSED, PERSON_MISSED)
    return refuses | (draws(lives.seed, "survey missed", lives.person[residents]) < rate)


def _answers(
    lives: Lives,
    errors: Errors,
    rows: NDArray[np.int64],
    cluster: NDArray[np.int64],
    stratum: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> pl.DataFrame:
    person = held.identity(lives, errors, "coverage_survey", rows, np.full(len(rows), SURVEY_DAY))
    household = lives.household_on(rows, np.full(len(rows), SURVEY_DAY))
    unknown = draws(lives.seed, "nationality not stated", lives.person[rows]) < 0.03
    postcode = pl.Series(lives.postcodes[cluster], dtype=pl.String)
    return pl.DataFrame(
        {
            "row": rows,
            "PERSON_ID": numbers.labels(lives, "survey person", rows, "S", 9),
            "HOUSEHOLD_ID": numbers.household_labels(lives, "survey household", household),
            "FIRST_NAME": person["given_name"],
            "LAST_NAME": person["family_name"],
            "DOB": dates("birth", person["birth"]),
            "SEX": person["sex"],
            "NATIONALITY": pl.select(
                pl.when(pl.Series(~unknown)).then(lives.people["nationality"][rows])
            ).to_series(),
            "POSTCODE": postcode,
            "REFERENCE_DATE": dates("reference", np.full(len(rows), SURVEY_DAY)),
            "STRATUM": pl.Series([f"HTC_{one + 1}" for one in stratum[cluster]], dtype=pl.String),
            "CLUSTER": numbers.postcode_labels(lives, "survey cluster", cluster),
            "WEIGHT": np.round(weight[cluster], 6),
        }
    )


def review_sample(lives: Lives, survey: pl.DataFrame, on_nhs: NDArray[np.bool_]) -> pl.DataFrame:
    """Return the verdicts: the NHS number that a reviewer finds for a survey person, or none; 1% are wrong."""
    rows = survey["row"].to_numpy()
    order = np.argsort(draws(lives.seed, "review", lives.person[rows]), kind="stable")[:REVIEWED]
    twice = order[:REVIEWED_TWICE]
    index = np.concatenate([order, twice])
    review = np.concatenate([np.ones(len(order), dtype=np.int64), np.full(len(twice), 2)])
    row = rows[index]
    person = lives.person[row]
    wrong = draws(lives.seed, "verdict wrong", person, review) < WRONG_VERDICT
    listed = np.flatnonzero(on_nhs)
    somebody = listed[(draws(lives.seed, "wrong person found", person, review) * len(listed)).astype(np.int64)]
    finds_nobody = on_nhs[row] & (draws(lives.seed, "nobody found", person, review) < WRONG_VERDICT_FINDS_NOBODY)
    found = np.where(wrong, np.where(finds_nobody, -1, somebody), np.where(on_nhs[row], row, -1))
    number = numbers.nhs_numbers(lives, np.maximum(found, 0))
    first = (draws(lives.seed, "reviewer", person) * REVIEWERS).astype(np.int64)
    other = (
        first + 1 + (draws(lives.seed, "second reviewer", person) * (REVIEWERS - 1)).astype(np.int64)
    ) % REVIEWERS
    reviewer = np.where(review == 1, first, other)
    return pl.DataFrame(
        {
            "row": row,
            "PERSON_ID": survey["PERSON_ID"][index],
            "NHS_NUMBER_FOUND": pl.select(pl.when(pl.Series(found >= 0)).then(number)).to_series(),
            "REVIEW": review,
            "REVIEWER": pl.Series([f"R{one + 1:02}" for one in reviewer], dtype=pl.String),
        }
    )
