"""Survey people are counted in the cells of the people to whom they are linked, on the list or not."""

from datetime import date

import polars as pl
import pytest

from estimation.coverage.survey import people_known, people_on_list, people_surveyed

DAY = date(2017, 6, 30)
LISTED, QUIET, GONE, ELSEWHERE = 1, 2, 3, 4
"""Somebody on the list; on the spine and not counted; on the spine and counted a little; off the spine."""


@pytest.fixture
def surveyed() -> pl.DataFrame:
    """Return five people of a survey, who all answer that they are British women of 30 years born here."""
    people = pl.DataFrame(
        [
            (LISTED, "F", 1987, "EU", 1.0), (QUIET, "F", 2007, "non_EU", 0.75), (QUIET, "F", 2007, "British", 0.25),
            (GONE, "M", 1987, "EU", 1.0), (ELSEWHERE, "M", 1950, "EU", 1.0),
        ],
        schema=["person_id", "sex", "cohort", "nationality_group", "share"], orient="row",
    )  # fmt: skip
    residents = pl.DataFrame(
        {
            "person_id": [LISTED, GONE], "reference_date": [DAY, DAY], "resident": [True, False],
            "trimming_depth": [2, 0], "probability": [0.9, 0.2],
        }
    )  # fmt: skip
    linked = [*enumerate((LISTED, QUIET, GONE, ELSEWHERE))]
    clusters = pl.DataFrame(
        [("pds", 10 + who, who) for who in (LISTED, QUIET, GONE)]
        + [("coverage_survey", subject, who) for subject, who in linked],
        schema=["source", "subject_id", "person_id"],
        orient="row",
    )
    answers = pl.DataFrame({"subject_id": range(5)}).with_columns(
        sex=pl.lit("F"), birth_month=date(1987, 3, 1), nationality=pl.lit("GB"), stratum=pl.lit("A"),
        cluster=pl.lit("A1"), weight=pl.lit(1.0), arrived=pl.lit(None, pl.Date),
    )  # fmt: skip
    listed = people_on_list(residents, people, DAY).with_columns(people=pl.lit(0.6))
    known = people_known(clusters, people, residents, listed, "pds", DAY)
    return people_surveyed(answers, clusters, listed, known, DAY)


def test_whoever_is_known_is_counted_as_the_sources_count_them(surveyed: pl.DataFrame) -> None:
    """A girl who is known and not listed answers that she is British: she is as likely non-EU as the sources say."""
    cells = surveyed.filter("known").select("subject_id", "sex", "age_group", "nationality_group", "share")
    assert cells.sort("subject_id", "nationality_group").rows() == [
        (0, "F", "25-44", "EU", 1.0),
        (1, "F", "0-15", "British", 0.25),
        (1, "F", "0-15", "non_EU", 0.75),
        (2, "M", "25-44", "EU", 1.0),
    ]


def test_whoever_is_known_may_be_off_the_list_and_counts_as_likely_as_they_live_here(surveyed: pl.DataFrame) -> None:
    one = surveyed.unique("subject_id").sort("subject_id")
    assert one["listed"].to_list() == [True, False, False, False, False]
    assert one["people"].to_list() == [0.6, 1.0, 1.0, 1.0, 1.0]
    assert one["trimming_depth"].to_list() == [2, 0, 0, 0, 0]
    assert one["counted"].to_list() == [0.9, 0.0, 0.2, 0.0, 0.0]


def test_whoever_is_not_known_is_counted_by_the_answers(surveyed: pl.DataFrame) -> None:
    """Neither a person in no source nor one in a source from which nobody is counted is known."""
    unknown = surveyed.filter(~pl.col("known"))
    assert unknown["subject_id"].to_list() == [3, 4]
    assert unknown.select("sex", "age_group", "nationality_group").unique().rows() == [("F", "25-44", "British")]
