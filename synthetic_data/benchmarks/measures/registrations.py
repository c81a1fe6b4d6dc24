"""Measures of registers: National Insurance numbers, the lag from arrival to NHS registration, practice lists."""

from datetime import date

import polars as pl

from pipeline.ingest.areas import area_of
from synthetic_data.benchmarks.counting import MeasuredFigure, NotMeasurableError, Where, counted, median
from synthetic_data.benchmarks.observed_study import ObservedStudy, group_of


def registrations(
    study: ObservedStudy, begin: date, until: date, where: Where | None = None, among: Where | None = None
) -> MeasuredFigure:
    """Numbers given to overseas nationals: `nationality`, `group` and `region` are those of the registration."""
    study.known_until(until)
    scan = study.records("mws", "nationality", "registration_date", "postcode")
    rows = scan.filter(pl.col("registration_date").is_between(begin, until)).with_columns(
        group=group_of(pl.col("nationality")), region=area_of(pl.col("postcode"), study.areas)
    )
    return counted(rows, where, among)


def registration_lag(study: ObservedStudy, begin: date, until: date, where: Where | None = None) -> MeasuredFigure:
    """Median days from the arrival stated for a number to the first registration from abroad with the NHS."""
    return median(lags(study, begin, until), "days", where)


def lags(study: ObservedStudy, begin: date, until: date) -> pl.DataFrame:
    """Return `days` from stated arrival to NHS registration, and `group`, of people with both.

    The cohort is people whose NHS registration was posted from one day to another, joined by true person. People who
    registered before their stated arrival are left out, as in the published bins.
    """
    study.known_until(until)
    posted = study.records("pds", "registration_type", "posting_date").filter(
        pl.col("registration_type") == "first_from_abroad", pl.col("posting_date").is_between(begin, until)
    )
    first = posted.group_by("person").agg(pl.col("posting_date").min())
    arrived = study.records("mws", "nationality", "arrival_date").unique("person", keep="first", maintain_order=True)
    days = (pl.col("posting_date") - pl.col("arrival_date")).dt.total_days()
    joined = first.join(arrived, on="person").with_columns(days=days, group=group_of(pl.col("nationality")))
    return joined.filter(pl.col("days") >= 0)


def list_excess(study: ObservedStudy, snapshot: date, on: date) -> MeasuredFigure:
    """Excess of patients on practice lists in a snapshot over residents on a day, as a share of these."""
    study.known_until(snapshot)
    listed = study.records("pr", "snapshot_date").filter(pl.col("snapshot_date") == snapshot)
    if listed.is_empty():
        raise NotMeasurableError(f"the study has no snapshot of {snapshot}")
    here = len(study.residents(on))
    return MeasuredFigure(len(listed) / here - 1, abs(len(listed) - here))
