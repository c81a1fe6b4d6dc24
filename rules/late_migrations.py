"""Migrations that are not known yet at the data date: some people register late, weeks are delivered once a year.

What became known in the last year tells what will become known in the next one. The migrations that are known now and
were not known on the same day a year before stand for as many a year later, of people alike, in the same season: the
increments of a run-off table of late claims (T. Mack, Distribution-free calculation of the standard error of chain
ladder reserve estimates, ASTIN Bulletin 23, 1993). One that became known in its second year stands for two: one that
is in its second year now, and one that is in its first and will become known in two years.
"""

import duckdb
import polars as pl

from pipeline.schemas import COUNTED_STAYS
from pipeline.tables import make_table, query
from rules.forms.spells import OPEN
from rules.model import PersonRules
from rules.sql_text import among


def late_migrations_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules, before: str) -> pl.DataFrame:
    """Return `late_migrations` of every definition, from the tables `stay` and `migration`."""
    make_late_migrations(connection, rules, before)
    return query(connection, "SELECT * FROM late_migration")


def make_late_migrations(connection: duckdb.DuckDBPyConnection, rules: PersonRules, before: str) -> None:
    """Make `late_migration`: cases that will become known, each modelled on one that became known within a year.

    Reads `migration` and `person`; `before` is the table of stays as known a year before. A migration became known
    late if no case of then, of the same person, definition and direction, is dated at most `same_stay_days` from it.
    It is expected again, at its probability, on the same day of later years up to today, if that is at most
    `late_years` ago. `factor` is how many are expected for each. Cases that were certain a year before and are none
    now are taken off, by definition, direction and how many years old they were then. What is left grows as the known
    cases of the same stay rule, direction and nationality group do: those of the last year, for each of the year
    before that as known then. Years differ by about a tenth in any case, so the growth of all groups is drawn towards
    1, as if `prior_cases_of_growth` more cases had not grown (their standard error is then as large), and that of a
    group, for each case that it would have if it grew as all do, towards 1 in the same way. Sums are of millionths,
    so exact.
    """
    if not rules.unfinished.count_late:
        columns = 'person_id, definition, "date", direction, 1 AS years_later, probability, 1.0 AS factor'
        make_table(connection, "late_migration", f"SELECT {columns}, rule_id, dated_by FROM migration WHERE false")
        return
    today, then = (f"(SELECT max(known_until) FROM {name})" for name in ("stay", before))
    horizon = rules.unfinished.late_years.at(today)
    near = rules.unfinished.same_stay_days
    unmoved = f"1e6 * ({rules.unfinished.prior_cases_of_growth.at(today)})"
    millionths = "sum(CAST(round(probability * 1000000) AS BIGINT))"
    last_year, year_before = (f'"date" > {day} - INTERVAL 1 YEAR AND "date" <= {day}' for day in (today, then))
    begun = f"""date_diff('year', "date", {then})"""  # years that have begun, of which the last may not be over
    years_old = f'{begun} - CAST("date" + {begun} * INTERVAL 1 YEAR > {then} AS INTEGER)'
    make_table(connection, "candidate", _candidates(before))
    make_table(
        connection,
        "late_migration",
        f"""
        WITH dated AS (
            SELECT migration.*, nationality_group, {years_old} AS years_old,
                EXISTS (FROM candidate AS old WHERE {_same("old", "migration", near.at('old."date"'))}) AS known_then
            FROM migration JOIN person USING (person_id) WHERE probability > 0
        ),
        withdrawn AS (
            SELECT definition, direction, {years_old} AS years_old,
                count(*) AS cases
            FROM candidate AS old WHERE certain
                AND NOT EXISTS (FROM dated WHERE {_same("old", "dated", near.at('old."date"'))})
            GROUP BY ALL
        ),
        known AS (
            SELECT definition, direction, rule_id, nationality_group,
                coalesce({millionths} FILTER (WHERE {last_year}), 0) AS now,
                coalesce({millionths} FILTER (WHERE known_then AND {year_before}), 0) AS earlier
            FROM dated GROUP BY ALL
        ),
        growth AS (
            SELECT *, (now_of_all + {unmoved}) / (earlier_of_all + {unmoved})
                * (now + {unmoved}) / (coalesce(earlier * now_of_all / nullif(earlier_of_all, 0), now) + {unmoved})
                AS growth
            FROM (
                SELECT *, sum(now) OVER kind AS now_of_all, sum(earlier) OVER kind AS earlier_of_all
                FROM known WINDOW kind AS (PARTITION BY definition, direction, rule_id)
            )
        ),
        late AS (
            SELECT *, sum(CAST(round(probability * 1000000) AS BIGINT)) OVER (
                PARTITION BY definition, direction, years_old) / 1e6 AS added
            FROM dated WHERE NOT known_then AND "date" <= {then}
        ),
        again AS (
            SELECT late.*, years_later, CAST("date" + years_later * INTERVAL 1 YEAR AS DATE) AS expected_on
            FROM late CROSS JOIN unnest(range(1, CAST({horizon} AS BIGINT) + 1)) AS of_year(years_later)
        )
        SELECT person_id, definition, expected_on AS "date", direction, CAST(years_later AS INTEGER) AS years_later,
            probability, rule_id, dated_by,
            round(growth * greatest(0, 1 - coalesce(cases, 0) / added), 6) AS factor
        FROM again JOIN growth USING (definition, direction, rule_id, nationality_group)
            LEFT JOIN withdrawn USING (definition, direction, years_old)
        WHERE expected_on <= {today} AND expected_on > {today} - {horizon} * INTERVAL 1 YEAR
        """,
    )


def _same(old: str, new: str, near: str) -> str:
    """Return SQL of whether a case of then and one of now are the same migration."""
    return f"""{old}.person_id = {new}.person_id AND {old}.definition = {new}.definition
        AND {old}.direction = {new}.direction
        AND {new}."date" BETWEEN {old}."date" - {near} AND {old}."date" + {near}"""


def _candidates(before: str) -> str:
    """Return SQL of the migrations that were certain or possible by the stays of `before`."""
    counts = among("status", COUNTED_STAYS)
    return f"""
        SELECT definition, person_id, start AS "date", 'immigration' AS direction, {counts} AS certain
        FROM {before} WHERE start_kind = 'arrival' AND ({counts} OR status = 'unfinished')
        UNION ALL
        SELECT definition, person_id, stop, 'emigration',
            CASE leaves WHEN 'with_stay' THEN {counts} ELSE absent_days > absent_more_than_days END
        FROM {before}
        WHERE stop < {OPEN} AND end_reason <> 'death'
            AND (leaves = 'by_absence' OR (leaves = 'with_stay' AND ({counts} OR status = 'unfinished')))"""
