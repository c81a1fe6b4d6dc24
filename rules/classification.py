"""Spells of presence become stays: each rule that makes spells does so, the same SQL classifies them all.

A stay is long-term when it lasts more than the rule's days from first arrival to last departure, or began long before
the person was first observed. Nobody knows since when a person was here who is first seen to leave: the days that are
known count, and after an earlier departure there must have been an arrival. A stay too recent to be classified is
`unfinished`: see `rules/unfinished.py`. Rules that follow residence through crossings add stays of their own.
"""

from datetime import date

import duckdb

from pipeline.schemas import STAY_BRANCHES
from pipeline.tables import make_table
from rules.composite import composite_spells
from rules.crossing_stays import with_crossing_stays
from rules.forms.spells import OPEN, SPELL
from rules.forms.stay_rule import SpellRule
from rules.households import spells_with_household
from rules.model import PersonRules
from rules.people import death_dates
from rules.spells_by_group import spells_by_group
from rules.sql_text import quoted


def make_classified_stays(connection: duckdb.DuckDBPyConnection, rules: PersonRules, day: date, name: str) -> None:
    """Make the table `name`: every spell of every stay rule, and of the composite, as known on `day`.

    Reads `person_evidence` (evidence with `person_id`) and `person`. A row is a stay with its `status` and what that
    depends on: `observed_until` (first day that the rule cannot observe), `days` so far, `absent_days` since its end.
    """
    make_table(connection, "cut", f"SELECT {quoted(day)} AS day")
    known = f'SELECT * FROM person_evidence WHERE known_on <= {quoted(day)} AND "date" <= {quoted(day)}'
    make_table(connection, "known", known)
    for rule in rules.spell_rules:
        make_table(connection, f"spells_of_{rule.id}", f"SELECT {SPELL} FROM ({rule.spells()})")
    for rule in rules.group_rules:
        make_table(connection, f"spells_of_{rule.id}", spells_by_group(rules, rule))
    make_table(
        connection,
        f"{name}_of_spells",
        f"""
        WITH spell AS ({" UNION ALL ".join(_spells_of(rule) for rule in rules.spell_rules)}),
        {composite_spells(rules)},
        {spells_with_household(rules)},
        {_by_definition(rules)},
        rule AS ({" UNION ALL ".join(_limits_of(rule, day) for rule in rules.spell_rules)}),
        {_ended_by_death(rules)},
        {_classified()}
        SELECT * FROM classified
        """,
    )
    make_table(connection, name, with_crossing_stays(connection, rules, day, f"{name}_of_spells"))


def _spells_of(rule: SpellRule) -> str:
    return f"SELECT {quoted(rule.id)} AS stay_rule, {SPELL} FROM spells_of_{rule.id}"


def _by_definition(rules: PersonRules) -> str:
    """Collect spells by definition; those that begin nobody knows when, after an earlier one, begin by an arrival."""
    first = "row_number() OVER (PARTITION BY definition, person_id ORDER BY start) = 1"
    absences = " ".join(f"WHEN {quoted(rule.id)} THEN {rule.longest_absence()}" for rule in rules.spell_rules)
    lengths = " ".join(f"WHEN {quoted(rule.id)} THEN {rule.more_than_days.at('start')}" for rule in rules.spell_rules)
    by_group = "".join(
        f" UNION ALL SELECT {quoted(rule.id)}, stay_rule, {SPELL}, person_id FROM spells_of_{rule.id}"
        for rule in rules.group_rules
    )
    return f"""
        defined AS (
            SELECT * REPLACE (
                CASE WHEN start_kind = 'unknown' AND NOT ({first}) THEN 'arrival' ELSE start_kind END AS start_kind),
                CASE stay_rule {absences} END AS absent_more_than_days,
                CASE stay_rule {lengths} END AS more_than_days
            FROM (
                SELECT stay_rule AS definition, *, person_id AS dated_by FROM spell
                UNION ALL
                SELECT {quoted(rules.definition.id)}, * FROM with_household{by_group}
            )
        )"""


def _limits_of(rule: SpellRule, day: date) -> str:
    return f"""
        SELECT {quoted(rule.id)} AS stay_rule, CAST({rule.observed_until(day)} AS DATE) AS observed_until"""


def _ended_by_death(rules: PersonRules) -> str:
    """End stays by deaths in the country: a person whose death is registered here had not left for good.

    A death counts from the day on which it was known, as all evidence does. What lasts to a day that is not observed
    yet has not ended: a course may end after the last year of which weeks are known.
    """
    unseen = "stop > cut.day OR (end_reason = 'last_activity' AND stop >= observed_until)"
    return f"""
        death AS ({death_dates("known", rules)}),
        ended AS (
            SELECT spell.* REPLACE (
                CASE WHEN dies THEN death_date WHEN {unseen} THEN {OPEN} ELSE stop END AS stop,
                CASE WHEN dies THEN 'death' WHEN {unseen} THEN 'open' ELSE end_reason END AS end_reason)
            FROM (
                SELECT spell.*, rule.* EXCLUDE (stay_rule), death_date,
                    coalesce(death_date <= cut.day AND death_date - absent_more_than_days <= stop, false) AS dies
                FROM defined AS spell JOIN rule USING (stay_rule) CROSS JOIN cut LEFT JOIN death USING (person_id)
            ) AS spell CROSS JOIN cut
            WHERE coalesce(start < death_date, true)
        )"""


def _classified() -> str:
    """Classify by the first branch that holds; the status follows from the branch, so that the trace decides."""
    branches = " ".join(f"WHEN {condition} THEN {quoted(branch)}" for branch, condition in _BRANCHES.items())
    statuses = " ".join(f"WHEN {quoted(branch)} THEN {quoted(status)}" for branch, status in STAY_BRANCHES.items())
    return f"""
        measured AS (
            SELECT definition, stay_rule, person_id, start, stop, start_kind, end_reason, start_rule, start_record,
                end_rule, end_record, code, observed_until, more_than_days, absent_more_than_days,
                cut.day AS known_until,
                least(stop, observed_until) - start AS days,
                CASE WHEN stop < {OPEN} THEN observed_until - stop END AS absent_days
            FROM ended CROSS JOIN cut
        ),
        classified AS (
            SELECT *, CASE branch {statuses} END AS status,
                CASE WHEN CASE branch {statuses} END = 'long_term' THEN 'by_absence' ELSE 'never' END AS leaves
            FROM (SELECT *, CASE {branches} END AS branch FROM measured)
        )"""


_BRANCHES = {
    "present_before": "start_kind = 'unseen'",
    "born_here": f"start_kind = 'birth' AND (stop = {OPEN} OR end_reason = 'death')",
    "long_enough": "days > more_than_days",
    "died_before": "end_reason = 'death'",
    "may_go_on": f"stop = {OPEN}",
    "may_return": "absent_days <= absent_more_than_days",
    "too_short": "true",
}
"""The condition of every branch, in order: the first that holds decides a stay."""
