"""Days from a stated arrival to registration in each source: as seen, and corrected for who is seen at all.

Lags among people who have registered are too short, because who registers late has not registered yet, and who never
registers is not there. The corrected shares are of all arrivals that the first source states: an arrival without a
registration is known not to have registered until the data date, and counts as censored on that day (E. L. Kaplan,
P. Meier, Nonparametric estimation from incomplete observations, 1958). Measures of this kind: ONS, lags between
arrival and registration for a National Insurance number or with the NHS (slides, January 2019).
"""

from collections.abc import Mapping
from datetime import date

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import ALL
from pipeline.tables import query
from rules.delivered_sources import covered_from
from rules.sql_text import quoted

BANDS = {
    "before": -1,
    "under_1_month": 0,
    "1_to_3_months": 31,
    "3_to_6_months": 92,
    "6_to_12_months": 183,
    "1_to_2_years": 366,
    "2_to_5_years": 731,
    "over_5_years": 1827,
}
"""First day of every band, in order; those of the published charts of the ONS, and `before` the arrival."""
NOT_SEEN = "not_seen"
PAIR = ["source_from", "source_to", "nationality_group"]


def registration_lags(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, SourceContract], data_date: date
) -> pl.DataFrame:
    """Return `registration_lags`, from `person_evidence` and `person`."""
    arrivals = _arrivals(connection, contracts, data_date)
    return shares_by_band(pl.concat([arrivals, arrivals.with_columns(nationality_group=pl.lit(ALL))]))


def _arrivals(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, SourceContract], data_date: date
) -> pl.DataFrame:
    """Return one row per person, source that states an arrival, and source in which people register.

    `lag` is null without a registration, and -1 for one before the arrival; `observed` are the days from arrival to
    the data date. A source that records departures is neither: its arrivals can be returns, and it registers nobody.
    Arrivals count from the day on which both sources are covered. A source states its own registrations by the day
    on which it knew of the arrival.
    """
    return query(
        connection,
        f"""
        WITH covered AS ({covered_from(contracts)}),
        dated AS (
            SELECT person_id, source, kind, "date" AS day,
                CASE WHEN date_quality = 'self_reported' THEN known_on ELSE "date" END AS registered_on, date_quality
            FROM person_evidence
            WHERE kind IN ('arrival', 'registration', 'enrolment') AND date_quality NOT IN ('tax_year', 'month')
                AND source NOT IN (SELECT source FROM person_evidence WHERE kind = 'departure')
        ),
        stated AS (
            SELECT person_id, source AS source_from, min(day) AS arrived,
                bool_or(date_quality = 'self_reported') AS own
            FROM dated WHERE kind = 'arrival' AND date_quality IN ('exact', 'self_reported')
            GROUP BY person_id, source
        ),
        registered AS (
            SELECT person_id, source AS source_to, min(registered_on) AS day FROM dated GROUP BY person_id, source
        )
        SELECT source_from, target.source AS source_to, CAST(nationality_group AS VARCHAR) AS nationality_group,
            CASE WHEN registered.day < arrived THEN -1 ELSE registered.day - arrived END AS lag,
            {quoted(data_date)} - arrived AS observed
        FROM stated JOIN person USING (person_id)
            JOIN (SELECT DISTINCT source FROM dated) AS target ON source_from <> target.source OR own
            LEFT JOIN registered ON registered.person_id = stated.person_id AND source_to = target.source
        WHERE arrived <= {quoted(data_date)} AND arrived >= (
            SELECT coalesce(max(covers_from), DATE '0001-01-01') FROM covered
            WHERE covered.source IN (source_from, target.source))
        ORDER BY ALL
        """,
    )


def shares_by_band(arrivals: pl.DataFrame) -> pl.DataFrame:
    """Return `registration_lags` of arrivals: `source_from, source_to, nationality_group, lag, observed`.

    `share_seen` is of the people who have registered, `share_all` of all, by the Kaplan-Meier estimate. Both medians
    are in the row `all`; that of all people is null where fewer than half register in the time observed.
    """
    registered = share_registered(arrivals)
    starts = pl.DataFrame({"band": list(BANDS), "time": list(BANDS.values())}, schema_overrides={"time": pl.Int64})
    in_bands = (
        registered.sort("time")
        .join_asof(starts, on="time")
        .group_by(*PAIR, "band")
        .agg(pl.col("share").max(), people=pl.col("events").sum())
    )
    share_by_end = pl.col("share").forward_fill().over(PAIR).fill_null(0.0)
    bands = (
        arrivals.select(PAIR).unique().join(starts, how="cross")
        .join(in_bands, on=[*PAIR, "band"], how="left")
        .sort(*PAIR, "time")
        .with_columns(pl.col("people").fill_null(0), share=share_by_end)
        .with_columns(
            share_all=pl.col("share") - pl.col("share").shift(fill_value=0.0).over(PAIR),
            share_seen=pl.col("people") / pl.col("people").sum().over(PAIR),
        )
    )  # fmt: skip
    not_seen = (
        arrivals.group_by(PAIR)
        .agg(people=pl.col("lag").is_null().sum())
        .join(bands.group_by(PAIR).agg(share_all=1 - pl.col("share").max()), on=PAIR)
    )
    medians = registered.filter(pl.col("share") >= 0.5).group_by(PAIR).agg(median_days_all=pl.col("time").min())
    whole = arrivals.group_by(PAIR).agg(
        people=pl.len(), share_all=pl.lit(1.0), share_seen=pl.lit(1.0),
        median_days_seen=pl.col("lag").quantile(0.5, "lower").cast(pl.Int64),
    ).join(medians, on=PAIR, how="left")  # fmt: skip
    parts = [bands, not_seen.with_columns(band=pl.lit(NOT_SEEN)), whole.with_columns(band=pl.lit(ALL))]
    return pl.concat(parts, how="diagonal_relaxed").with_columns(
        pl.col("share_all").round(6) + 0.0, pl.col("share_seen").fill_nan(None).round(6)
    )


def share_registered(arrivals: pl.DataFrame) -> pl.DataFrame:
    """Return the Kaplan-Meier estimate by `time`, in days from the arrival: `share` registered by then, `events`.

    An arrival that is censored on the day of a registration was still at risk on that day.
    """
    time = pl.coalesce("lag", "observed").cast(pl.Int64)
    at_risk = pl.col("leaving").sum().over(PAIR) - pl.col("leaving").cum_sum().over(PAIR) + pl.col("leaving")
    return (
        arrivals.group_by(*PAIR, time=time)
        .agg(events=pl.col("lag").is_not_null().sum().cast(pl.Int64), leaving=pl.len().cast(pl.Int64))
        .sort(*PAIR, "time")
        .with_columns(stays_out=1 - pl.col("events") / at_risk)
        .with_columns(share=1 - pl.col("stays_out").cum_prod().over(PAIR))
        .filter(pl.col("events") > 0)
        .select(*PAIR, "time", "events", "share")
    )
