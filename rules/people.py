"""The stage `stays`: people and their attributes, then their stays, migrations and residence.

An attribute of a person is chosen among the sources by the rule set's precedence, and the number of sources
that say otherwise is kept beside it.
"""

from datetime import date, timedelta

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import save, table_path
from pipeline.stage import StageContext, StageResult
from pipeline.tables import connect, query, view
from rules.language import quoted
from rules.migrations import migrations_table
from rules.model import MOTHER, Attribute, PersonRules
from rules.residents import residents_table
from rules.spells import among
from rules.stages import StaysStudy
from rules.stays import make_classed, make_shares, make_stays, stays_table

NOW, BEFORE = "classed_now", "classed_before"
"""Tables of all stays as known on the data date, and as they were known a year before."""


def stays(context: StageContext[StaysStudy]) -> StageResult:
    """Read records, clusters (draw 0) and evidence; write `people`, `stays`, `migrations` and `residents`."""
    study, folders = context.study, context.folders
    rules, contracts = study.rules, study.contracts
    connection = connect(context.threads)
    view(
        connection,
        evidence=table_path(folders["evidence"], "evidence"),
        clusters=table_path(folders["link"], "clusters"),
        mothers=table_path(folders["link"], "mothers"),
    )
    for contract in contracts.values():
        for extract in contract.extracts:
            view(connection, **{f"records_{extract}": folders["ingest"] / "records" / f"{extract}.parquet"})
    context.report("choosing the attributes of people")
    save(people_table(connection, rules, contracts), "people", context.out)
    context.report("dating stays")
    dated_stays(connection, rules, study.data_date)
    save(stays_table(connection), "stays", context.out)
    migrations = migrations_table(connection, rules, BEFORE)
    save(migrations, "migrations", context.out)
    residents = residents_table(connection, rules, study.stock_years)
    save(residents, "residents", context.out)
    counts = _counts(connection, migrations, residents)
    return StageResult(
        counts=counts,
        facts={"rule_set": study.rule_set, "rule_set_digest": study.rule_set_digest},
        sentence=f"{counts['stays']:,} stays of {counts['people']:,} people; "
        f"{counts['immigrations']:,} immigrations and {counts['emigrations']:,} emigrations, "
        f"{counts['probable']:,} of them probable",
        warnings=_contradictions(connection),
    )


def people_table(
    connection: duckdb.DuckDBPyConnection, rules: PersonRules, contracts: dict[str, SourceContract]
) -> pl.DataFrame:
    """Return `people` and make the tables `member` (subjects of people), `testimony` and `person`.

    Reads the views `clusters`, `evidence` and `records_<extract>`; people are those with a subject in a
    source that counts as resident.
    """
    resident = [source for source, contract in contracts.items() if contract.counts_as_resident]
    for sql in (
        f"""CREATE OR REPLACE TEMP TABLE member AS
            SELECT source, subject_id, person_id FROM clusters
            WHERE draw = 0 AND {among("source", resident)}""",
        """CREATE OR REPLACE TEMP TABLE testimony AS
            SELECT person_id, evidence.* REPLACE (CAST(kind AS VARCHAR) AS kind)
            FROM evidence JOIN member USING (source, subject_id)""",
        f"CREATE OR REPLACE TEMP TABLE person AS {_people_as_sql(rules, contracts)}",
    ):
        connection.execute(sql).fetchall()
    return query(connection, "SELECT * FROM person")


def _people_as_sql(rules: PersonRules, contracts: dict[str, SourceContract]) -> str:
    joins = [f"LEFT JOIN ({_attribute(one, rules, contracts)}) USING (person_id)" for one in rules.attributes]
    return f"""
        SELECT * REPLACE (coalesce(area_history, []) AS area_history) FROM (SELECT DISTINCT person_id FROM member)
        {" ".join(joins)}
        LEFT JOIN ({_areas(rules)}) USING (person_id)
        LEFT JOIN ({_deaths(rules)}) USING (person_id)"""


def _attribute(attribute: Attribute, rules: PersonRules, contracts: dict[str, SourceContract]) -> str:
    """Return SQL with one row a person: the value, its source, and how many sources disagree."""
    source_of = {extract: source for source, contract in contracts.items() for extract in contract.extracts}
    name, prefix = attribute.id, attribute.id.removesuffix("_group")
    kind = "DATE" if name == "birth_month" else "VARCHAR"
    said = f"SELECT 0 AS place, '' AS source, 0 AS person_id, CAST(NULL AS {kind}) AS said WHERE false"
    for place, read in enumerate(attribute.read):
        extract, _, column = read.partition(".")
        if read == MOTHER:
            said += f" UNION ALL {_said_of_the_mother(place, said)}"
        elif extract in source_of:  # a study need not have every source of the rule set
            believed = _believed(attribute, read, rules)
            said += f" UNION ALL {_said(place, extract, column, source_of[extract], believed)}"
    default = quoted(attribute.default) if attribute.default else f"CAST(NULL AS {kind})"
    default_source = quoted("default") if attribute.default else "CAST(NULL AS VARCHAR)"
    return f"""
        SELECT person_id, coalesce(chosen, {default}) AS {name},
            coalesce(CASE WHEN chosen IS NOT NULL THEN chosen_source END, {default_source}) AS {prefix}_source,
            CAST(coalesce(disagreements, 0) AS INTEGER) AS {prefix}_disagreements
        FROM (SELECT DISTINCT person_id FROM member) LEFT JOIN (
            SELECT person_id, first(chosen) AS chosen, first(chosen_source) AS chosen_source,
                count(DISTINCT source) FILTER (WHERE said <> chosen) AS disagreements
            FROM (
                SELECT *, first(said) OVER best AS chosen, first(source) OVER best AS chosen_source
                FROM (SELECT place, source, person_id, {_grouped(attribute, rules)} AS said FROM ({said}))
                WINDOW best AS (PARTITION BY person_id ORDER BY place)
            )
            GROUP BY person_id
        ) USING (person_id)"""


def _believed(attribute: Attribute, read: str, rules: PersonRules) -> str:
    """Return the condition on `said` under which what is read at a place is believed."""
    if read not in attribute.only:
        return "said IS NOT NULL"
    return among("said", [str(value) for name in attribute.only[read] for value in rules.lists[name]])


def _said(place: int, extract: str, column: str, source: str, believed: str) -> str:
    """Choose what an extract says of each person: the most frequent value, then the one on the latest record."""
    return f"""
        SELECT {place} AS place, {quoted(source)} AS source, person_id,
            first(said ORDER BY times DESC, latest DESC) AS said
        FROM (
            SELECT person_id, "{column}" AS said, count(*) AS times, max(record_id) AS latest
            FROM records_{extract} JOIN member USING (subject_id)
            WHERE member.source = {quoted(source)} GROUP BY person_id, "{column}"
        ) WHERE {believed} GROUP BY person_id"""


def _said_of_the_mother(place: int, said: str) -> str:
    """Return what the sources before say of the mother, by the child's `person_id`."""
    return f"""
        SELECT {place} AS place, {quoted(MOTHER)} AS source, child.person_id,
            first(said ORDER BY before.place) AS said
        FROM mothers JOIN member AS child USING (source, subject_id)
            JOIN member AS mother ON mother.source = mother_source AND mother.subject_id = mother_subject_id
            JOIN ({said}) AS before ON before.person_id = mother.person_id
        GROUP BY child.person_id"""


def _grouped(attribute: Attribute, rules: PersonRules) -> str:
    if attribute.groups is None:
        return "said"
    branches = " ".join(
        f"WHEN {among('said', [str(one) for one in rules.lists[members]])} THEN {quoted(group)}"
        for group, members in attribute.groups.lists.items()
    )
    return f"CASE {branches} ELSE {quoted(attribute.groups.otherwise)} END"


def _areas(rules: PersonRules) -> str:
    """Choose the latest area of the first rule that knows one, and list all areas of that rule in order."""
    place = _place_of("rule_id", rules.areas)
    return f"""
        SELECT person_id, last(area ORDER BY since) AS area, first(source) AS area_source,
            list(struct_pack(area := area, since := since) ORDER BY since) AS area_history
        FROM (
            SELECT person_id, source, area, since,
                coalesce(lag(area) OVER (PARTITION BY person_id ORDER BY since) <> area, true) AS moved
            FROM (
                SELECT person_id, "date" AS since, {place} AS place,
                    min({place}) OVER (PARTITION BY person_id) AS best,
                    first(source ORDER BY record_id) AS source, last(area ORDER BY record_id) AS area
                FROM testimony WHERE area IS NOT NULL AND {among("rule_id", rules.areas)}
                GROUP BY person_id, "date", {place}
            ) WHERE place = best
        ) WHERE moved GROUP BY person_id"""


def _deaths(rules: PersonRules) -> str:
    place = _place_of("rule_id", rules.deaths)
    return f"""
        SELECT person_id, first("date" ORDER BY {place}, "date") AS death_date
        FROM testimony WHERE {among("rule_id", rules.deaths)} GROUP BY person_id"""


def _place_of(column: str, names: tuple[str, ...]) -> str:
    branches = " ".join(f"WHEN {quoted(name)} THEN {place}" for place, name in enumerate(names))
    return f"CASE {column} {branches} END" if branches else "0"


def dated_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, data_date: date) -> None:
    """Make the table `stay` as of the data date, unfinished cases counted by those of the year before."""
    make_classed(connection, rules, data_date - timedelta(365), BEFORE)
    make_classed(connection, rules, data_date, NOW)
    make_shares(connection, rules, now=NOW, before=BEFORE)
    make_stays(connection, rules, NOW)


def _contradictions(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Count people of whom something is known long after their death; registers of the living list the dead."""
    alive = "('activity', 'address', 'arrival', 'departure', 'enrolment')"
    (people,) = query(
        connection,
        f"""
        SELECT count(DISTINCT person_id) FROM testimony JOIN person USING (person_id)
        WHERE kind IN {alive} AND "date" > death_date + 365
        """,
    ).row(0)
    return (
        (f"{people:,} people did something more than a year after their death: a wrong link, or a wrong date",)
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
            pl.col("resident") & (pl.col("reference_date") == pl.col("reference_date").max())
        ).height,
    }
