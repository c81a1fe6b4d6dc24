"""The preliminary adjustments of 2019: a passenger survey corrected by what other sources know better.

A survey asks passengers how long they intend to stay. In 2019 the Office for National Statistics corrected it twice:
students from outside the EU leave more often than the survey shows, which enrolment and travel records tell; and
people from the EU stay longer than they had intended, which tax and benefit records tell.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import polars as pl

from pipeline.toml_files import read_toml
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions import activity, border
from synthetic_data.institutions.revenue import migrant_worker_scan
from synthetic_data.institutions.universities import student_record
from synthetic_data.institutions.view import InstitutionView
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.days import DATA_DATE
from synthetic_data.surveys.passenger_survey import passenger_survey
from synthetic_data.truth import truth_tables

YEARS = (2016, 2017)
"""Years ending in June, for which activity is delivered until long after the arrival."""
YEAR_OF_DAYS = 365
STUDIED_WITHIN = 550
"""Days from the beginning of the last year of study within which a departure is a student's: a year and a half."""
SHORTEST_COURSE = 245
"""Days from the first of August in which a student enrols to the departure of one who has been here for a year: a
course of a year begins in autumn, and the record says in which academic year alone."""
LONG_ACTIVITY = 52
"""Weeks of activity, in the tax year of arrival and the next, of people who have come to live here."""
WORK, ADULT = ("JOB", "LOOK"), 16
GROUPS = ("EU", "non_EU")


@dataclass(frozen=True)
class PublishedAdjustment:
    """Net migration by group as published, with the adjustments: `adjusted` totals, and the relative change."""

    published: dict[str, float]
    adjusted: dict[str, float]
    change: float
    published_change: float


def published_adjustment() -> PublishedAdjustment:
    """Return the adjustments applied to the estimates of August 2016, from `preliminary_adjustments.toml`."""
    facts: dict[str, Any] = read_toml(resources.files(__package__) / "preliminary_adjustments.toml")  # ty: ignore
    base, shares = facts["published"], facts["adjustments"]
    groups = ("EU", "non_EU", "British")
    adjusted = {group: base[group] * (1 + shares.get(group, 0.0)) for group in groups}
    total = sum(adjusted.values())
    published = {group: float(base[group]) for group in (*groups, "total")}
    return PublishedAdjustment(
        published, adjusted | {"total": total}, total / base["total"] - 1, float(shares["total"])
    )


def adjusted_survey(lives: Lives, errors: Errors) -> pl.DataFrame:
    """Return net migration of each group and year: `nationality_group, year, truth, survey, adjusted`.

    Sources are linked without error, so that only the survey and what corrects it are compared. The survey asks
    people who leave why they had come, as that of the United Kingdom has since 2012.
    """
    view = InstitutionView(lives, errors, DATA_DATE)
    survey = _survey_flows(lives, errors)
    students, workers = _student_departures(view), _arrivals_by_activity(view)
    truth = _true_net(lives)
    kinds = {name: survey.filter(kind) for name, kind in _PARTS.items()}
    sums = {name: _sum(frame) for name, frame in kinds.items()}
    keys = pl.DataFrame({"nationality_group": GROUPS}).join(pl.DataFrame({"year": YEARS}), how="cross")
    table = keys.join(truth, on=["nationality_group", "year"], how="left")
    for name, frame in (sums | {"students": students, "workers": workers}).items():
        table = table.join(frame.rename({"people": name}), on=["nationality_group", "year"], how="left")
    table = table.with_columns(pl.exclude("nationality_group", "year").fill_null(0).cast(pl.Float64))
    is_eu = pl.col("nationality_group") == "EU"
    net = pl.col("came") - pl.col("left")
    return table.select(
        "nationality_group", "year", "truth", survey=net,
        adjusted=pl.when(is_eu)
        .then(net - pl.col("came_to_work") + pl.col("workers"))
        .otherwise(net + pl.col("left_after_study") - pl.col("students")),
    ).sort("nationality_group", "year")  # fmt: skip


_IN = pl.col("DIRECTION") == "IN"
_PARTS = {
    "came": _IN,
    "left": ~_IN,
    "came_to_work": _IN & pl.col("REASON").is_in(WORK) & (pl.col("AGE") >= ADULT),
    "left_after_study": ~_IN & pl.col("studied"),
}


def _survey_flows(lives: Lives, errors: Errors) -> pl.DataFrame:
    """Return the survey's long-term migrants: they lived on one side for a year, and intend to on the other."""
    contacts = passenger_survey(lives, errors, DATA_DATE)
    row = contacts["row"].to_numpy()
    people = contacts.with_columns(
        nationality_group=lives.people["group"].cast(pl.String)[row],
        studied=pl.Series(lives.purpose[row].are("study")),
    )
    long = (pl.col("MONTHS_BEFORE") >= 12) & (pl.col("MONTHS_INTENDED").fill_null(12) >= 12)
    return people.filter(long).with_columns(year=_year_ending("INTERVIEW_DATE"))


def _sum(contacts: pl.DataFrame) -> pl.DataFrame:
    return contacts.group_by("nationality_group", "year").agg(people=pl.col("WEIGHT").sum())


def _student_departures(view: InstitutionView) -> pl.DataFrame:
    """Return students who left for a year or more, by group and year: enrolled before, out, and not in again."""
    (record,) = (one.files["hesa.csv"] for one in student_record.deliver(view) if one.name == "hesa")
    enrolled = record.group_by("row").agg(first=pl.col("YEARSTART").min(), latest=pl.col("YEARSTART").max())
    travel = border.travel(view.lives, view.errors, view.data_date).select("row", "EVENT_DATE", "DIRECTION")
    travel = travel.join(enrolled, on="row").sort("row", "EVENT_DATE", "DIRECTION")
    next_in = pl.col("EVENT_DATE").shift(-1).over("row")
    away = (next_in - pl.col("EVENT_DATE")).dt.total_days().fill_null(YEAR_OF_DAYS + 1)
    gone = travel.with_columns(away=away).filter(
        pl.col("DIRECTION") == "OUT",
        pl.col("away") > YEAR_OF_DAYS,
        (pl.col("EVENT_DATE") - pl.col("first")).dt.total_days() >= SHORTEST_COURSE,
        (pl.col("EVENT_DATE") - pl.col("latest")).dt.total_days() <= STUDIED_WITHIN,
    )
    return _by_group(view.lives, gone.with_columns(year=_year_ending("EVENT_DATE")))


def _arrivals_by_activity(view: InstitutionView) -> pl.DataFrame:
    """Return registered workers who were active for a year after they came, by group and year of arrival."""
    (scan,) = (one.files["mws.csv"] for one in migrant_worker_scan.deliver(view))
    (weeks,) = (one.files["activity_weeks.parquet"] for one in activity.deliver(view) if one.name == "activity_weeks")
    arrived = scan.select("row", arrived=pl.col("DATE_OF_ARRIVAL").str.to_date("%d/%m/%Y"))
    tax_year = arrived.with_columns(begins=_tax_year(pl.col("arrived")))
    active = weeks.select("row", "WEEKS_ANY", begins=pl.col("TAX_YEAR_START").dt.year())
    soon = tax_year.join(active.rename({"begins": "active_in"}), on="row").filter(
        pl.col("active_in").is_between("begins", pl.col("begins") + 1)
    )
    long = soon.group_by("row", "arrived").agg(pl.col("WEEKS_ANY").sum()).filter(pl.col("WEEKS_ANY") >= LONG_ACTIVITY)
    return _by_group(view.lives, long.with_columns(year=_year_ending("arrived")))


def _tax_year(day: pl.Expr) -> pl.Expr:
    """Return the calendar year in which the tax year of a day begins, on 6 April."""
    before = (day.dt.month() < 4) | ((day.dt.month() == 4) & (day.dt.day() < 6))
    return day.dt.year() - before.cast(pl.Int32)


def _true_net(lives: Lives) -> pl.DataFrame:
    truth = truth_tables.tables(lives)
    people = truth["people"].select("person", pl.col("nationality_group").cast(pl.String))
    sign = pl.when(pl.col("direction").cast(pl.String) == "immigration").then(1).otherwise(-1)
    moves = truth["migrations"].join(people, on="person").with_columns(year=_year_ending("date"), sign=sign)
    return moves.group_by("nationality_group", "year").agg(truth=pl.col("sign").sum())


def _by_group(lives: Lives, cases: pl.DataFrame) -> pl.DataFrame:
    group = lives.people["group"].cast(pl.String)[cases["row"]]
    counted = cases.with_columns(nationality_group=group).group_by("nationality_group", "year")
    return counted.agg(people=pl.len().cast(pl.Float64))


def _year_ending(column: str) -> pl.Expr:
    day = pl.col(column)
    return (day.dt.year() + (day.dt.month() > 6).cast(pl.Int32)).cast(pl.Int64)
