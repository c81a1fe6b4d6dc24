"""Stays of people whom neither the border nor tax and benefit systems see: registration, and its end.

Children, some students and dependants: an arrival flag (or a birth) begins a stay, registration with the NHS
or a university carries it, a removal, or absence from the register's next snapshot, ends it.
"""

from rules.model import RegistrationSpan
from rules.spells import OPEN, among, spells_from_presence


def spells(rule: RegistrationSpan) -> str:
    """Return SQL that makes spells from the view `known`, as of `cut.day`."""
    return f"""
    WITH removal AS (
        SELECT person_id, "date", rule_id, record_id FROM known WHERE {among("rule_id", rule.removals)}
    ),
    snapshot AS (
        SELECT day, lead(day) OVER (ORDER BY day) AS next_day
        FROM (SELECT DISTINCT "date" AS day FROM known WHERE {among("rule_id", rule.listings)})
    ),
    registered AS ({_registered(rule)}),
    presence AS (
        SELECT registered.* REPLACE (
            CASE WHEN removal."date" >= start THEN removal."date" ELSE stop END AS stop,
            CASE WHEN removal."date" >= start THEN removal.rule_id ELSE end_rule END AS end_rule,
            CASE WHEN removal."date" >= start THEN removal.record_id ELSE end_record END AS end_record)
        FROM registered ASOF LEFT JOIN removal
            ON registered.person_id = removal.person_id AND registered.stop > removal."date"
    )
    {spells_from_presence("presence", f"{rule.absent_more_than_days}")}
    """


def _registered(rule: RegistrationSpan) -> str:
    """Intervals in which a register held the person; a snapshot lasts to the next one or half of the way there."""
    return f"""
        SELECT person_id, "date" AS start, "date" + 1 AS stop, 'birth' AS start_kind, 'deregistration' AS end_reason,
            rule_id AS start_rule, record_id AS start_record, rule_id AS end_rule, record_id AS end_record, code
        FROM known WHERE {among("rule_id", rule.births)}
        UNION ALL
        SELECT person_id, "date", "date" + 1, 'arrival', 'deregistration',
            rule_id, record_id, rule_id, record_id, code
        FROM known WHERE {among("rule_id", rule.arrivals)}
        UNION ALL
        SELECT person_id, "date", coalesce(end_date, {OPEN}), 'before_observation', 'deregistration',
            rule_id, record_id, rule_id, record_id, code
        FROM known WHERE {among("rule_id", rule.enrolments)}
        UNION ALL
        SELECT person_id, "date", "date" + 1, 'before_observation', 'deregistration',
            rule_id, record_id, rule_id, record_id, NULL
        FROM known WHERE {among("rule_id", rule.signs)}
        UNION ALL
        SELECT person_id, "date", CASE WHEN next_day IS NULL THEN {OPEN}
                WHEN lead("date") OVER (PARTITION BY person_id ORDER BY "date", record_id) <= next_day THEN next_day
                ELSE "date" + CAST((next_day - "date") // 2 AS INTEGER) END,
            'before_observation', 'deregistration', rule_id, record_id, rule_id, record_id, NULL
        FROM known JOIN snapshot ON "date" = day WHERE {among("rule_id", rule.listings)}"""
