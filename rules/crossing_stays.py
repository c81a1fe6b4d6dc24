"""Stays by the definitions that look at crossings of the border: the kernel of each form is one pass over them."""

from datetime import date
from functools import partial

import duckdb
import polars as pl

from pipeline.tables import content_of, make_table, make_table_of, query
from rules.chained_stays import chained_stays
from rules.forms.chained_permissions import ChainedPermissions
from rules.forms.crossings_rule import CrossingsRule
from rules.forms.residence_rule import ResidenceRule
from rules.forms.short_term import ShortTermStay
from rules.model import PersonRules
from rules.residence_stays import residence_stays
from rules.short_term_stays import short_term_stays
from rules.sql_text import quoted
from rules.travel import crossings_as_sql, permissions_as_sql


def with_crossing_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, day: date, spells: str) -> str:
    """Return SQL of the classified stays in the table `spells`, and those by every rule over crossings.

    Reads `known` (evidence with `person_id`, as known on that day). Stays of people whom a rule does not measure,
    where it names another definition for them, are those of `spells`.
    """
    parts = [f"SELECT * FROM {spells}"]
    for rule in rules.crossings_rules:
        stays = f"stays_of_{rule.id}"
        tables = _make_travel(connection, rules, rule)
        measured = tables[-1]
        if connection.execute(f"SELECT count(*) FROM {measured}").fetchall() != [(0,)]:
            made_from = " ".join([*(content_of(connection, one) for one in tables), rule.model_dump_json(), str(day)])
            make_table_of(connection, stays, made_from, partial(_stays, connection, tables, rule, day))
            parts.append(f"SELECT * FROM {stays}")
        if rule.others_by is not None:
            parts.append(f"""
                SELECT * REPLACE ({quoted(rule.id)} AS definition)
                FROM {spells} ANTI JOIN {measured} USING (person_id)
                WHERE definition = {quoted(rule.others_by)}""")
    return " UNION ALL BY NAME ".join(parts)


def _make_travel(connection: duckdb.DuckDBPyConnection, rules: PersonRules, rule: CrossingsRule) -> list[str]:
    """Make the tables that a rule reads, and return their names: people in the last one are measured by it."""
    crossings = f"crossings_of_{rule.id}"
    make_table(connection, crossings, crossings_as_sql(rules, rule))
    if not isinstance(rule, ChainedPermissions):
        return [crossings]
    permissions = f"permissions_of_{rule.id}"
    make_table(connection, permissions, permissions_as_sql(rules, rule, rule.visits))
    stays = f"permissions_to_stay_of_{rule.id}"
    make_table(connection, stays, f"SELECT DISTINCT person_id FROM {permissions} WHERE NOT is_visit")
    return [crossings, permissions, stays]


def _stays(connection: duckdb.DuckDBPyConnection, tables: list[str], rule: CrossingsRule, day: date) -> pl.DataFrame:
    """Return the stays by one rule of the people in its tables."""
    crossed = query(connection, f"SELECT * FROM {tables[0]} ORDER BY person_id, day")
    if isinstance(rule, ChainedPermissions):
        given = query(connection, f"SELECT * FROM {tables[1]} ORDER BY person_id, valid_from, record_id")
        return chained_stays(crossed, given, rule, day)
    if isinstance(rule, ShortTermStay):
        return short_term_stays(crossed, rule, day)
    if isinstance(rule, ResidenceRule):
        return residence_stays(crossed, rule, day)
    raise TypeError(f"{type(rule).__name__}: nothing here makes stays by this form")
