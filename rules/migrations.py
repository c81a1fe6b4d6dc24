"""Migrations under every definition: a stay that counts begins with an arrival, or ends with a departure for good.

A birth begins a stay without immigration, a death ends it without emigration; a person present before they were first
observed can emigrate, but has no immigration. What is not known yet is in `late_migrations`.
"""

import duckdb
import polars as pl

from pipeline.schemas import COUNTED_STAYS
from pipeline.tables import make_table, query
from rules.contradictions import make_contradictions
from rules.model import PersonRules
from rules.possibly_one import make_doubts
from rules.sql_text import among, quoted


def migrations_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules) -> pl.DataFrame:
    """Return `migrations` of every definition, from the table `stay`."""
    make_migrations(connection, rules)
    return query(connection, "SELECT * FROM migration")


def make_migrations(connection: duckdb.DuckDBPyConnection, rules: PersonRules) -> None:
    """Make `migration`: the migrations of every definition, from the table `stay`.

    An unfinished stay or absence gives a `probable` migration at its probability; it is provisional, because its
    definition needs data later than its rule can observe. A departure after which the person was seen inside gives an
    emigration in `conflict`, at the probability that the person did not come back (table `contradiction`). All are
    less probable by what two people who may be one make of them (`rules/possibly_one.py`).
    """
    reasons = " ".join(f"WHEN {quoted(code)} THEN {quoted(reason)}" for code, reason in rules.reasons.items())
    reason = f"CASE code {reasons} END" if reasons else "NULL"
    counts = among("status", COUNTED_STAYS)
    published = quoted(rules.published)
    make_contradictions(connection, rules)
    make_table(
        connection,
        "migration_by_stays",
        f"""
        SELECT person_id, definition, start AS "date", 'immigration' AS direction,
            CASE WHEN {counts} THEN 'certain' ELSE 'probable' END AS status, probability,
            {reason} AS reason, stay_rule AS rule_id, start_rule AS dated_by, [start_record] AS record_ids,
            days - more_than_days AS days_over_threshold,
            observed_until - start <= more_than_days AS provisional, absent_more_than_days
        FROM stay WHERE start_kind = 'arrival' AND probability > 0
        UNION ALL
        SELECT person_id, definition, stop, 'emigration',
            CASE WHEN {counts} AND leaves = 'with_stay' THEN 'certain'
                WHEN leaves = 'by_absence' AND absent_days > absent_more_than_days THEN 'certain'
                ELSE 'probable' END, left_for_good,
            {reason}, stay_rule, end_rule, [end_record],
            CASE leaves WHEN 'with_stay' THEN days - more_than_days ELSE absent_days - absent_more_than_days END,
            CASE leaves WHEN 'with_stay' THEN observed_until - start <= more_than_days
                ELSE observed_until - stop <= absent_more_than_days END, absent_more_than_days
        FROM stay WHERE left_for_good > 0
        UNION ALL
        SELECT stay.person_id, definition, departed, 'emigration', 'conflict', 1.0 - came_back,
            {reason}, stay_rule, start_rule, [start_record], NULL, false,
            absent_more_than_days
        FROM contradiction JOIN stay
            ON stay.person_id = contradiction.person_id AND definition = {published} AND stop = until
        WHERE came_back < 1
        """,
    )
    make_doubts(connection, rules, "migration_by_stays")
    make_table(
        connection,
        "migration",
        """
        SELECT * EXCLUDE (absent_more_than_days, nobody) REPLACE (
            round(probability * (1.0 - coalesce(nobody, 0.0)), 6) AS probability)
        FROM migration_by_stays LEFT JOIN doubt USING (person_id, definition, "date", direction)
        """,
    )
