"""The clerical review: what reviewers find when they look up people of the coverage survey on the NHS list."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import identifiers
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.institutions.view import DeliveredExtract, InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import as_date
from synthetic_data.numbers.draws import draws
from synthetic_data.surveys import coverage_design, coverage_survey

REVIEWED = 1_500
"""Expected number of usual residents of each survey that are reviewed; all of them if they are fewer."""
REVIEWED_TWICE = 0.2
FINDS_NOBODY = 0.6
"""Share of wrong verdicts on listed people that find nobody; the others find a member of their household."""
REVIEWERS = 12
NOBODY = -1


def deliver(view: InstitutionView) -> list[DeliveredExtract]:
    """Return the extract of the reviews of all surveys delivered by the data date."""
    answers, on_nhs = view.once(coverage_survey.delivered_answers), view.once(patient_registers.on_list)
    answers = answers.select("row", "PERSON_ID", "USUAL_RESIDENT", "REFERENCE_DATE")
    reviewed = [
        review_sample(view.lives, answers.filter(pl.col("REFERENCE_DATE") == as_date(on)), on_nhs, view.errors, on)
        for on in coverage_survey.surveys_delivered(view.data_date)
    ]
    file = {"review_sample.csv": pl.concat(reviewed)}
    return [DeliveredExtract("review_sample", "review_sample", file, "PERSON_ID", order=("PERSON_ID", "REVIEW"))]


def review_sample(
    lives: Lives, answers: pl.DataFrame, on_nhs: NDArray[np.bool_], errors: Errors, on: int
) -> pl.DataFrame:
    """Return the verdicts: the NHS number that a reviewer finds for a survey person, or none.

    `answers` are those of the survey of the day `on`, and `on_nhs` says who (row) has an NHS number. Each person is
    reviewed or not by their own draw, so the same people are reviewed whichever others are simulated. A person whose
    household has nobody else on the list is never mistaken for another member.
    """
    residents = answers.select(pl.col("row", "PERSON_ID").filter("USUAL_RESIDENT"))
    share = REVIEWED / coverage_design.expected_respondents(lives)
    reviewed = residents.filter(pl.Series(draws(lives.seed, "review", lives.person[residents["row"]], on) < share))
    again = draws(lives.seed, "reviewed twice", lives.person[reviewed["row"]], on) < REVIEWED_TWICE
    verdicts = pl.concat([
        reviewed.with_columns(review=pl.lit(1, pl.Int64)),
        reviewed.filter(pl.Series(again)).with_columns(review=pl.lit(2, pl.Int64)),
    ])  # fmt: skip
    row, review = verdicts["row"].to_numpy(), verdicts["review"].to_numpy()
    person, listed = lives.person[row], on_nhs[row]
    wrong = draws(lives.seed, "verdict wrong", person, review, on) < errors.survey.wrong_verdict
    mistaken = _other_of_household(lives, row, on_nhs, on)
    finds_nobody = listed & (draws(lives.seed, "nobody found", person, review, on) < FINDS_NOBODY)
    found = np.where(wrong, np.where(finds_nobody, NOBODY, mistaken), np.where(listed, row, NOBODY))
    number = identifiers.nhs_numbers(lives, np.maximum(found, 0))
    return pl.DataFrame(
        {
            "row": row,
            "PERSON_ID": verdicts["PERSON_ID"],
            "NHS_NUMBER_FOUND": pl.select(pl.when(pl.Series(found != NOBODY)).then(number)).to_series(),
            "REVIEW": review,
            "REVIEWER": _reviewers(lives, person, review, on),
        }
    )


def _other_of_household(
    lives: Lives, rows: NDArray[np.int64], on_nhs: NDArray[np.bool_], on: int
) -> NDArray[np.int64]:
    """Return for each person (row) the next household member with an NHS number, or `NOBODY`."""
    own = lives.household_on(rows, np.full(len(rows), on))
    reviewed = np.zeros(len(lives.households), dtype=bool)
    reviewed[own] = True
    registered = np.flatnonzero(on_nhs)
    household = lives.household_on(registered, np.full(len(registered), on))
    registered, household = registered[reviewed[household]], household[reviewed[household]]
    order = np.lexsort((lives.person[registered], household))
    member, home = registered[order], household[order]
    first, last = np.searchsorted(home, own, side="left"), np.searchsorted(home, own, side="right")
    # the next member, or the first one after the last; members are in order of their number within a household
    place = np.zeros(len(lives.people), dtype=np.int64)
    place[member] = np.arange(1, len(member) + 1)
    after = np.where(on_nhs[rows] & (place[rows] < last), place[rows], first)
    other = member[np.minimum(after, max(len(member) - 1, 0))] if len(member) else np.full(len(rows), NOBODY)
    return np.where((first < last) & (other != rows), other, NOBODY)


def _reviewers(lives: Lives, person: NDArray[np.int64], review: NDArray[np.int64], on: int) -> pl.Series:
    """Return the reviewer of each verdict: the second one is from another reviewer."""
    first = (draws(lives.seed, "reviewer", person, on) * REVIEWERS).astype(np.int64)
    step = 1 + (draws(lives.seed, "second reviewer", person, on) * (REVIEWERS - 1)).astype(np.int64)
    reviewer = np.where(review == 1, first, (first + step) % REVIEWERS)
    return pl.Series([f"R{one:02}" for one in range(1, REVIEWERS + 1)])[reviewer]
