"""Stays of people whom neither the border nor tax and benefit systems see: registration, and its end.

Children, some students and dependants: an arrival flag or a birth begins a stay; registration with the NHS
carries it from one posting or snapshot to the next, enrolment as long as it lasts; a removal ends it, or the
last snapshot on which somebody stood who is listed no more.
"""

from rules.model import RegistrationSpan
from rules.spells import OPEN, among, spells_from_presence


def spells(rule: RegistrationSpan) -> str:
    """Return SQL that makes spells from the view `known`, as of `cut.day`."""
    return f"""
    WITH {_events(rule)}, {_returns(rule)}, {_carried(rule)},
    presence AS ({_registered(rule)} UNION ALL {_enrolled(rule)})
    {spells_from_presence("presence", f"{rule.absent_more_than_days}")}
    """


def _events(rule: RegistrationSpan) -> str:
    """One row a person and day on which a register said anything; an arrival flag gives the day its name."""
    arrives, born = among("rule_id", rule.arrivals), among("rule_id", rule.births)
    registered = among("rule_id", (*rule.births, *rule.registrations, *rule.listings))
    names = (*rule.arrivals, *rule.births, *rule.registrations, *rule.listings)
    place = f"CASE WHEN {arrives} THEN 0 WHEN {born} THEN 1 ELSE 2 END"
    return f"""
    event AS (
        SELECT person_id, day, arrives, born, registered, only_listed, listed,
            said.rule_id, said.record_id, CASE WHEN arrives THEN said.code END AS code
        FROM (
            SELECT person_id, "date" AS day, bool_or({arrives}) AS arrives, bool_or({born}) AS born,
                bool_or({registered}) AS registered, bool_and({among("rule_id", rule.listings)}) AS only_listed,
                bool_or({among("rule_id", rule.listings)}) AS listed,
                min(struct_pack(place := {place}, rule_id, record_id, code)) AS said
            FROM known WHERE {among("rule_id", names)} GROUP BY person_id, "date"
        )
    )"""


def _returns(rule: RegistrationSpan) -> str:
    """Arrival flags of people whom a register knew before, and who had not just arrived.

    Whoever comes back from abroad and was never taken off the list had left unnoticed: for some time before
    the return, standing on the list is no sign of presence.
    """
    return f"""
    flagged AS (
        SELECT *, arrives AND lag(day) OVER past IS NOT NULL AND coalesce(
            max(day) FILTER (WHERE arrives) OVER (past ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                < day - {rule.flag_within_days}, true) AS returns
        FROM event WINDOW past AS (PARTITION BY person_id ORDER BY day)
    ),
    believed AS (
        SELECT flagged.*, back.day AS next_return
        FROM flagged ASOF LEFT JOIN (SELECT person_id, day FROM flagged WHERE returns) AS back
            ON flagged.person_id = back.person_id AND flagged.day < back.day
        WHERE NOT (only_listed AND coalesce(flagged.day > back.day - {rule.unnoticed_absence_days}, false))
    )"""


def _carried(rule: RegistrationSpan) -> str:
    """Each event with what follows it: the next event, the first removal, whether a list dropped the person."""
    return f"""
    removal AS (
        SELECT person_id, "date" AS day, min(rule_id) AS rule_id, min(record_id) AS record_id
        FROM known WHERE {among("rule_id", rule.removals)} GROUP BY person_id, "date"
    ),
    last_snapshot AS (SELECT max("date") AS day FROM known WHERE {among("rule_id", rule.listings)}),
    carried AS (
        SELECT believed.*, lead(believed.day) OVER ahead AS next_day, removal.day AS removed,
            removal.rule_id AS removal_rule, removal.record_id AS removal_record,
            bool_or(listed) OVER (PARTITION BY believed.person_id) AS ever_listed,
            last_snapshot.day AS last_snapshot
        FROM believed CROSS JOIN last_snapshot ASOF LEFT JOIN removal
            ON believed.person_id = removal.person_id AND believed.day <= removal.day
        WINDOW ahead AS (PARTITION BY believed.person_id ORDER BY believed.day)
    )"""


def _registered(rule: RegistrationSpan) -> str:
    removed = "removed < coalesce(next_day, removed + 1)"
    until_return = f"greatest(day + 1, least(next_day, next_return - {rule.unnoticed_absence_days}))"
    return f"""
        SELECT person_id, day AS start,
            CASE WHEN {removed} THEN greatest(day, removed - {rule.removal_lag_days})
                 WHEN next_day = next_return THEN {until_return}
                 WHEN next_day IS NOT NULL AND (registered OR next_day <= day + {rule.flag_within_days}) THEN next_day
                 WHEN NOT registered OR next_day IS NOT NULL THEN day + 1
                 WHEN day >= last_snapshot OR NOT ever_listed THEN {OPEN}
                 ELSE day + 1 END AS stop,
            CASE WHEN arrives THEN 'arrival' WHEN born THEN 'birth' ELSE 'unseen' END AS start_kind,
            'deregistration' AS end_reason, rule_id AS start_rule, record_id AS start_record,
            CASE WHEN {removed} THEN removal_rule ELSE rule_id END AS end_rule,
            CASE WHEN {removed} THEN removal_record ELSE record_id END AS end_record, code
        FROM carried"""


def _enrolled(rule: RegistrationSpan) -> str:
    return f"""
        SELECT person_id, "date", coalesce(end_date, {OPEN}), 'unseen', 'deregistration',
            rule_id, record_id, rule_id, record_id, code
        FROM known WHERE {among("rule_id", rule.enrolments)}"""
