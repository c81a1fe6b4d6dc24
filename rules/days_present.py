"""Days present in the first fourteen months of study: how many students a rule of a year's presence would divide.

Source of the measure: ONS, Patterns of presence of non-EU students (2020), by border crossings: days are counted in
the fourteen months from the first day of study, of students whose first sixteen months are observed.
"""

from collections.abc import Mapping
from datetime import date

import duckdb
import polars as pl

from pipeline.ingest.contracts import SourceContract
from pipeline.tables import query
from rules.delivered_sources import covered_from
from rules.forms.spells import OPEN
from rules.sql_text import quoted

STUDY_DAYS = 426
"""Fourteen months from the first day of study."""
WINDOW_DAYS = 487
"""Sixteen months: the window of the 12/16-month rule, which must have passed."""
SEEN_BEFORE_DAYS = WINDOW_DAYS - STUDY_DAYS
"""A student has a record of the border if a crossing is at most this long before the first day of study, or in the
fourteen months."""
BAND_DAYS = 50
NOT_SEEN = "not_seen"


def days_present(
    connection: duckdb.DuckDBPyConnection, contracts: Mapping[str, SourceContract], data_date: date
) -> pl.DataFrame:
    """Return `days_present`, from `person_evidence` and `person`.

    Crossings are arrivals and departures of a source that records departures; first days of study are the first
    arrival flags of a source that records enrolments. Students count whose first day is in the time that the border
    source covers. Crossings of one day cancel out; where one is missing, because two follow in one direction, it is
    placed halfway between them (Stats NZ, migstat).
    """
    return query(
        connection,
        f"""
        WITH border AS (
            SELECT source, covers_from FROM ({covered_from(contracts)})
            WHERE source IN (SELECT source FROM person_evidence WHERE kind = 'departure')
        ),
        {_PRESENCE},
        student AS (
            SELECT person_id, min("date") AS begins FROM person_evidence
            WHERE kind = 'arrival' AND source NOT IN (SELECT source FROM border)
                AND source IN (SELECT source FROM person_evidence WHERE kind = 'enrolment')
            GROUP BY person_id
        ),
        counted AS (
            SELECT nationality_group, begins, EXISTS (
                    FROM crossed WHERE crossed.person_id = student.person_id
                        AND day >= begins - {SEEN_BEFORE_DAYS} AND day < begins + {STUDY_DAYS}
                ) AS seen, (
                    SELECT coalesce(sum(greatest(
                        least(stop, begins + {STUDY_DAYS}) - greatest(start, begins), 0)), 0)
                    FROM presence WHERE presence.person_id = student.person_id
                ) AS days
            FROM student JOIN person USING (person_id)
            WHERE EXISTS (FROM border)
                AND begins >= coalesce((SELECT max(covers_from) FROM border), DATE '0001-01-01')
                AND begins + {WINDOW_DAYS} <= {quoted(data_date)} + 1
        ),
        banded AS (
            SELECT nationality_group,
                make_date(year(begins) + CAST(month(begins) > 6 AS INTEGER), 6, 30) AS period_end,
                CASE WHEN seen THEN days // {BAND_DAYS} * {BAND_DAYS} END AS days_from
            FROM counted
        ),
        cell AS (
            SELECT *, least(days_from + {BAND_DAYS - 1}, {STUDY_DAYS}) AS days_to, count(*) AS students
            FROM banded WHERE days_from IS NOT NULL GROUP BY ALL
        )
        SELECT *, days_from || '-' || days_to AS band,
            round(students / sum(students) OVER (PARTITION BY nationality_group, period_end), 6) AS share
        FROM cell
        UNION ALL
        SELECT *, NULL, count(*), '{NOT_SEEN}', NULL FROM banded WHERE days_from IS NULL GROUP BY ALL
        """,
    )


_PRESENCE = f"""
        crossed AS (
            SELECT person_id, "date" AS day, sum(CASE kind WHEN 'arrival' THEN 1 ELSE -1 END) AS way
            FROM person_evidence JOIN border USING (source) WHERE kind IN ('arrival', 'departure')
            GROUP BY ALL HAVING way <> 0
        ),
        crossing AS (
            SELECT *, lag(day) OVER past IS NULL AS is_first, lead(day) OVER past AS next_day,
                day + CAST((lead(day) OVER past - day) // 2 AS INTEGER) AS midpoint,
                lead(way) OVER past > 0 AS next_in
            FROM crossed WINDOW past AS (PARTITION BY person_id ORDER BY day)
        ),
        presence AS (
            SELECT person_id, day AS start,
                coalesce(CASE WHEN next_in THEN midpoint ELSE next_day END, {OPEN}) AS stop
            FROM crossing WHERE way > 0
            UNION ALL
            SELECT person_id, midpoint, next_day FROM crossing WHERE way < 0 AND NOT next_in
            UNION ALL
            SELECT person_id, DATE '0001-01-01', day FROM crossing WHERE way < 0 AND is_first
        )"""
"""SQL of presence by crossings: who is first seen to leave was here before, who last came is still here."""
