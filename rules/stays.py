"""The stage `stays`: people and their attributes, then their stays, migrations and residence, by the person rules."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import save, table_path
from pipeline.stage import StageContext, StageResult
from pipeline.tables import connect, query, view
from rules.border_completeness import border_completeness
from rules.bridge import bridge_table
from rules.calibration import calibrated_migrations, calibrated_residents, calibrated_stays
from rules.classification import make_classified_stays
from rules.contradictions import conflicts_table
from rules.days_present import days_present
from rules.flow_completeness import flow_completeness
from rules.forms.spells import OPEN
from rules.implausible_people import implausible_table
from rules.late_migrations import late_migrations_table
from rules.migrations import migrations_table
from rules.model import PersonRules
from rules.people import people_table
from rules.registration_lags import registration_lags
from rules.residents import residents_table
from rules.sql_text import quoted
from rules.stages import StaysStudy
from rules.unfinished import make_shares, make_stays
from rules.unknown_by_quarter import unknown_by_quarter

NOW, YEAR_BEFORE = "stays_known_now", "stays_known_a_year_before"
"""SQL tables of all stays as known on the data date, and as they were known a year before."""


def stays(context: StageContext[StaysStudy]) -> StageResult:
    """Read records, clusters (draw 0) and evidence; write tables on people and stays.

    They are `people`, `people_nationality`, `stays`, `migrations`, `late_migrations` and `residents`.

    `conflicts`, `bridge`, `unknown_by_quarter`, `days_present`, `registration_lags` and `border_completeness` are
    counts that describe them. A study without the sources that stays are measured from gets none of these tables.
    """
    study, folders = context.study, context.folders
    rules, contracts = study.rules, study.contracts
    facts = {
        "rule_set": study.rule_set,
        "rule_set_digest": study.rule_set_digest,
        "rule_set_extends": study.rule_set_extends,
        "definition": rules.published,
        "resident_family": rules.published_family,
        "extracts": ", ".join(study.extracts),
        "calibration": study.calibrated_by,
    }
    if study.skips:
        return StageResult.skipped(study.skips[0], facts)
    connection = connect_inputs(folders, contracts, context.threads)
    context.report("choosing the attributes of people")
    people = people_table(connection, rules, contracts, study.data_date)
    save(people, "people", context.out)
    save(query(connection, "SELECT * FROM person_nationality"), "people_nationality", context.out)
    save(implausible_table(connection), "implausible_people", context.out)
    context.report("dating stays")
    make_dated_stays(connection, rules, study.data_date)
    migrations = migrations_table(connection, rules)
    save(
        calibrated_stays(stays_table(connection, rules.published), people, study.calibration, rules.published),
        "stays",
        context.out,
    )
    late = late_migrations_table(connection, rules, YEAR_BEFORE)
    migrations, late = (
        calibrated_migrations(one, people, study.calibration, rules.published) for one in (migrations, late)
    )
    save(migrations, "migrations", context.out)
    save(late, "late_migrations", context.out)
    residents, not_measured = residents_table(connection, rules, study.stock_years)
    residents = calibrated_residents(residents, people, study.calibration, study.data_date)
    save(residents, "residents", context.out)
    for name, table in {
        "conflicts": conflicts_table(connection),
        "bridge": bridge_table(connection, rules, study.stock_years),
        "unknown_by_quarter": unknown_by_quarter(connection),
        "days_present": days_present(connection, contracts, study.data_date),
        "registration_lags": registration_lags(connection, contracts, study.data_date),
        "border_completeness": border_completeness(connection),
        "flow_completeness": flow_completeness(connection, study.calibration, rules.published, study.data_date),
    }.items():
        save(table, name, context.out)
    counts = _counts(connection, migrations.filter(pl.col("definition") == rules.published), residents)
    return StageResult(
        counts=counts,
        facts=facts,
        sentence=f"{counts['stays']:,} stays of {counts['people']:,} people; "
        f"{counts['immigrations']:,} immigrations and {counts['emigrations']:,} emigrations, "
        f"{counts['probable']:,} of them probable",
        warnings=(*_alive_after_death(connection), *not_measured),
    )


def connect_inputs(
    folders: Mapping[str, Path], contracts: Mapping[str, SourceContract], threads: int
) -> duckdb.DuckDBPyConnection:
    """Return a connection with what the person rules read.

    That is `evidence`, `clusters`, `mothers`, `possibly_one`, `link_errors`, `records_<extract>` and, of linked
    sources, `tokens_<source>`.
    """
    connection = connect(threads)
    view(
        connection,
        evidence=table_path(folders["evidence"], "evidence"),
        clusters=table_path(folders["link"], "clusters"),
        mothers=table_path(folders["link"], "mothers"),
        possibly_one=table_path(folders["link"], "possibly_one"),
        link_errors=table_path(folders["link"], "link_errors"),
    )
    for contract in contracts.values():
        for extract in contract.extracts:
            view(connection, **{f"records_{extract}": folders["ingest"] / "records" / f"{extract}.parquet"})
        tokens = folders["ingest"] / "tokens" / f"{contract.source}.parquet"
        if tokens.exists():
            view(connection, **{f"tokens_{contract.source}": tokens})
    return connection


def a_year_before(day: date) -> date:
    """Return the same day of the year before; for 29 February its last day of February."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def make_dated_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, data_date: date) -> None:
    """Make the table `stay` as of the data date; unfinished cases count at the shares of the year before."""
    make_classified_stays(connection, rules, a_year_before(data_date), YEAR_BEFORE)
    make_classified_stays(connection, rules, data_date, NOW)
    make_shares(connection, rules, now=NOW, before=YEAR_BEFORE)
    make_stays(connection, rules, NOW)


def stays_table(connection: duckdb.DuckDBPyConnection, published: str) -> pl.DataFrame:
    """Return the published columns of `stay`, and whether a stay is `provisional`.

    Reads also `contradiction`, of the `published` definition. A stay of which nobody knows whether the person left in
    it is in `conflict`: it is long-term in any case.
    """
    doubtful = f"""definition = {quoted(published)} AND (person_id, stop) IN
                (SELECT (person_id, until) FROM contradiction WHERE came_back < 1)"""
    return query(
        connection,
        f"""
        SELECT person_id, definition, stay_rule, start, CASE WHEN stop < {OPEN} THEN stop END AS "end",
            start_kind = 'arrival' AS starts_by_arrival, end_reason,
            CASE WHEN {doubtful} THEN 'conflict' ELSE status END AS status, branch,
            concat_ws(', ', start_rule, CASE WHEN end_rule <> start_rule THEN end_rule END) AS decided_by,
            start_rule, start_record, end_rule, end_record, days,
            CASE WHEN branch NOT IN ('present_before', 'born_here') THEN days - more_than_days
                END AS days_over_threshold,
            absent_days, absent_days - absent_more_than_days AS absent_days_over_threshold, probability,
            observed_until - start <= more_than_days AS provisional
        FROM stay
        """,
    )


def _alive_after_death(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Warn of people with signs of life more than a year after their death; registers of the living list the dead."""
    alive = "('activity', 'address', 'arrival', 'departure', 'enrolment')"
    (people,) = query(
        connection,
        f"""
        SELECT count(DISTINCT person_id) FROM person_evidence JOIN person USING (person_id)
        WHERE kind IN {alive} AND "date" > death_date + 365
        """,
    ).row(0)
    return (
        (f"{people:,} people have evidence dated more than a year after their death: a wrong link, or a wrong date",)
        if people
        else ()
    )


def _counts(
    connection: duckdb.DuckDBPyConnection, migrations: pl.DataFrame, residents: pl.DataFrame
) -> dict[str, int]:
    (people, rows) = query(connection, "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM stay)").row(0)
    return {
        "people": people,
        "stays": rows,
        "immigrations": migrations.filter(pl.col("direction") == "immigration").height,
        "emigrations": migrations.filter(pl.col("direction") == "emigration").height,
        "probable": migrations.filter(pl.col("status") == "probable").height,
        "residents_last_date": residents.filter(
            pl.col("published") & pl.col("resident") & (pl.col("reference_date") == pl.col("reference_date").max())
        ).height,
    }
