"""The coverage survey and the list of residents as two lists: who is on which, and in which cell."""

from datetime import date
from pathlib import Path

import polars as pl

from estimation.cells import DIVISIONS, age_group
from estimation.coverage.registered_groups import as_registered
from pipeline.errors import UserError
from pipeline.ingest.nationality_groups import OTHER_COUNTRIES, nationality_groups
from pipeline.tables import read_table

SURVEY = "coverage_survey"


def people_on_list(residents: pl.DataFrame, people: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the people whom the sources count on a day.

    Columns: `person_id`, `DIVISIONS`, `age`, `share`, `trimming_depth` and the `probability` of being a resident.
    People of at least a depth are on the list trimmed to it. `people` is that of `people_by_group`: who may be of
    several nationality groups has a row in each, with its share. Each person stands for one, `people`, for certain
    (`people_error`), until they are `counted_once`.
    """
    return (
        residents.filter(pl.col("reference_date") == day, pl.col("resident"))
        .select("person_id", "trimming_depth", "probability")
        .join(people, on="person_id", how="left")
        .with_columns(age=_age_on(day))
        .with_columns(age_group(pl.col("age")))
        .select(
            "person_id", *DIVISIONS, "age", "share", "trimming_depth", "probability", people=1.0, people_error=0.0
        )
        .sort("person_id", "nationality_group")
    )


def list_counts(counts: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the population of `counts` on a day by `DIVISIONS` and `age`: what a coverage factor multiplies.

    `count` is the sum of the probabilities of its people, and `squares` that of their squares.
    """
    age = pl.lit(day.year) - pl.col("cohort")
    return (
        counts.filter(pl.col("measure") == "population", pl.col("time") == day)
        .sort("sex", "cohort", "nationality_group")
        .select(
            pl.col("sex", "nationality_group").cast(pl.String),
            age_group(age),
            "count",
            age.alias("age"),
            squares=pl.col("count") - pl.col("variance_unfinished") + pl.col("variance_late"),
        )
    )


def people_known(
    clusters: pl.DataFrame, people: pl.DataFrame, residents: pl.DataFrame, listed: pl.DataFrame, spine: str, day: date
) -> pl.DataFrame:
    """Return all people to whom a survey person may be linked, as `as_counted`: on the source `spine` or the list."""
    on_spine = clusters.filter(pl.col("source") == spine)["person_id"]
    return as_counted(pl.concat([on_spine, listed["person_id"]]).unique().sort(), people, residents, day)


def as_counted(known: pl.Series, people: pl.DataFrame, residents: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return people as they are counted on a day: `person_id`, `DIVISIONS`, `share`, and `counted`.

    Who may be of several nationality groups has a row in each, with its share, as in `people` (`people_by_group`).
    `counted` is the probability of being a resident of the day, or 0. People who are not in `people` have no
    `DIVISIONS` and the share 1.
    """
    ids = known.alias("person_id").to_frame()
    of_day = residents.filter(pl.col("reference_date") == day).select("person_id", counted="probability")
    return (
        ids.join(people, on="person_id", how="left", maintain_order="left")
        .join(of_day, on="person_id", how="left", maintain_order="left")
        .with_columns(age_group(_age_on(day)), pl.col("counted").fill_null(0.0), pl.col("share").fill_null(1.0))
        .select("person_id", *DIVISIONS, "share", "counted")
    )


def survey_answers(records: Path, day: date) -> pl.DataFrame:
    """Return the answers of usual residents to the survey of a day; other days' surveys are not read.

    Raises `UserError` where the study has no survey, or not of that day.
    """
    if not records.exists():
        raise UserError("coverage survey: the study has none, so coverage cannot be estimated. Add its extract.")
    found = read_table(records).filter(pl.col("reference_date") == day, pl.col("usual_resident"))
    if found.is_empty():
        raise UserError(
            f"coverage survey: nobody was found on {day}. Set reference_date in [coverage] to the survey's own day."
        )
    return found


def people_surveyed(
    answers: pl.DataFrame, clusters: pl.DataFrame, listed: pl.DataFrame, known: pl.DataFrame, day: date
) -> pl.DataFrame:
    """Return the usual residents found by the survey of a day, by subject; `answers` are those of `survey_answers`.

    Columns: `subject_id, stratum, cluster, weight, age`; whether the person is linked to a person `known`, to one
    `listed`, with that one's `trimming_depth` and for how many `people` that one stands, and with which probability
    that one is `counted` (0 if there is none); and `DIVISIONS` with their `share`. Those of people who are known are
    those of the person to whom they are linked, because the account counts each person in the same groups: a row for
    each, whose shares add up to 1. Those of the others are the answers to the survey, by groups `as_registered`.
    """
    person = clusters.filter(pl.col("source") == SURVEY).select("subject_id", "person_id")
    on_list = listed.select("person_id", "trimming_depth", "people", pl.lit(value=True).alias("listed")).unique()
    of_person = known.rename({name: f"known_{name}" for name in DIVISIONS})
    born = pl.col("birth_month")
    age = pl.lit(day.year) - born.dt.year() - (born.dt.month() > day.month).cast(pl.Int32)
    # A date of birth after the survey's day is a mistake in a record: the person is taken to be newborn.
    age = pl.max_horizontal(age, 0)
    group = pl.col("nationality").replace_strict(nationality_groups(), default=OTHER_COUNTRIES)
    stated = {"sex": pl.col("sex").cast(pl.String), "age_group": age_group(age)}
    found = (
        answers.join(person, on="subject_id", how="left")
        .join(on_list, on="person_id", how="left")
        .join(of_person, on="person_id", how="left")
        .select(
            "subject_id",
            "stratum",
            "cluster",
            "weight",
            pl.col("counted").is_not_null().alias("known"),
            pl.col("counted").fill_null(0.0),
            pl.col("listed").fill_null(value=False),
            pl.col("trimming_depth").fill_null(0),
            pl.col("people").fill_null(1.0),
            pl.col("share").fill_null(1.0),
            *(pl.coalesce(f"known_{name}", answer).alias(name) for name, answer in stated.items()),
            pl.col("known_nationality_group").alias("nationality_group"),
            age=age,
            came=pl.col("arrived").is_not_null(),
            answer=pl.when(pl.col("nationality").is_not_null()).then(group),
        )
    )
    return as_registered(found).sort("subject_id", "nationality_group")


def _age_on(day: date) -> pl.Expr:
    """Return the age on 30 June of a year, of people of a cohort."""
    return pl.max_horizontal(pl.lit(day.year) - pl.col("cohort"), 0)
