"""How much of each quarter is not known yet: cases that a definition cannot classify until more data have come."""

import duckdb
import polars as pl

from pipeline.tables import query
from rules.forms.spells import OPEN


def unknown_by_quarter(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return `unknown_by_quarter` of every definition, from the table `stay`.

    An arrival is known once its stay is long-term or too short, a departure from a long-term stay once the absence is
    long enough. Arrivals for short stays are no migration and are left out.
    """
    return query(
        connection,
        f"""
        WITH change AS (
            SELECT definition, 'immigration' AS direction, start AS day, status = 'long_term' AS known, probability
            FROM stay WHERE start_kind = 'arrival' AND status <> 'short_term'
            UNION ALL
            SELECT definition, 'emigration', stop, absent_days > absent_more_than_days, left_for_good
            FROM stay WHERE status = 'long_term' AND stop < {OPEN} AND end_reason <> 'death'
        )
        SELECT definition, direction, CAST(date_trunc('quarter', day) AS DATE) AS period_start,
            CAST(date_trunc('quarter', day) + INTERVAL 3 MONTH AS DATE) - 1 AS period_end,
            count(*) FILTER (WHERE known) AS certain, count(*) FILTER (WHERE NOT known) AS unknown,
            coalesce(sum(CAST(round(probability * 1000000) AS BIGINT)) FILTER (WHERE NOT known), 0) / 1000000.0
                AS expected,
            round(count(*) FILTER (WHERE NOT known) / count(*)::DOUBLE, 6) AS share_unknown
        FROM change GROUP BY ALL
        """,
    )
