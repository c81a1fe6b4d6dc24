"""The form `registration_span`: registration and its end, for people in no record of the border, tax or benefits.

Children, some students and dependants: an arrival flag or a birth begins a stay; registration with the NHS
continues it from one posting or snapshot to the next, enrolment for as long as it lasts; a removal ends it, or
the last snapshot that lists a person who is no longer listed.
"""

from typing import Literal

from rules.fields import Age, Days, EvidenceIds, Share
from rules.forms.delivered import delivered_periods
from rules.forms.spells import OPEN, last_day, spells_from_presence
from rules.forms.stay_rule import SpellRule
from rules.sql_text import among


class RegistrationSpan(SpellRule):
    """Arrival flags, then registration with the NHS or a university, and its end.

    A removal is dated back by `removal_lag_days`, because registers learn late of departures. A removal of a person
    of `adult_from_age` who gave no sign but the list for more than `quiet_days` tells that the person has gone, and
    not when: half of these days are taken. Who is listed and was never registered is a second entry of somebody,
    which ends without departure.

    An arrival flag more than `flag_within_days` after the last one is a return; a person who returns without having
    been removed from the list is assumed to have been away for `unnoticed_absence_days`.

    An adult first heard of by an arrival does not stay because a list says so: a student leaves `after_course_days`
    after the last enrolment, and others are visitors unless something else tells of a long stay. Of others that is
    true only in a study that has `seen_otherwise`, evidence that most people who stay give.
    """

    form: Literal["registration_span"]
    arrivals: EvidenceIds = ()
    births: EvidenceIds = ()
    registrations: EvidenceIds = ()
    listings: EvidenceIds = ()
    enrolments: EvidenceIds = ()
    removals: EvidenceIds = ()
    seen_otherwise: EvidenceIds = ()
    removal_lag_days: Days
    flag_within_days: Days
    unnoticed_absence_days: Days
    after_course_days: Days
    adult_from_age: Age
    quiet_days: Days
    delivered_share: Share

    def spells(self) -> str:
        """Return SQL that makes spells from the views `known` and `person`."""
        return f"""
        WITH {_events(self)}, {_removals(self)}, {_returns(self)}, {_continued(self)},
        presence AS ({_registered(self)} UNION ALL {_enrolled(self)})
        {spells_from_presence("presence", self.absent_more_than_days)}
        """


def _events(rule: RegistrationSpan) -> str:
    """One row per person and day with an entry in any register; an arrival flag takes precedence over the others."""
    arrives, born = among("rule_id", rule.arrivals), among("rule_id", rule.births)
    registered = among("rule_id", (*rule.births, *rule.registrations, *rule.listings))
    names = (*rule.arrivals, *rule.births, *rule.registrations, *rule.listings)
    precedence = f"CASE WHEN {arrives} THEN 0 WHEN {born} THEN 1 ELSE 2 END"
    return f"""
    event AS (
        SELECT person_id, day, arrives, born, registered, only_listed, listed,
            chosen.rule_id, chosen.record_id, CASE WHEN arrives THEN chosen.code END AS code
        FROM (
            SELECT person_id, "date" AS day, bool_or({arrives}) AS arrives, bool_or({born}) AS born,
                bool_or({registered}) AS registered, bool_and({among("rule_id", rule.listings)}) AS only_listed,
                bool_or({among("rule_id", rule.listings)}) AS listed,
                min(struct_pack(precedence := {precedence}, rule_id, record_id, code)) AS chosen
            FROM known WHERE {among("rule_id", names)} GROUP BY person_id, "date"
        )
    )"""


def _removals(rule: RegistrationSpan) -> str:
    """Date the departure before each removal: earlier by a lag, or by half of a long time without signs.

    Up to 18 or so, children give no signs for years: a removal is dated by the lag.
    """
    return f"""
    removed AS (
        SELECT person_id, "date" AS day, min(rule_id) AS rule_id, min(record_id) AS record_id
        FROM known WHERE {among("rule_id", rule.removals)} GROUP BY person_id, "date"
    ),
    removal AS (
        SELECT removed.*, CASE
            WHEN removed.day - sign.day > {rule.quiet_days.at("removed.day")}
                AND removed.day > birth_month + {rule.adult_from_age.interval("removed.day")}
                THEN removed.day - CAST((removed.day - sign.day) // 2 AS INTEGER)
            ELSE greatest(sign.day, removed.day - {rule.removal_lag_days.at("removed.day")}) END AS had_left
        FROM removed LEFT JOIN person USING (person_id)
            ASOF LEFT JOIN (SELECT person_id, day FROM event WHERE NOT only_listed
                UNION ALL SELECT person_id, coalesce(end_date, "date")
                FROM known WHERE {among("rule_id", rule.enrolments)}
            ) AS sign ON removed.person_id = sign.person_id AND removed.day >= sign.day
    )"""


def _returns(rule: RegistrationSpan) -> str:
    """Arrival flags of people already registered who had not just arrived.

    A person who comes back from abroad without having been removed from the list had left unnoticed: for some time
    before the return, being listed is no sign of presence.
    """
    unnoticed = rule.unnoticed_absence_days.at("back.day")
    return f"""
    flagged AS (
        SELECT event.*, {_unconfirmed(rule)} AS unconfirmed, arrives AND lag(day) OVER past IS NOT NULL AND coalesce(
            max(day) FILTER (WHERE arrives) OVER (past ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                < day - {rule.flag_within_days.at("day")}, true) AS returns
        FROM event LEFT JOIN person USING (person_id) WINDOW past AS (PARTITION BY person_id ORDER BY day)
    ),
    trusted AS (
        SELECT flagged.*, back.day AS next_return
        FROM flagged ASOF LEFT JOIN (SELECT person_id, day FROM flagged WHERE returns) AS back
            ON flagged.person_id = back.person_id AND flagged.day < back.day
            ASOF LEFT JOIN removal ON flagged.person_id = removal.person_id AND flagged.day <= removal.day
        WHERE NOT (only_listed AND (unconfirmed OR coalesce(flagged.day > had_left, false)
            OR coalesce(flagged.day > back.day - {unnoticed}, false)))
    )"""


def _unconfirmed(rule: RegistrationSpan) -> str:
    """Return SQL of whether a list of patients does not tell that a person stays.

    That is so of adults first heard of by an arrival: a student leaves after the course, and most of those of whom
    nothing else tells for a year are visitors.
    """
    enrolled = f"event.person_id IN (SELECT person_id FROM known WHERE {among('rule_id', rule.enrolments)})"
    others = f"EXISTS (SELECT 1 FROM known WHERE {among('rule_id', rule.seen_otherwise)})"
    last_sign = "max(day) FILTER (WHERE NOT only_listed) OVER (PARTITION BY event.person_id)"
    longer = rule.more_than_days.at("day")
    return f"""(
            first_value(arrives) OVER past
            AND first_value(day) OVER past > birth_month + {rule.adult_from_age.interval("day")}
            AND ({enrolled} OR ({others} AND {last_sign} <= first_value(day) OVER past + {longer})))"""


def _continued(rule: RegistrationSpan) -> str:
    """Each event with what follows it: the next event, the first removal, and whether the person was ever listed."""
    return f"""
    last_snapshot AS (SELECT max(opens) AS day FROM ({delivered_periods(rule.listings, rule.delivered_share)})),
    continued AS (
        SELECT trusted.*, lead(trusted.day) OVER ahead AS next_day, removal.day AS removed,
            removal.had_left, removal.rule_id AS removal_rule, removal.record_id AS removal_record,
            bool_or(listed) OVER (PARTITION BY trusted.person_id) AS ever_listed,
            bool_or(NOT only_listed) OVER (PARTITION BY trusted.person_id) AS ever_registered,
            last_snapshot.day AS last_snapshot
        FROM trusted CROSS JOIN last_snapshot ASOF LEFT JOIN removal
            ON trusted.person_id = removal.person_id AND trusted.day <= removal.day
        WINDOW ahead AS (PARTITION BY trusted.person_id ORDER BY trusted.day)
    )"""


def _registered(rule: RegistrationSpan) -> str:
    removed = "removed < coalesce(next_day, removed + 1)"
    unnoticed = rule.unnoticed_absence_days.at("next_return")
    until_return = f"greatest(day, least(next_day, next_return - {unnoticed}))"
    flagged = rule.flag_within_days.at("day")
    return f"""
        SELECT person_id, day AS start,
            CASE WHEN {removed} THEN greatest(day, had_left)
                 WHEN next_day = next_return THEN {until_return}
                 WHEN next_day IS NOT NULL AND (registered OR next_day <= day + {flagged}) THEN next_day
                 WHEN NOT registered OR next_day IS NOT NULL OR unconfirmed THEN day
                 WHEN day >= last_snapshot OR NOT ever_listed OR NOT ever_registered THEN {OPEN}
                 ELSE day END AS stop,
            CASE WHEN arrives THEN 'arrival' WHEN born THEN 'birth' ELSE 'unseen' END AS start_kind,
            'deregistration' AS end_reason, rule_id AS start_rule, record_id AS start_record,
            CASE WHEN {removed} THEN removal_rule ELSE rule_id END AS end_rule,
            CASE WHEN {removed} THEN removal_record ELSE record_id END AS end_record, code
        FROM continued"""


def _enrolled(rule: RegistrationSpan) -> str:
    """Courses; people who have come from abroad leave some time after the course."""
    days = rule.after_course_days.at("end_date")
    after = f"CASE WHEN person_id IN (SELECT person_id FROM event WHERE arrives) THEN {days} ELSE 0 END"
    return f"""
        SELECT person_id, "date", {last_day(f"coalesce(end_date + {after}, {OPEN})")}, 'unseen', 'deregistration',
            rule_id, record_id, rule_id, record_id, code
        FROM known WHERE {among("rule_id", rule.enrolments)}"""
