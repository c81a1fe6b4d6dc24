"""What is known of each person's travel, for definitions over crossings of the border.

Crossings of one day cancel out. A death in the country ends presence, as a departure does.
"""

from datetime import date

import numpy as np
import polars as pl

from rules.forms.crossings_rule import CrossingsRule
from rules.forms.spells import OPEN
from rules.lengths_of_stay.crossings import Crossings, Days, Flags
from rules.model import PersonRules
from rules.people import death_dates
from rules.sql_text import among

EPOCH = date(1970, 1, 1)
STILL_HERE = date(9999, 12, 31)
"""The end of a stay that lasts."""


def crossings_as_sql(rules: PersonRules, rule: CrossingsRule) -> str:
    """Return SQL with one row per person and day with a crossing, what dates it, and what is known before it.

    Reads `known`. Columns: `person_id, day, is_arrival, rule_id, record_id, code` (that of the permission in force,
    if the crossing has none), the `death_date` of the person, whether the row `is_death` (the end of presence by a
    death), the earliest permission: `since`, with its rule, record and code, and `shown`, whether evidence of the
    rule's `shown_by` lies between the crossing and the next one.
    """
    inwards = among("rule_id", rule.arrivals)
    chosen = "struct_pack(rule_id, record_id, code)"
    return f"""
        WITH death AS ({death_dates("known", rules)}),
        permitted AS (
            SELECT person_id, min(struct_pack(since := "date", since_record := record_id, since_rule := rule_id,
                since_code := code)) AS permission
            FROM known WHERE {among("rule_id", rule.permissions)} GROUP BY person_id
        ),
        given AS (
            SELECT person_id, "date" AS valid_from, max(coalesce(end_date, {OPEN})) AS valid_to, min(code) AS code
            FROM known WHERE {among("rule_id", rule.permissions)} GROUP BY ALL
        ),
        crossed AS (
            SELECT person_id, "date" AS day, sum(CASE WHEN {inwards} THEN 1 ELSE -1 END) AS way,
                min({chosen}) FILTER (WHERE {inwards}) AS seen_in,
                min({chosen}) FILTER (WHERE NOT {inwards}) AS seen_out
            FROM known WHERE {among("rule_id", (*rule.arrivals, *rule.departures))} GROUP BY ALL HAVING way <> 0
        ),
        alive AS (
            SELECT person_id, day, way > 0 AS is_arrival, CASE WHEN way > 0 THEN seen_in ELSE seen_out END AS seen,
                death_date, false AS is_death
            FROM crossed LEFT JOIN death USING (person_id) WHERE coalesce(day < death_date, true)
        ),
        ended AS (
            SELECT person_id, max(death_date) AS day, false, max_by(seen, day), max(death_date), true
            FROM alive WHERE death_date IS NOT NULL GROUP BY person_id HAVING max_by(is_arrival, day)
        ),
        crossing AS (SELECT * FROM alive UNION ALL SELECT * FROM ended),
        reason AS ({_shown(rule)})
        SELECT crossing.* EXCLUDE (seen), seen.rule_id, seen.record_id, permission.*,
            coalesce(seen.code, CASE WHEN crossing.day < valid_to THEN given.code END) AS code,
            reason.person_id IS NOT NULL AS shown
        FROM crossing LEFT JOIN permitted USING (person_id)
            LEFT JOIN reason ON reason.person_id = crossing.person_id AND reason.day = crossing.day
            ASOF LEFT JOIN given ON given.person_id = crossing.person_id AND crossing.day >= given.valid_from"""


def _shown(rule: CrossingsRule) -> str:
    """Return SQL of the crossings between which and the next one there is evidence of `shown_by`."""
    return f"""
            SELECT DISTINCT person_id, day
            FROM (SELECT person_id, day, lead(day) OVER (PARTITION BY person_id ORDER BY day) AS next_day
                FROM crossing) AS crossing JOIN known USING (person_id)
            WHERE {among("rule_id", rule.shown_by)} AND "date" <= coalesce(next_day, {OPEN})
                AND coalesce(end_date - 1, "date") >= day"""


def permissions_as_sql(rules: PersonRules, rule: CrossingsRule, visits: tuple[str, ...]) -> str:
    """Return SQL with one row per permission, `valid_from` to `valid_to` (both included), at the latest to a death.

    Reads `known`. Columns: also `person_id, is_visit` (of evidence in `visits`), `rule_id, record_id, code`, and the
    `death_date` of the person.
    """
    return f"""
        WITH death AS ({death_dates("known", rules)})
        SELECT person_id, "date" AS valid_from, least(coalesce(end_date - 1, {OPEN}), death_date) AS valid_to,
            {among("rule_id", visits)} AS is_visit, rule_id, record_id, code, death_date
        FROM known LEFT JOIN death USING (person_id)
        WHERE {among("rule_id", (*rule.permissions, *visits))} AND coalesce("date" < death_date, true)"""


def crossings_of(crossed: pl.DataFrame) -> Crossings:
    """Return rows of `crossings_as_sql`, in order of person and day, as arrays."""
    return Crossings(
        crossed["person_id"].rle_id().diff().fill_null(1).to_numpy() != 0,
        days_of(crossed["day"]),
        crossed["is_arrival"].to_numpy(),
    )


def days_of(dates: pl.Series) -> Days:
    """Return dates as days since 1970-01-01."""
    return dates.cast(pl.Int32).to_numpy()


def here_long_before(crossed: pl.DataFrame, crossings: Crossings, days: int) -> Flags:
    """Return for each person whether a permission began at least so many days before the first crossing."""
    first = crossed[crossings.first]
    long_before = (first["day"] - first["since"]).dt.total_days() >= days
    return np.asarray(long_before.fill_null(value=False).to_numpy())
