"""How complete the record of the border is: crossings that must have happened, since the person crossed again later.

Whoever is seen to arrive a second time has left in between. The share of such departures that were recorded, by the
permission that was in force, is the completeness of departures, and likewise that of arrivals between departures. It
is true of people who left for good only if their departures are recorded as well as those of people who came back.
"""

import duckdb
import polars as pl

from pipeline.schemas import ALL
from pipeline.tables import query

NO_ROUTE = "none"
"""In place of a route: nobody knows of a permission in force at that time."""


def border_completeness(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return `border_completeness`, from `person_evidence`.

    Crossings are arrivals and departures of a source that records departures; those of one day cancel out. Limits are
    Wilson's of 95% (E. B. Wilson, J. American Statistical Association 22, 1927) with people as the number of trials,
    not crossings: what hides one crossing of a person may hide all.
    """
    return query(
        connection,
        f"""
        WITH crossed AS (
            SELECT person_id, "date" AS day, sum(CASE kind WHEN 'arrival' THEN 1 ELSE -1 END) > 0 AS is_arrival
            FROM person_evidence
            WHERE kind IN ('arrival', 'departure')
                AND source IN (SELECT source FROM person_evidence WHERE kind = 'departure')
            GROUP BY person_id, day HAVING sum(CASE kind WHEN 'arrival' THEN 1 ELSE -1 END) <> 0
        ),
        crossing AS (
            SELECT *, lag(is_arrival) OVER past AS arrived_last, lag(day) OVER past AS last_day,
                bool_or(is_arrival) OVER (past ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS has_arrived,
                bool_or(NOT is_arrival) OVER (past ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS has_left
            FROM crossed WINDOW past AS (PARTITION BY person_id ORDER BY day)
        ),
        between_two AS (
            SELECT person_id, CASE WHEN is_arrival THEN 'departure' ELSE 'arrival' END AS crossing,
                CASE WHEN is_arrival THEN last_day ELSE day END AS day, is_arrival <> arrived_last AS seen
            FROM crossing WHERE CASE WHEN is_arrival THEN has_arrived ELSE has_left END
        ),
        given AS (
            SELECT person_id, "date" AS valid_from, max(end_date) AS valid_to, max(end_date IS NULL) AS is_open,
                min(code) AS code
            FROM person_evidence WHERE kind = 'permission' GROUP BY ALL
        ),
        routed AS (
            SELECT between_two.*, coalesce(CASE WHEN is_open OR day < valid_to THEN code END, '{NO_ROUTE}') AS route
            FROM between_two ASOF LEFT JOIN given
                ON given.person_id = between_two.person_id AND between_two.day >= given.valid_from
        ),
        counted AS (
            SELECT crossing, coalesce(route, '{ALL}') AS route, count(*) AS crossings,
                count(*) FILTER (WHERE seen) AS recorded, count(DISTINCT person_id) AS people,
                recorded / crossings::DOUBLE AS completeness
            FROM routed GROUP BY GROUPING SETS ((crossing, route), (crossing))
        ),
        limited AS (
            SELECT *, 1.96 * sqrt(completeness * (1 - completeness) / people + 0.9604 / people ** 2) AS reach
            FROM counted
        )
        SELECT crossing, route, people, crossings, recorded, round(completeness, 6) AS completeness,
            round(greatest(0, (completeness + 1.9208 / people - reach) / (1 + 3.8416 / people)), 6) AS lower,
            round(least(1, (completeness + 1.9208 / people + reach) / (1 + 3.8416 / people)), 6) AS upper
        FROM limited
        """,
    )
