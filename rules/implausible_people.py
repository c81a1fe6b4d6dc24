"""People whose records cannot all be true: a wrong link, or a wrong date. They are counted, and nobody is changed."""

import duckdb
import polars as pl

from pipeline.tables import query

AFTER_DEATH_DAYS = 365
"""A sign of life is implausible from so long after a death: registers and tax years list the dead for a while."""
ALIVE = "('activity', 'address', 'arrival', 'departure', 'enrolment')"
DATED = "('exact', 'self_reported', 'registered')"
"""The qualities of a date that is a day."""


def implausible_table(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return `kind, source_l, source_r, people`: the people whom the records of two sources contradict.

    Reads `person_evidence` (evidence with `person_id`). The kinds are `after_death` (a sign of life of the right
    source more than a year after a death of the left one), `two_areas` (both put a person on one day into different
    areas) and `abroad` (a death that the right source has in the country between a departure and the next arrival
    that the left one saw; academic years begin while students may be abroad). A source may contradict itself.
    """
    return query(
        connection,
        f"""
        WITH crossing AS (
            SELECT person_id, source, kind, "date" AS gone,
                lead(kind) OVER later AS next_kind, lead("date") OVER later AS back
            FROM person_evidence WHERE kind IN ('arrival', 'departure')
                AND source IN (SELECT DISTINCT source FROM person_evidence WHERE kind = 'departure')
            WINDOW later AS (PARTITION BY person_id, source ORDER BY "date", kind)
        ), contradiction AS (
            SELECT 'after_death' AS kind, dead.source AS source_l, alive.source AS source_r, person_id
            FROM person_evidence AS dead JOIN person_evidence AS alive USING (person_id)
            WHERE dead.kind = 'death' AND alive.kind IN {ALIVE} AND alive."date" > dead."date" + {AFTER_DEATH_DAYS}
            UNION ALL
            SELECT 'two_areas', one.source, other.source, person_id
            FROM person_evidence AS one JOIN person_evidence AS other USING (person_id, "date")
            WHERE one.area <> other.area AND one.source <= other.source
                AND (one.source < other.source OR one.area < other.area)
                AND one.date_quality IN {DATED} AND other.date_quality IN {DATED}
            UNION ALL
            SELECT 'abroad', crossing.source, inside.source, person_id
            FROM crossing JOIN person_evidence AS inside USING (person_id)
            WHERE crossing.kind = 'departure' AND next_kind = 'arrival' AND inside.source <> crossing.source
                AND inside.kind = 'death'
                AND inside."date" > gone AND inside."date" < back
        )
        SELECT kind, source_l, source_r, count(DISTINCT person_id) AS people
        FROM contradiction GROUP BY ALL ORDER BY ALL
        """,
    )
