"""People and their attributes: each attribute from the first place that has a value, by the rule set's precedence.

Sex, month of birth, nationality and country of birth are read from records, the area and the date of death from
evidence. The number of sources with another value is kept beside each attribute that is read from records.
"""

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.tables import make_table, query
from rules.households import filled_from_family, make_family
from rules.model import FAMILY, MOTHER, Attribute, PersonRules
from rules.sql_text import among, position_in, quoted


def people_table(
    connection: duckdb.DuckDBPyConnection, rules: PersonRules, contracts: dict[str, SourceContract]
) -> pl.DataFrame:
    """Return `people`; makes what `make_people` makes."""
    make_people(connection, rules, contracts)
    return query(connection, "SELECT * FROM person")


def make_people(
    connection: duckdb.DuckDBPyConnection, rules: PersonRules, contracts: dict[str, SourceContract]
) -> None:
    """Make the tables `member` (subjects of people), `person_evidence`, `family` and `person`.

    Reads the views `clusters`, `mothers`, `evidence`, `records_<extract>` and `tokens_<source>`; people are the
    clusters with a subject in a source whose contract counts as resident.
    """
    resident_sources = [source for source, contract in contracts.items() if contract.counts_as_resident]
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
        ("person_by_source", _people_as_sql(rules, contracts)),
    ):
        make_table(connection, name, sql)
    if rules.household is not None:
        make_family(connection, rules.household, tuple(one for one in rules.household.homes if one in contracts))
    make_table(connection, "person", filled_from_family(rules))


def _people_as_sql(rules: PersonRules, contracts: dict[str, SourceContract]) -> str:
    joins = [f"LEFT JOIN ({_attribute(one, rules, contracts)}) USING (person_id)" for one in rules.attributes]
    return f"""
        SELECT * REPLACE (coalesce(area_history, []) AS area_history) FROM (SELECT DISTINCT person_id FROM member)
        {" ".join(joins)}
        LEFT JOIN ({_areas(rules)}) USING (person_id)
        LEFT JOIN ({death_dates("person_evidence", rules)}) USING (person_id)"""


def _attribute(attribute: Attribute, rules: PersonRules, contracts: dict[str, SourceContract]) -> str:
    """Return SQL with one row per person: the value, its source, and the number of sources that disagree."""
    source_of = {extract: source for source, contract in contracts.items() for extract in contract.extracts}
    name, prefix = attribute.id, attribute.id.removesuffix("_group")
    sql_type = "DATE" if name == "birth_month" else "VARCHAR"
    values = f"SELECT 0 AS precedence, '' AS source, 0 AS person_id, CAST(NULL AS {sql_type}) AS value WHERE false"
    for precedence, place in enumerate(attribute.read):
        extract, _, column = place.partition(".")
        if place == FAMILY:  # families are known only when the attributes of all people are
            continue
        if place == MOTHER:
            values += f" UNION ALL {_values_of_mothers(precedence, values)}"
        elif extract in source_of:  # a study need not have every source of the rule set
            trusted = _trusted(attribute, place, rules)
            values += f" UNION ALL {_values(precedence, extract, column, source_of[extract], trusted)}"
    default = quoted(attribute.default) if attribute.default else f"CAST(NULL AS {sql_type})"
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
                FROM (SELECT precedence, source, person_id, {_grouped(attribute, rules)} AS value FROM ({values}))
                WINDOW best AS (PARTITION BY person_id ORDER BY precedence)
            )
            GROUP BY person_id
        ) USING (person_id)"""


def _trusted(attribute: Attribute, place: str, rules: PersonRules) -> str:
    """Return the condition on `value` under which the value in a place is trusted."""
    if place not in attribute.only:
        return "value IS NOT NULL"
    return among("value", [str(one) for name in attribute.only[place] for one in rules.lists[name]])


def _values(precedence: int, extract: str, column: str, source: str, trusted: str) -> str:
    """Choose the value of each person in one extract: the most frequent, then the one on the latest record."""
    return f"""
        SELECT {precedence} AS precedence, {quoted(source)} AS source, person_id,
            first(value ORDER BY frequency DESC, latest DESC) AS value
        FROM (
            SELECT person_id, "{column}" AS value, count(*) AS frequency, max(record_id) AS latest
            FROM records_{extract} JOIN member USING (subject_id)
            WHERE member.source = {quoted(source)} GROUP BY person_id, "{column}"
        ) WHERE {trusted} GROUP BY person_id"""


def _values_of_mothers(precedence: int, values: str) -> str:
    """Return the mother's value by the child's `person_id`; `values` is the SQL of the places read before."""
    return f"""
        SELECT {precedence} AS precedence, {quoted(MOTHER)} AS source, child.person_id,
            first(value ORDER BY before.precedence) AS value
        FROM mothers JOIN member AS child USING (source, subject_id)
            JOIN member AS mother ON mother.source = mother_source AND mother.subject_id = mother_subject_id
            JOIN ({values}) AS before ON before.person_id = mother.person_id
        GROUP BY child.person_id"""


def _grouped(attribute: Attribute, rules: PersonRules) -> str:
    if attribute.groups is None:
        return "value"
    branches = " ".join(
        f"WHEN {among('value', [str(one) for one in rules.lists[members]])} THEN {quoted(group)}"
        for group, members in attribute.groups.lists.items()
    )
    return f"CASE {branches} ELSE {quoted(attribute.groups.otherwise)} END"


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
