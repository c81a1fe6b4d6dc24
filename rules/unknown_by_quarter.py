"""How much of each quarter is not known yet: cases that a definition cannot classify until more data have come."""

import duckdb
import polars as pl

from pipeline.schemas import COUNTED_STAYS
from pipeline.tables import query
from rules.forms.spells import OPEN
from rules.sql_text import among


def unknown_by_quarter(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return `unknown_by_quarter` of every definition, from the table `stay`.

    An arrival is known once its stay counts or cannot count, a departure from a long-term stay once the absence is
    long enough; a short-term stay counts as a whole. Arrivals for stays that do not count are left out.
    """
    counts = among("status", COUNTED_STAYS)
    return query(
        connection,
        f"""
        WITH change AS (
            SELECT definition, 'immigration' AS direction, start AS day, {counts} AS known, probability
            FROM stay WHERE start_kind = 'arrival' AND ({counts} OR status = 'unfinished')
            UNION ALL
            SELECT definition, 'emigration', stop, absent_days > absent_more_than_days, left_for_good
            FROM stay WHERE leaves = 'by_absence' AND stop < {OPEN} AND end_reason <> 'death'
            UNION ALL
            SELECT definition, 'emigration', stop, {counts}, left_for_good
            FROM stay WHERE leaves = 'with_stay' AND stop < {OPEN} AND end_reason <> 'death'
                AND ({counts} OR status = 'unfinished')
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
