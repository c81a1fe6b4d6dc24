"""The form `first_to_last`: first arrival to last departure (FALD), by border crossings and permissions to stay.

Source of the method: ONS, letter on methods of long-term international migration (2026) and progress updates
(May 2023, November 2024): short trips in between are ignored, consecutive permissions count as one, even when the
holder did not travel on the later one, and a missing arrival or departure is dated by the start or end of the
permission.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from rules.fields import Codes, Days, EvidenceIds
from rules.forms.spells import OPEN, last_day, spells_from_presence
from rules.forms.stay_rule import SpellRule
from rules.sql_text import among, quoted

WEEK = 7


class FirstToLast(SpellRule):
    """First arrival to last departure, by border crossings and permissions to stay.

    A missing crossing is dated by the start or end of the permission. `given_inside` are codes of permissions that
    are given only to people already in the country, `given_later` to people who came not long before (asylum): other
    evidence tells when. The first crossing inwards must come within
    `arrival_within_days` of the start of a permission; if it is later, the person was already present. A person
    without a permission whose departure is missing is assumed to leave after `unpermitted_days`. An open permission
    lapsed `lapses_days_before` a new one that was not given inside: only people who had left need a new one.

    `signs` are evidence that only people who are present give, as permissions given inside are. With a sign at least
    `sign_after_days` after a departure, or as many days of activity since, the person had come back unseen. Nearly
    every departure is recorded from the day `recorded_from` on: who has a permission from before it, and no crossing
    or sign since, had left by then.
    """

    indispensable = ("arrivals", "departures")

    form: Literal["first_to_last"]
    arrivals: EvidenceIds = Field(min_length=1)
    departures: EvidenceIds = Field(min_length=1)
    permissions: EvidenceIds = ()
    given_inside: Codes = ()
    given_later: Codes = ()
    missing_arrival: Literal["permission_start", "no_stay"] = "permission_start"
    missing_departure: Literal["permission_end", "no_stay"] = "permission_end"
    chain_permissions_within_days: Days
    arrival_within_days: Days
    unpermitted_days: Days
    lapses_days_before: Days
    signs: EvidenceIds = ()
    sign_after_days: Days
    recorded_from: date = date.min

    def spells(self) -> str:
        """Return SQL that makes spells from the view `known`."""
        return f"""
        WITH {_crossings(self)}, {_chains(self)}, presence AS (
            {_between_crossings(self)}
            UNION ALL {_before_the_first_crossing(self)}
            UNION ALL {_without_crossing(self)}
        )
        {spells_from_presence("presence", self.absent_more_than_days)}
        """

    def contradictions(self) -> str:
        """Return SQL of `person_id, departed, kind, next_way`: departures after which a person was seen inside.

        `kind` is that of the first evidence of it, `next_way` that of the next crossing: outwards (-1) if the person
        had come back unseen, inwards (1) if not, null if nothing has told yet. Short absences are none.
        """
        return f"""
        WITH {_crossings(self)}
        SELECT person_id, departed, next_way, first(kind ORDER BY undated, day, rule_id, record_id) AS kind
        FROM seen_again WHERE day + 1 < next_day GROUP BY person_id, departed, next_way
        """


def _crossings(rule: FirstToLast) -> str:
    """One row per person and day on which the crossings do not cancel out: a same-day return leaves no row."""
    inwards = among("rule_id", rule.arrivals)
    return f"""
    crossed AS (
        SELECT person_id, "date", sign(sum(CASE WHEN {inwards} THEN 1 ELSE -1 END)) AS way,
            min(rule_id) FILTER (WHERE {inwards}) AS rule_in, min(record_id) FILTER (WHERE {inwards}) AS record_in,
            min(rule_id) FILTER (WHERE NOT {inwards}) AS rule_out,
            min(record_id) FILTER (WHERE NOT {inwards}) AS record_out
        FROM known WHERE {among("rule_id", (*rule.arrivals, *rule.departures))}
        GROUP BY person_id, "date"
    ),
    {_returns_by_signs(rule)},
    crossing AS (
        SELECT person_id, "date", way,
            CASE WHEN way > 0 THEN rule_in ELSE rule_out END AS rule_id,
            CASE WHEN way > 0 THEN record_in ELSE record_out END AS record_id,
            lag(way) OVER ahead AS way_before, lag("date") OVER ahead AS date_before,
            lead(way) OVER ahead AS way_next, lead("date") OVER ahead AS date_next,
            lead(CASE WHEN way > 0 THEN rule_in ELSE rule_out END) OVER ahead AS rule_next,
            lead(CASE WHEN way > 0 THEN record_in ELSE record_out END) OVER ahead AS record_next
        FROM (SELECT * FROM crossed WHERE way <> 0 UNION ALL SELECT * FROM returned)
        WINDOW ahead AS (PARTITION BY person_id ORDER BY "date")
    )"""


def _returns_by_signs(rule: FirstToLast) -> str:
    """Find returns that the border did not record: by signs of presence after a departure that seems to be final.

    Weeks of a year are days of presence: those of somebody active before that do not fit before the departure lie
    after it, at the end of the year for all that anybody knows. Other signs, such as a permission given inside, do
    not tell when the person came back: most journeys are short, so it was soon.
    """
    inside = f"{among('rule_id', rule.permissions)} AND coalesce({among('code', rule.given_inside)}, false)"
    absence = rule.absent_more_than_days.at("departed")
    return f"""
    sign AS (SELECT * FROM known WHERE {among("rule_id", rule.signs)} OR {inside}),
    last_sign AS (
        SELECT person_id, max(CASE WHEN "value" IS NOT NULL THEN "date" + CAST({WEEK} * "value" AS INTEGER)
            WHEN kind = 'permission' THEN "date" ELSE coalesce(end_date - 1, "date") END) AS last_sign
        FROM sign GROUP BY person_id
    ),
    first_active AS (SELECT person_id, min("date") AS first_active FROM sign WHERE "value" > 0 GROUP BY person_id),
    long_departure AS (
        SELECT person_id, "date" AS departed, next_day, next_way FROM (
            SELECT *, coalesce(lead("date") OVER ahead, {OPEN}) AS next_day, lead(way) OVER ahead AS next_way
            FROM crossed WHERE way <> 0 WINDOW ahead AS (PARTITION BY person_id ORDER BY "date")
        )
        WHERE way < 0 AND (next_way IS NULL OR next_way < 0 OR next_day > departed + {absence})
    ),
    seen_again AS (
        SELECT person_id, departed, next_day, next_way, kind, rule_id, record_id, days_after IS NULL AS undated,
            CASE WHEN days_after IS NULL THEN departed ELSE greatest(departed, end_date - days_after) END AS day
        FROM (
            SELECT *, CASE WHEN first_active < departed
                THEN CAST({WEEK} * "value" - greatest(0, departed - "date") AS INTEGER) END AS days_after
            FROM long_departure JOIN sign USING (person_id) LEFT JOIN first_active USING (person_id)
        )
        WHERE coalesce(end_date > departed, true) AND "date" < next_day
            AND coalesce(days_after, "date" - departed) >= {rule.sign_after_days.at("departed")}
    ),
    returned AS (
        SELECT person_id, day + 1 AS "date", 1 AS way, rule_id AS rule_in, record_id AS record_in,
            NULL::VARCHAR AS rule_out, NULL::BIGINT AS record_out
        FROM seen_again WHERE day + 1 < next_day AND coalesce(next_way > 0, true)
        QUALIFY row_number() OVER (PARTITION BY person_id, departed ORDER BY undated, day, rule_id, record_id) = 1
    )"""


def _chains(rule: FirstToLast) -> str:
    """Permissions that follow one another within the tolerance, as one chain; open ones lapse before a new one."""
    inside = among("code", (*rule.given_inside, *rule.given_later))
    closed = f"max(closes) OVER ({_IN_ORDER} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return f"""
    granted AS (
        SELECT person_id, "date" AS opens, end_date, rule_id, record_id, code,
            coalesce({inside}, false) AS given_inside,
            coalesce({among("code", rule.given_later)}, false) AS given_later
        FROM known WHERE {among("rule_id", rule.permissions)}
    ),
    permission AS (
        SELECT granted.* EXCLUDE (end_date), CASE WHEN end_date IS NOT NULL THEN end_date
            WHEN anew.opens IS NULL THEN {OPEN}
            ELSE greatest(granted.opens, anew.opens - {rule.lapses_days_before.at("anew.opens")}) + 1 END AS closes
        FROM granted ASOF LEFT JOIN (SELECT person_id, opens FROM granted WHERE NOT given_inside) AS anew
            ON granted.person_id = anew.person_id AND granted.opens < anew.opens
    ),
    numbered AS (
        SELECT *, sum(fresh) OVER ({_IN_ORDER}, fresh DESC ROWS UNBOUNDED PRECEDING) AS chain FROM (
            SELECT *, CASE WHEN opens <= {closed} + {rule.chain_permissions_within_days.at(closed)}
                THEN 0 ELSE 1 END AS fresh
            FROM permission
        )
    ),
    chain AS (
        SELECT person_id, min(opens) AS opens, max(closes) AS closes,
            first(rule_id ORDER BY opens, closes, record_id) AS rule_id,
            first(record_id ORDER BY opens, closes, record_id) AS first_record,
            last(record_id ORDER BY closes, opens, record_id) AS last_record,
            first(code ORDER BY opens, closes, record_id) AS code,
            first(given_inside ORDER BY opens, closes, record_id) AS given_inside,
            first(given_later ORDER BY opens, closes, record_id) AS given_later
        FROM numbered GROUP BY person_id, numbered.chain
    ),
    permitted AS (
        SELECT crossing.*, chain.opens, chain.closes, chain.rule_id AS chain_rule, chain.first_record,
            chain.last_record, chain.code, chain.given_inside, chain.given_later
        FROM crossing ASOF LEFT JOIN chain
            ON crossing.person_id = chain.person_id AND crossing."date" >= chain.opens
    )"""


_IN_ORDER = "PARTITION BY person_id ORDER BY opens, closes, record_id"


def _between_crossings(rule: FirstToLast) -> str:
    """From a crossing inwards to the next outwards; where one of them is missing, the permission dates it.

    A person who leaves without either was here on that day, and nobody knows since when.
    """
    tolerance = rule.chain_permissions_within_days.at("closes")
    unpermitted = rule.unpermitted_days.at('"date"')
    departure = f'CASE WHEN "date" < closes THEN {last_day("closes")} ELSE "date" + {unpermitted} END'
    permitted = f'"date" <= closes + {tolerance}'
    if rule.missing_departure == "no_stay":
        departure = '"date"'
    if rule.missing_arrival == "no_stay":
        permitted = "false"
    return f"""
        SELECT person_id, "date" AS start, date_next AS stop, 'arrival' AS start_kind, 'departure' AS end_reason,
            rule_id AS start_rule, record_id AS start_record, rule_next AS end_rule, record_next AS end_record,
            CASE WHEN "date" < closes THEN code END AS code
        FROM permitted WHERE way > 0 AND way_next < 0
        UNION ALL
        SELECT person_id, "date", least({departure}, date_next), 'arrival',
            CASE WHEN "date" < closes THEN 'permission_end' ELSE 'assumed' END,
            rule_id, record_id, coalesce(chain_rule, rule_id), coalesce(last_record, record_id),
            CASE WHEN "date" < closes THEN code END
        FROM permitted WHERE way > 0 AND coalesce(way_next, 1) > 0
        UNION ALL
        SELECT person_id, CASE WHEN {permitted} THEN greatest(opens, date_before) ELSE "date" END AS start, "date",
            CASE WHEN {permitted} THEN {_kind_of_chain()} ELSE 'unknown' END, 'departure',
            CASE WHEN {permitted} THEN chain_rule ELSE rule_id END,
            CASE WHEN {permitted} THEN first_record ELSE record_id END,
            rule_id, record_id, CASE WHEN {permitted} THEN code END
        FROM permitted WHERE way < 0 AND coalesce(way_before, -1) < 0"""


def _kind_of_chain() -> str:
    return "CASE WHEN given_later THEN 'unknown' WHEN given_inside THEN 'unseen' ELSE 'arrival' END"


def _before_the_first_crossing(rule: FirstToLast) -> str:
    """Presence before a first crossing inwards long after the permission began: that crossing is a return."""
    if rule.missing_arrival == "no_stay":
        return _NO_ROWS
    return f"""
        SELECT person_id, opens, "date", {_kind_of_chain()}, 'departure',
            chain_rule, first_record, rule_id, record_id, code
        FROM permitted
        WHERE way > 0 AND "date" < closes AND coalesce(date_before < opens, true)
            AND ("date" > opens + {rule.arrival_within_days.at("opens")} OR given_inside)"""


def _without_crossing(rule: FirstToLast) -> str:
    """Presence during a permission without any crossing: a visa can be changed without a journey."""
    if rule.missing_arrival == "no_stay":
        return _NO_ROWS
    before = f"{quoted(rule.recorded_from)}"
    unseen = f"opens < {before} AND closes < {OPEN} AND coalesce(last_sign < {before}, true)"
    return f"""
        SELECT person_id, opens,
            CASE WHEN {unseen} THEN least({last_day("closes")}, {before}) ELSE {last_day("closes")} END,
            {_kind_of_chain()}, 'permission_end', rule_id, record_id, rule_id, record_id, code
        FROM permission LEFT JOIN last_sign USING (person_id)
        WHERE NOT EXISTS (
            SELECT 1 FROM crossing WHERE crossing.person_id = permission.person_id
                AND crossing."date" >= permission.opens AND crossing."date" < permission.closes
        )"""


_NO_ROWS = f"""
        SELECT NULL::BIGINT, NULL::DATE, NULL::DATE, {quoted("arrival")}, {quoted("departure")},
            NULL::VARCHAR, NULL::BIGINT, NULL::VARCHAR, NULL::BIGINT, NULL::VARCHAR WHERE false"""
