"""People and their attributes: each attribute from the first place that has a value, by the rule set's precedence.

Sex, month of birth, nationality and country of birth are read from records, the area and the date of death from
evidence. Beside each attribute that is read from records stand the number of sources with another value, and the
probability that the value is right: 1 unless sources disagree, or none has one.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.tables import make_table, query
from rules.attribute_values import grouped, values_in_places
from rules.disagreements import make_value_probabilities
from rules.households import filled_from_family, make_family
from rules.model import NATIONALITY, Attribute, PersonRules
from rules.nationality import make_nationality
from rules.sql_text import among, position_in, quoted

ESTIMATED = "estimated"
"""The source of a nationality group that no place tells, or against which other records speak."""


def people_table(
    connection: duckdb.DuckDBPyConnection,
    rules: PersonRules,
    contracts: Mapping[str, SourceContract],
    data_date: date,
) -> pl.DataFrame:
    """Return `people`; makes what `make_people` makes."""
    make_people(connection, rules, contracts, data_date)
    return query(connection, "SELECT * FROM person")


def make_people(
    connection: duckdb.DuckDBPyConnection,
    rules: PersonRules,
    contracts: Mapping[str, SourceContract],
    data_date: date,
) -> None:
    """Make the tables `member` (subjects of people), `person_evidence`, `family`, `person_nationality` and `person`.

    Reads the views `clusters`, `mothers`, `evidence`, `records_<extract>` and `tokens_<source>`; people are the
    clusters with a subject in a source whose contract counts as resident.
    """
    resident_sources = [source for source, contract in contracts.items() if contract.counts_as_resident]
    source_of = {extract: source for source, contract in contracts.items() for extract in contract.extracts}
    for name, sql in (
        (
            "member",
            f"""SELECT source, subject_id, person_id FROM clusters
            WHERE draw = 0 AND {among("source", resident_sources)}""",
        ),
        (
            "person_evidence",
            """SELECT person_id, evidence.* REPLACE (CAST(kind AS VARCHAR) AS kind)
            FROM evidence JOIN member USING (source, subject_id)""",
        ),
        *((f"told_{one.id}", _told(one, rules, source_of)) for one in rules.attributes),
        ("person_by_source", _people_as_sql(rules)),
    ):
        make_table(connection, name, sql)
    if rules.household is not None:
        make_family(connection, rules.household, tuple(one for one in rules.household.homes if one in contracts))
    make_table(connection, "person_told", filled_from_family(rules))
    make_nationality(connection, rules, contracts, data_date)
    compared = [one.id for one in rules.attributes if one.id != NATIONALITY]
    for name in compared:
        make_value_probabilities(connection, name)
    make_table(connection, "person", _with_probabilities(compared))


def _told(attribute: Attribute, rules: PersonRules, source_of: Mapping[str, str]) -> str:
    values = values_in_places(attribute, rules, source_of)
    return f"SELECT precedence, source, person_id, {grouped(attribute, rules)} AS value FROM ({values})"


def _people_as_sql(rules: PersonRules) -> str:
    joins = [f"LEFT JOIN ({_attribute(one)}) USING (person_id)" for one in rules.attributes]
    return f"""
        SELECT * REPLACE (coalesce(area_history, []) AS area_history) FROM (SELECT DISTINCT person_id FROM member)
        {" ".join(joins)}
        LEFT JOIN ({_areas(rules)}) USING (person_id)
        LEFT JOIN ({death_dates("person_evidence", rules)}) USING (person_id)"""


def _attribute(attribute: Attribute) -> str:
    """Return SQL with one row per person: the value, its source, and the number of sources that disagree."""
    name, prefix = attribute.id, attribute.id.removesuffix("_group")
    default = quoted(attribute.default) if attribute.default else "NULL"
    default_source = quoted("default") if attribute.default else "CAST(NULL AS VARCHAR)"
    return f"""
        SELECT person_id, coalesce(chosen, {default}) AS {name},
            coalesce(CASE WHEN chosen IS NOT NULL THEN chosen_source END, {default_source}) AS {prefix}_source,
            CAST(coalesce(disagreements, 0) AS INTEGER) AS {prefix}_disagreements
        FROM (SELECT DISTINCT person_id FROM member) LEFT JOIN (
            SELECT person_id, first(chosen) AS chosen, first(chosen_source) AS chosen_source,
                count(DISTINCT source) FILTER (WHERE value <> chosen) AS disagreements
            FROM (
                SELECT *, first(value) OVER best AS chosen, first(source) OVER best AS chosen_source
                FROM told_{name} WINDOW best AS (PARTITION BY person_id ORDER BY precedence)
            )
            GROUP BY person_id
        ) USING (person_id)"""


def _with_probabilities(compared: Sequence[str]) -> str:
    """Return SQL of `person`: the likeliest nationality group at registration, and how likely each attribute is."""
    likely = "".join(
        f""",
            CASE WHEN told.{name} IS NULL THEN NULL
                WHEN coalesce({name}_source, 'default') = 'default' THEN coalesce(usual_{name}.share, 1.0)
                ELSE coalesce(likely_{name}.probability, 1.0) END AS {name}_probability"""
        for name in compared
    )
    joins = "".join(
        f"""
            LEFT JOIN value_of_{name} AS likely_{name}
                ON likely_{name}.person_id = told.person_id AND likely_{name}.value = told.{name}
            LEFT JOIN share_of_{name} AS usual_{name} ON usual_{name}.value = told.{name}"""
        for name in compared
    )
    return f"""
        SELECT told.* REPLACE (
                registered."group" AS nationality_group,
                CASE WHEN told.nationality_group = registered."group" THEN nationality_source
                    ELSE '{ESTIMATED}' END AS nationality_source),
            registered.probability AS nationality_probability{likely}
        FROM person_told AS told JOIN (
            SELECT nationality.person_id,
                first("group" ORDER BY probability DESC, "group" = nationality_group DESC, "group") AS "group",
                max(probability) AS probability
            FROM person_nationality AS nationality JOIN person_told USING (person_id) WHERE "view" = 'registration'
            GROUP BY nationality.person_id
        ) AS registered USING (person_id){joins}"""


def _areas(rules: PersonRules) -> str:
    """Choose the latest area of the first rule that gives one, and list all areas of that rule in order."""
    precedence = position_in(rules.areas, "rule_id")
    return f"""
        SELECT person_id, last(area ORDER BY since) AS area, first(source) AS area_source,
            list(struct_pack(area := area, since := since) ORDER BY since) AS area_history
        FROM (
            SELECT person_id, source, area, since,
                coalesce(lag(area) OVER (PARTITION BY person_id ORDER BY since) <> area, true) AS moved
            FROM (
                SELECT person_id, "date" AS since, {precedence} AS precedence,
                    min({precedence}) OVER (PARTITION BY person_id) AS best,
                    first(source ORDER BY record_id) AS source, last(area ORDER BY record_id) AS area
                FROM person_evidence WHERE area IS NOT NULL AND {among("rule_id", rules.areas)}
                GROUP BY person_id, "date", {precedence}
            ) WHERE precedence = best
        ) WHERE moved GROUP BY person_id"""


def death_dates(evidence: str, rules: PersonRules) -> str:
    """Return SQL for `person_id, death_date` from a table of evidence: the date by the first rule that has one."""
    return f"""
        SELECT person_id, first("date" ORDER BY {position_in(rules.deaths, "rule_id")}, "date") AS death_date
        FROM {evidence} WHERE {among("rule_id", rules.deaths)} GROUP BY person_id"""
