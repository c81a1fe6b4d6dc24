"""Usual residents on reference dates: people with a sign of residence whom no exclusion removes.

Source of the method: ONS, Developing our approach for producing admin-based population estimates (2019):
signs of activity in the twelve months before the date. Departures and lengths of stay come from the stays of
the composite definition, so that stocks and flows speak of the same people.
"""

from collections.abc import Sequence

import duckdb
import polars as pl

from pipeline.tables import query
from rules.language import quoted
from rules.model import Exclusion, PersonRules, Sign
from rules.spells import among

FOR_GOOD = 0.5
"""An absence not yet long enough counts as departure when it is at least as likely as not to last."""


def residents_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]) -> pl.DataFrame:
    """Return `residents` on 30 June of each year, from `testimony`, `person` and `stay`.

    `probability` is that of the stay or the absence in which the person is on the date where it is unfinished,
    else 1 or 0: expected residents are its sum. `strong` asks for a sign in the window before the date and
    another in as long a window after it.
    """
    signs = [one for one in rules.residents if isinstance(one, Sign)]
    exclusions = [one for one in rules.residents if isinstance(one, Exclusion)]
    days = ", ".join(f"(DATE '{year}-06-30')" for year in years)
    excluded = "CASE " + " ".join(f"WHEN {_holds(one)} THEN {quoted(one.id)}" for one in exclusions) + " END"
    return query(
        connection,
        f"""
        WITH reference AS (SELECT * FROM (VALUES {days}) AS days(reference_date)),
        seen AS ({" UNION ALL ".join(_seen(place, sign) for place, sign in enumerate(signs))}),
        listed AS (
            SELECT person_id, reference_date, min(place) FILTER (WHERE counts) AS place,
                bool_or(before) AND bool_or(after) AS both_sides
            FROM seen GROUP BY person_id, reference_date
            HAVING count(DISTINCT family) FILTER (WHERE counts) >= {rules.families_needed}
        ),
        composite AS (
            SELECT *, first(start_kind) OVER (PARTITION BY person_id ORDER BY start) = 'arrival' AS newcomer
            FROM stay WHERE definition = {quoted(rules.definition.id)}
        ),
        placed AS (
            SELECT listed.*, s.start, s.stop, s.status, s.probability, s.left_for_good
            FROM listed ASOF LEFT JOIN composite AS s
                ON listed.person_id = s.person_id AND listed.reference_date >= s.start
        ),
        judged AS (
            SELECT placed.*, {excluded if exclusions else "NULL"} AS excluded_by
            FROM placed JOIN person USING (person_id)
                LEFT JOIN (SELECT DISTINCT person_id, newcomer FROM composite) USING (person_id)
            -- a list soon after the date holds children who were not born on it
            WHERE coalesce(birth_month <= reference_date, true)
        )
        SELECT person_id, reference_date, excluded_by IS NULL AS resident,
            CASE WHEN excluded_by IN ({_in_forms(exclusions, "dead", "short_stay")}) THEN 0.0
                WHEN excluded_by IS NOT NULL AND start IS NULL THEN 0.0
                WHEN status = 'unfinished' THEN probability
                WHEN status = 'long_term' AND stop <= reference_date THEN 1.0 - left_for_good
                ELSE 1.0 END AS probability,
            excluded_by IS NULL AND both_sides AS strong,
            coalesce(excluded_by, [{", ".join(quoted(sign.id) for sign in signs)}][place + 1]) AS decided_by
        FROM judged
        """,
    )


def _in_forms(exclusions: Sequence[Exclusion], *forms: str) -> str:
    names = [quoted(one.id) for one in exclusions if one.form in forms]
    return ", ".join(names or ["''"])


def _seen(place: int, sign: Sign) -> str:
    """One row a piece of evidence and reference date within reach: whether it counts, and on which side it falls."""
    first, last = {
        "start": ('"date"', '"date"'),
        "end": ('coalesce(end_date - 1, "date")', 'coalesce(end_date - 1, "date")'),
        "overlap": ('"date"', "coalesce(end_date - 1, DATE '9999-12-31')"),
    }[sign.at]
    before = f"reference_date - INTERVAL {sign.months_before} MONTH"
    until = f"reference_date + INTERVAL {sign.months_after} MONTH"
    after = f"reference_date + INTERVAL {sign.months_before} MONTH"
    never = (
        "AND NOT EXISTS (SELECT 1 FROM testimony AS other WHERE other.person_id = testimony.person_id"
        f" AND {among('other.rule_id', sign.never_with)}"
        ' AND coalesce(other.end_date, other."date") <= reference_date)'
        if sign.never_with
        else ""
    )
    young = (
        "AND person_id IN (SELECT person_id FROM person"
        f" WHERE birth_month > reference_date - INTERVAL {sign.below_age} YEAR)"
        if sign.below_age
        else ""
    )
    return f"""
        SELECT DISTINCT person_id, reference_date, {place} AS place, {quoted(sign.family)} AS family,
            {last} > {before} AND {first} <= {until} AS counts,
            {last} > {before} AND {first} <= reference_date AS before,
            {last} > reference_date AND {first} <= {after} AS after
        FROM testimony JOIN reference ON {last} > {before} AND {first} <= greatest({until}, {after})
        WHERE {among("rule_id", sign.evidence)} {never} {young}"""


def _holds(one: Exclusion) -> str:
    """Return when an exclusion holds; `start` to `stop` is the last stay that began by the date, if any."""
    return {
        "dead": "death_date <= reference_date",
        "away": "(start IS NULL AND newcomer)"
        f" OR (stop <= reference_date AND status = 'long_term' AND left_for_good >= {FOR_GOOD})",
        "short_stay": "status = 'short_term'",
        "unlikely": f"status = 'unfinished' AND probability < {one.below_probability}",
    }[one.form]
