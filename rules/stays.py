"""Spells of presence become stays: each form makes spells, one piece of SQL classes them all.

A stay is long-term when it lasts more than the rule's days from first arrival to last departure, or began
before anybody observed it. What is too young to say is `unfinished` and counts at the share of the year
before: of the cases as young as this one in the same extracts a year earlier, the share that lasted.
"""

from datetime import date

import duckdb
import polars as pl

from pipeline.tables import query
from rules.forms import activity_span, first_to_last, registration_span
from rules.language import quoted
from rules.model import ActivitySpan, AnyStayRule, FirstToLast, PersonRules
from rules.spells import OPEN, among

NEAR_DAYS = 183
"""A stay dated again with a year more of data is the same one if it begins, or ends, this close to before."""


def spells_as_sql(rule: AnyStayRule) -> str:
    """Return the SQL of a rule's form, over the views `known`, `person` and `cut`."""
    if isinstance(rule, FirstToLast):
        return first_to_last.spells(rule)
    if isinstance(rule, ActivitySpan):
        return activity_span.spells(rule)
    return registration_span.spells(rule)


def make_classed(connection: duckdb.DuckDBPyConnection, rules: PersonRules, day: date, name: str) -> None:
    """Make the table `name`: every spell of every stay rule, and of the composite, as known on `day`.

    Reads `testimony` (evidence with `person_id`) and `person`. A row is a stay with what classing it needs:
    `observed_until` (first day that the rule cannot see), `days` (so far), and `absent_days` since its end.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE cut AS SELECT {quoted(day)} AS day").fetchall()
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE known AS
        SELECT * FROM testimony WHERE known_on <= {quoted(day)} AND "date" <= {quoted(day)}
    """).fetchall()
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE {name} AS
        WITH spell AS ({" UNION ALL ".join(_one_rule(rule, day) for rule in rules.stays)}),
        {_ended_by_death()},
        {_measured()},
        {_group_of_each_person(rules)}
        SELECT stay_rule AS definition, * FROM measured
        UNION ALL
        SELECT {quoted(rules.definition.id)}, measured.*
        FROM measured SEMI JOIN grouped USING (person_id, stay_rule)
    """).fetchall()


def _one_rule(rule: AnyStayRule, day: date) -> str:
    observed = f"{quoted(day)} + 1"
    if isinstance(rule, ActivitySpan):
        observed = f"coalesce((SELECT max(end_date) FROM known WHERE {among('rule_id', rule.activity)}), {observed})"
    return f"""
        SELECT {quoted(rule.id)} AS stay_rule, {rule.more_than_days} AS more_than,
            {rule.absent_more_than_days} AS absent,
            CAST({observed} AS DATE) AS observed_until, person_id, start, stop,
            start_kind, end_reason, start_rule, start_record, end_rule, end_record, code
        FROM ({spells_as_sql(rule)})"""


def _ended_by_death() -> str:
    """End stays by deaths in the country: whoever is registered dead here had not left for good."""
    return f"""
        ended AS (
            SELECT spell.* REPLACE (
                CASE WHEN dies THEN death_date WHEN stop > cut.day THEN {OPEN} ELSE stop END AS stop,
                CASE WHEN dies THEN 'death' WHEN stop > cut.day THEN 'open' ELSE end_reason END AS end_reason)
            FROM (
                SELECT spell.*, death_date,
                    coalesce(death_date <= cut.day AND death_date - absent <= stop, false) AS dies
                FROM spell CROSS JOIN cut LEFT JOIN person USING (person_id)
            ) AS spell CROSS JOIN cut
            WHERE coalesce(start < death_date, true)
        )"""


def _measured() -> str:
    return f"""
        measured AS (
            SELECT stay_rule, person_id, start, stop, start_kind, end_reason, start_rule, start_record,
                end_rule, end_record, code, observed_until, more_than, absent, cut.day AS known_until,
                least(stop, observed_until) - start AS days,
                CASE WHEN stop < {OPEN} THEN observed_until - stop END AS absent_days,
                CASE WHEN start_kind = 'unseen' THEN 'long_term'
                     WHEN start_kind = 'birth' AND (stop = {OPEN} OR end_reason = 'death') THEN 'long_term'
                     WHEN least(stop, observed_until) - start > more_than THEN 'long_term'
                     WHEN end_reason = 'death' THEN 'short_term'
                     WHEN stop = {OPEN} OR observed_until - stop <= absent THEN 'unfinished'
                     ELSE 'short_term' END AS status
            FROM ended CROSS JOIN cut
        )"""


def _group_of_each_person(rules: PersonRules) -> str:
    """Choose the rule that measures each person: that of the first group whose evidence they have."""
    groups = rules.definition.groups
    branches = " ".join(
        f"WHEN bool_or({among('rule_id', group.evidence)}) THEN {quoted(group.stay)}" for group in groups[:-1]
    )
    chosen = f"CASE {branches} ELSE {quoted(groups[-1].stay)} END" if branches else quoted(groups[-1].stay)
    return f"grouped AS (SELECT person_id, {chosen} AS stay_rule FROM known GROUP BY person_id)"


def make_shares(connection: duckdb.DuckDBPyConnection, rules: PersonRules, now: str, before: str) -> None:
    """Make `share_that_stayed` and `share_that_left`: what became of the cases of the year before.

    `before` and `now` are tables of `make_classed`, a year apart. Cases are alike in stay rule, in whether the
    person is still here, in nationality group and in age in bands of days; with fewer cases than the rule
    set's minimum the group, then the band is left out. Shares are integer ratios, rounded to 6 decimals.
    """
    composite = quoted(rules.definition.id)
    band = rules.unfinished.band_days
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE unfinished_stay AS
        SELECT old.stay_rule, nationality_group, (old.known_until - old.start) // {band} AS band,
            old.stop = {OPEN} AS here,
            bool_or(coalesce(new.status = 'long_term', false)) AS became,
            bool_or(coalesce(new.status = 'unfinished' AND new.stop = {OPEN}, false)) AS open
        FROM {before} AS old JOIN person USING (person_id)
            LEFT JOIN {now} AS new ON new.person_id = old.person_id AND new.definition = {composite}
                AND new.start <= old.start + {NEAR_DAYS} AND new.stop > old.start
        WHERE old.definition = {composite} AND old.status = 'unfinished'
        GROUP BY old.stay_rule, nationality_group, band, here, old.person_id, old.start
    """).fetchall()
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE unfinished_absence AS
        SELECT old.stay_rule, nationality_group, (old.known_until - old.stop) // {band} AS band, false AS here,
            bool_or(coalesce(new.stop < {OPEN} AND new.end_reason <> 'death' AND new.absent_days > new.absent, false))
                AS became, false AS open
        FROM {before} AS old JOIN person USING (person_id)
            LEFT JOIN {now} AS new ON new.person_id = old.person_id AND new.definition = {composite}
                AND new.stop BETWEEN old.stop - {NEAR_DAYS} AND old.stop + {NEAR_DAYS}
        WHERE old.definition = {composite} AND {_absence_is_open("old")}
        GROUP BY old.stay_rule, nationality_group, band, old.person_id, old.stop
    """).fetchall()
    for cases, share in (("unfinished_stay", "share_that_stayed"), ("unfinished_absence", "share_that_left")):
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE {share} AS
            SELECT stay_rule, here, nationality_group, band, count(*) AS cases,
                round(count(*) FILTER (WHERE became) / count(*)::DOUBLE, 6) AS share
            FROM {cases} WHERE became OR NOT open
            GROUP BY GROUPING SETS
                ((stay_rule, here, nationality_group, band), (stay_rule, here, band), (stay_rule, here))
            HAVING count(*) >= {rules.unfinished.minimum_cases} OR (nationality_group IS NULL AND band IS NULL)
        """).fetchall()


def _absence_is_open(table: str) -> str:
    return (
        f"{table}.status = 'long_term' AND {table}.stop < {OPEN} AND {table}.end_reason <> 'death'"
        f" AND {table}.absent_days <= {table}.absent"
    )


def make_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, classed: str) -> None:
    """Make `stay`: the rows of `classed` with `probability` that they are long-term, and that they ended for good.

    Where no case of the year before is known, an open stay counts as half, an absence too, and a stay that
    has ended already, so that only a return could lengthen it, as none.
    """
    band = rules.unfinished.band_days
    here = f"classed.stop = {OPEN}"
    stayed = _nearest_share(
        "share_that_stayed",
        f"(classed.known_until - classed.start) // {band}",
        here,
        f"CASE WHEN {here} THEN 0.5 ELSE 0.0 END",
    )
    left = _nearest_share("share_that_left", f"(classed.known_until - classed.stop) // {band}", "false", "0.5")
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE stay AS
        SELECT classed.*,
            CASE status WHEN 'long_term' THEN 1.0 WHEN 'short_term' THEN 0.0 ELSE {stayed} END AS probability,
            CASE WHEN status <> 'long_term' OR stop = {OPEN} OR end_reason = 'death' THEN 0.0
                 WHEN absent_days > absent THEN 1.0 ELSE {left} END AS left_for_good
        FROM {classed} AS classed JOIN person USING (person_id)
    """).fetchall()


def _nearest_share(table: str, band: str, here: str, unknown: str) -> str:
    same_rule = f"SELECT share FROM {table} AS s WHERE s.stay_rule = classed.stay_rule AND s.here = ({here})"
    return f"""coalesce(
        ({same_rule} AND s.nationality_group = person.nationality_group AND s.band = {band}),
        ({same_rule} AND s.nationality_group IS NULL AND s.band = {band}),
        ({same_rule} AND s.nationality_group IS NULL AND s.band IS NULL),
        {unknown})"""


def stays_table(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return the published columns of `stay`."""
    return query(
        connection,
        f"""
        SELECT person_id, definition, stay_rule, start, CASE WHEN stop < {OPEN} THEN stop END AS "end",
            start_kind = 'arrival' AS starts_by_arrival, end_reason, status,
            concat_ws(', ', start_rule, CASE WHEN end_rule <> start_rule THEN end_rule END) AS decided_by,
            CASE WHEN start_kind = 'arrival' THEN days - more_than END AS margin_days, probability
        FROM stay
        """,
    )
