"""Migrations under every definition: a stay that counts begins with an arrival, or ends with a departure for good.

A birth begins a stay without immigration, a death ends it without emigration; a person present before they were first
observed can emigrate, but has no immigration. Cases of a year that is not final are weighted for those that are not
known yet: some people register late, and weeks of activity are delivered once a year.
"""

import duckdb
import polars as pl

from pipeline.schemas import COUNTED_STAYS
from pipeline.tables import make_table, query
from rules.contradictions import make_contradictions
from rules.forms.spells import OPEN
from rules.model import PersonRules
from rules.sql_text import among, quoted


def migrations_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules, before: str) -> pl.DataFrame:
    """Return `migrations` of every definition, from the table `stay`."""
    make_migrations(connection, rules, before)
    return query(connection, "SELECT * FROM weighted_migration")


def make_migrations(connection: duckdb.DuckDBPyConnection, rules: PersonRules, before: str) -> None:
    """Make `weighted_migration`: the migrations of every definition, from the table `stay`.

    An unfinished stay or absence gives a `probable` migration at its probability; it is provisional, because its
    definition needs data later than its rule can observe. A departure after which the person was seen inside gives an
    emigration in `conflict`, at the probability that the person did not come back (table `contradiction`). `before`
    is the table of stays as known a year earlier, from which weights are estimated.
    """
    reasons = " ".join(f"WHEN {quoted(code)} THEN {quoted(reason)}" for code, reason in rules.reasons.items())
    reason = f"CASE code {reasons} END" if reasons else "NULL"
    counts = among("status", COUNTED_STAYS)
    published = quoted(rules.published)
    make_contradictions(connection, rules)
    make_table(
        connection,
        "migration",
        f"""
        SELECT person_id, definition, start AS "date", 'immigration' AS direction,
            CASE WHEN {counts} THEN 'certain' ELSE 'probable' END AS status, probability,
            {reason} AS reason, stay_rule AS rule_id, start_rule AS dated_by, [start_record] AS record_ids,
            days - more_than_days AS days_over_threshold,
            observed_until - start <= more_than_days AS provisional
        FROM stay WHERE start_kind = 'arrival' AND probability > 0
        UNION ALL
        SELECT person_id, definition, stop, 'emigration',
            CASE WHEN {counts} AND leaves = 'with_stay' THEN 'certain'
                WHEN leaves = 'by_absence' AND absent_days > absent_more_than_days THEN 'certain'
                ELSE 'probable' END, left_for_good,
            {reason}, stay_rule, end_rule, [end_record],
            CASE leaves WHEN 'with_stay' THEN days - more_than_days ELSE absent_days - absent_more_than_days END,
            CASE leaves WHEN 'with_stay' THEN observed_until - start <= more_than_days
                ELSE observed_until - stop <= absent_more_than_days END
        FROM stay WHERE left_for_good > 0
        UNION ALL
        SELECT stay.person_id, definition, departed, 'emigration', 'conflict', 1.0 - came_back,
            {reason}, stay_rule, start_rule, [start_record], NULL, false
        FROM contradiction JOIN stay
            ON stay.person_id = contradiction.person_id AND definition = {published} AND stop = until
        WHERE came_back < 1
        """,
    )
    weighs = rules.unfinished.weigh_late
    weighted = _weighted(rules, before) if weighs else "SELECT *, 1.0 AS weight FROM migration"
    make_table(connection, "weighted_migration", weighted)


def _weighted(rules: PersonRules, before: str) -> str:
    """Weight the years that are not final by the growth, within a year, of the known cases of the year before them.

    The weight of a year ending 30 June is N / n: n cases of the year before it were known a year ago (certain ones,
    and unfinished ones at the probability that they now have in `migration`), N are known now. Both count cases dated
    by that day a year ago: of the year in which the data end, a part is compared with the same part of the year
    before. This is one step of the chain-ladder estimation of late claims (Mack, 1993); at least 1, by definition,
    direction and nationality group, or without the group where n is below the minimum of cases. Sums are of
    millionths, so exact.
    """
    year = 'year("date") + CAST(month("date") > 6 AS INTEGER)'
    millionths = "sum(CAST(round(probability * 1000000) AS BIGINT))"
    a_year_ago = f"(SELECT max(known_until) FROM {before})"
    near = rules.unfinished.same_stay_days.at('candidate."date"')
    counts = among("status", COUNTED_STAYS)
    minimum_cases = rules.unfinished.minimum_cases.at("(SELECT max(known_until) FROM stay)")
    return f"""
    WITH now AS (SELECT *, {year} AS "year" FROM migration JOIN person USING (person_id)),
    candidate AS (
        SELECT definition, person_id, start AS "date", 'immigration' AS direction, {counts} AS certain
        FROM {before} WHERE start_kind = 'arrival' AND ({counts} OR status = 'unfinished')
        UNION ALL
        SELECT definition, person_id, stop, 'emigration',
            CASE leaves WHEN 'with_stay' THEN {counts} ELSE absent_days > absent_more_than_days END
        FROM {before}
        WHERE stop < {OPEN} AND end_reason <> 'death'
            AND (leaves = 'by_absence' OR (leaves = 'with_stay' AND ({counts} OR status = 'unfinished')))
    ),
    resolved AS (
        SELECT candidate.*, {year.replace('"date"', 'candidate."date"')} AS "year", nationality_group,
            max(CASE WHEN certain THEN 1.0 ELSE coalesce(migration.probability, 0.0) END) AS probability
        FROM candidate JOIN person USING (person_id) LEFT JOIN migration
            ON migration.person_id = candidate.person_id AND migration.definition = candidate.definition
            AND migration.direction = candidate.direction
            AND migration."date" BETWEEN candidate."date" - {near} AND candidate."date" + {near}
        GROUP BY ALL
    ),
    counted AS (
        SELECT definition, direction, "year" + 1 AS "year", nationality_group, {millionths} AS millionths,
            true AS known
        FROM now WHERE "date" <= {a_year_ago} GROUP BY ALL
        UNION ALL
        SELECT definition, direction, "year" + 1, nationality_group, {millionths}, false
        FROM resolved WHERE "date" <= {a_year_ago} GROUP BY ALL
    ),
    factor AS (
        SELECT definition, direction, "year", nationality_group,
            greatest(1.0, round(sum(millionths) FILTER (WHERE known)
                / CAST(sum(millionths) FILTER (WHERE NOT known) AS DOUBLE), 6)) AS factor
        FROM counted
        GROUP BY GROUPING SETS ((definition, direction, "year", nationality_group), (definition, direction, "year"))
        HAVING sum(millionths) FILTER (WHERE NOT known) >= 1000000 * {minimum_cases}
    ),
    open_year AS (
        SELECT definition, direction, "year" FROM now GROUP BY ALL HAVING bool_or(provisional)
    )
    SELECT now.* EXCLUDE ("year"), CASE WHEN open_year."year" IS NULL THEN 1.0
        ELSE coalesce(by_group.factor, by_direction.factor, 1.0) END AS weight
    FROM now LEFT JOIN open_year USING (definition, direction, "year")
        LEFT JOIN factor AS by_group ON by_group.definition = now.definition AND by_group.direction = now.direction
            AND by_group."year" = now."year" AND by_group.nationality_group = now.nationality_group
        LEFT JOIN factor AS by_direction ON by_direction.definition = now.definition
            AND by_direction.direction = now.direction
            AND by_direction."year" = now."year" AND by_direction.nationality_group IS NULL"""
