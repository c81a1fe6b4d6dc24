"""Measures of exit checks: what happened to people whose permission to stay expired."""

from datetime import date, timedelta

import polars as pl

from synthetic_data.benchmarks.counting import MeasuredFigure, Where, counted
from synthetic_data.benchmarks.observed_study import ObservedStudy
from synthetic_data.numbers.days import EXIT_CHECKS_FROM, as_date

_DAY = timedelta(days=1)


def expired_permissions(
    study: ObservedStudy,
    begin: date,
    until: date,
    known_by: date,
    where: Where | None = None,
    among: Where | None = None,
) -> MeasuredFigure:
    """Permissions that expired from one day to another with none following: `kind` and `outcome`.

    `kind` is that of the visa with which the person's permissions began. `outcome` is in_time (the last crossing
    recorded while it ran was a departure), late (a departure was recorded afterwards, by the day `known_by`) or
    not_identified. The cohort is people who truly were here while it ran, since exit checks began.
    """
    study.known_until(known_by)
    expired = _expired(study).filter(pl.col("valid_to").is_between(begin, until))
    checked_from = pl.max_horizontal("valid_from", pl.lit(as_date(EXIT_CHECKS_FROM)))
    here = (
        expired.join(study.truth("presence").select("person", "start", spell_end="end"), on="person")
        .join(study.truth("people").select("person", "naturalised_on"), on="person")
        .filter(
            # a new citizen needs no permission, and exit checks do not record the departure
            (pl.col("naturalised_on") > pl.col("valid_to")).fill_null(value=True),
            pl.col("start") <= pl.col("valid_to"),
            pl.col("spell_end").is_null() | (pl.col("spell_end") >= checked_from),
        )
        .unique(["person", "valid_to"])
        .select("person", "valid_to", "valid_from", "kind")
    )
    crossings = study.records("exit_checks", "event_date", "direction").drop_nulls()
    last = crossings.sort("event_date").select("person", "event_date", last="direction", last_on="event_date")
    rows = here.sort("valid_to").join_asof(
        last, left_on="valid_to", right_on="event_date", by="person", strategy="backward", check_sortedness=False
    )
    departures = crossings.filter(pl.col("direction") == "departure").sort("event_date")
    rows = (
        rows.drop("event_date", strict=False)
        .with_columns(after=pl.col("valid_to") + _DAY)
        .join_asof(
            departures.select("person", "event_date", departed="event_date"),
            left_on="after", right_on="event_date", by="person", strategy="forward", check_sortedness=False,
        )
    )  # fmt: skip
    in_time = (pl.col("last") == "departure") & (pl.col("last_on") >= pl.col("valid_from"))
    outcome = (
        pl.when(in_time)
        .then(pl.lit("in_time"))
        .when(pl.col("departed") <= known_by)
        .then(pl.lit("late"))
        .otherwise(pl.lit("not_identified"))
    )
    return counted(rows.with_columns(outcome=outcome), where, among)


def _expired(study: ObservedStudy) -> pl.DataFrame:
    """Return the permissions that no other one follows immediately: `person, kind, valid_from, valid_to`."""
    granted = (
        study.records("exit_checks", "visa_type", "valid_from", "valid_to")
        .drop_nulls(["visa_type", "valid_from"])
        .sort("person", "valid_from", "valid_to", nulls_last=True)
    )
    first = pl.when(pl.col("visa_type") != "extension").then("visa_type")
    follows = pl.col("valid_from").shift(-1).over("person") <= pl.col("valid_to") + _DAY
    return granted.with_columns(kind=first.forward_fill().over("person")).filter(
        pl.col("valid_to").is_not_null(), ~follows.fill_null(value=False)
    )
