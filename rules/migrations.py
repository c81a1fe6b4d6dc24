"""Changes of usual residence: a long-term stay that begins by an arrival, or ends by a departure for good.

A birth begins a stay without immigration, a death ends it without emigration; whoever was here before
anybody observed them leaves as an emigrant, but never arrived.
"""

import duckdb
import polars as pl

from pipeline.tables import query
from rules.language import quoted
from rules.model import RuleSet


def migrations_table(connection: duckdb.DuckDBPyConnection, rule_set: RuleSet) -> pl.DataFrame:
    """Return `migrations` of the composite definition from the table `stay`.

    An unfinished stay or absence gives a `probable` migration at its probability; it is provisional, since
    its definition needs data later than what its rule can see.
    """
    reasons = " ".join(f"WHEN {quoted(code)} THEN {quoted(reason)}" for code, reason in rule_set.reasons.items())
    reason = f"CASE code {reasons} END" if reasons else "NULL"
    composite = quoted(rule_set.definition.id)
    return query(
        connection,
        f"""
        SELECT person_id, definition, start AS "date", 'immigration' AS direction,
            CASE WHEN status = 'long_term' THEN 'certain' ELSE 'probable' END AS status, probability,
            {reason} AS reason, stay_rule AS rule_id, [start_record] AS record_ids,
            observed_until - start <= more_than AS provisional
        FROM stay WHERE definition = {composite} AND start_kind = 'arrival' AND probability > 0
        UNION ALL
        SELECT person_id, definition, stop, 'emigration',
            CASE WHEN absent_days > absent THEN 'certain' ELSE 'probable' END, left_for_good,
            {reason}, stay_rule, [end_record],
            observed_until - stop <= absent
        FROM stay WHERE definition = {composite} AND left_for_good > 0
        """,
    )
