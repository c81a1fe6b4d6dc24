"""Measures of students: enrolments, presence in the first months, what follows the course, where they are listed."""

from datetime import date, timedelta

import polars as pl

from pipeline.ingest.areas import area_of
from synthetic_data.benchmarks.counting import MeasuredFigure, NotMeasurableError, Where, counted
from synthetic_data.benchmarks.observed_study import ObservedStudy, group_of
from synthetic_data.country.geography import authority_lookup

YOUNG = 22
ENDS_SOON = timedelta(days=75)
"""A course that ends this soon in an academic year is not counted in it again: a master's year from September to
September is one enrolment (HESA, Standard registration population)."""
FIRST_MONTHS = timedelta(days=426)
"""Fourteen months from the first day of study, in which days of presence are counted."""
BEFORE_END, AFTER_END = timedelta(days=60), timedelta(days=365)
"""Time around the last day of a course in which a grant extends the stay and a departure is one after the course.
Assumption: the published cohort was followed for about a year."""

_COLUMNS = (
    "instance", "domicile", "commencement_date", "year_of_student", "study_location", "year_start", "end_date",
    "exchange",
)  # fmt: skip


def _records(study: ObservedStudy) -> pl.DataFrame:
    """Return the student record without distance learners; `domicile_group` is UK for home students."""
    rows = study.records("hesa", *_COLUMNS).filter(pl.col("study_location") != "distance")
    return rows.with_columns(domicile_group=_domicile_group(), first_year=pl.col("year_of_student") == 1)


def _domicile_group() -> pl.Expr:
    return pl.when(pl.col("domicile") == "GB").then(pl.lit("UK")).otherwise(group_of(pl.col("domicile")))


def enrolments(study: ObservedStudy, year_start: date, where: Where | None = None) -> MeasuredFigure:
    """Enrolments of one academic year: `domicile_group`, `first_year`."""
    goes_on = (pl.col("end_date") > pl.col("year_start") + ENDS_SOON).fill_null(value=True)
    rows = _records(study).filter((pl.col("year_start") == year_start) & (pl.col("first_year") | goes_on))
    if rows.is_empty():
        raise NotMeasurableError(f"the study has no student record of the year from {year_start}")
    return counted(rows, where)


def first_months(
    study: ObservedStudy, begin: date, until: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """First-year students who begin from one day to another: `days` present in their first fourteen months.

    Presence is the true one; a student who takes a second course counts with the first.
    """
    study.known_until(until)
    begun = (
        _records(study)
        .filter(pl.col("first_year"))
        .sort("commencement_date", "instance")
        .unique("person", keep="first", maintain_order=True)
        .filter(pl.col("commencement_date").is_between(begin, until))
        .with_columns(last=pl.col("commencement_date") + FIRST_MONTHS)
    )
    present = study.truth("presence").join(begun.select("person", "commencement_date", "last"), on="person")
    start = pl.max_horizontal("start", "commencement_date")
    end = pl.min_horizontal(pl.col("end").fill_null(pl.col("last")), "last")
    days = present.group_by("person").agg(days=(end - start).dt.total_days().clip(0).sum())
    return counted(begun.join(days, on="person", how="left").with_columns(pl.col("days").fill_null(0)), where, among)


def after_course(
    study: ObservedStudy, begin: date, until: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """Students whose first course that ended from one day to another: `outcome` and `days` from end to departure.

    Exchanges of a term or a year are left out.
    `outcome` is extends (a new permission to stay, but none to visit), leaves (a long-term emigration, by the
    truth) or other.
    """
    study.known_until(until + AFTER_END)
    ended = (
        _records(study)
        .filter(pl.col("end_date").is_between(begin, until) & (pl.col("exchange") == "none"))
        .sort("end_date")
        .unique("person", keep="first", maintain_order=True)
        .select("person", "end_date", "domicile_group")
    )
    granted = study.records("exit_checks", "visa_type", "valid_from").filter(pl.col("visa_type") != "visit")
    extends = _near_end(ended, granted.select("person", day="valid_from")).select("person", extends=True)
    left = study.truth("migrations").filter(pl.col("direction") == "emigration")
    leaves = _near_end(ended, left.select("person", day="date")).select("person", left="day")
    rows = ended.join(extends, on="person", how="left").join(leaves, on="person", how="left")
    outcome = (
        pl.when(pl.col("extends")).then(pl.lit("extends")).when(pl.col("left").is_not_null()).then(pl.lit("leaves"))
    )
    rows = rows.with_columns(
        outcome=outcome.otherwise(pl.lit("other")), days=(pl.col("left") - pl.col("end_date")).dt.total_days()
    )
    return counted(rows, where, among)


def _near_end(ended: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Return the first event of each student around the end of the course."""
    since = pl.col("day") - pl.col("end_date")
    near = ended.join(events, on="person").filter((since > -BEFORE_END) & (since <= AFTER_END))
    return near.group_by("person").agg(pl.col("day").min())


def listed_where_studying(
    study: ObservedStudy, year_start: date, snapshot: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """Students of one academic year on the list of a practice: `same_authority` as their term-time address.

    `mode`, `domicile_group` and `young` (below 22 on the first day of the year) distinguish them. They are joined
    by true person. Assumption: the published share is among young full-time students from here on a list.
    """
    authorities = dict(authority_lookup().select("postcode_district", "local_authority").iter_rows())
    born = study.truth("people").select("person", "birth_date")
    young = pl.col("birth_date") > year_start.replace(year=year_start.year - YOUNG)
    terms = (
        study.records("hesa", "year_start", "postcode", "mode", "domicile")
        .filter(pl.col("year_start") == year_start)
        .join(born, on="person")
        .with_columns(young=young, domicile_group=_domicile_group())
    )
    lists = study.records("pr", "snapshot_date", "postcode").filter(pl.col("snapshot_date") == snapshot)
    if terms.is_empty() or lists.is_empty():
        raise NotMeasurableError(f"the study has no students from {year_start}, or no list of {snapshot}")
    studies, listed = (
        rows.unique("person", keep="first", maintain_order=True)
        .with_columns(authority=area_of(pl.col("postcode"), authorities))
        .drop_nulls("authority")
        for rows in (terms, lists)
    )
    rows = studies.join(listed.select("person", listed_in="authority"), on="person")
    return counted(rows.with_columns(same_authority=pl.col("authority") == pl.col("listed_in")), where, among)
