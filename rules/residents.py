"""Usual residents on reference dates: people with a sign of residence to whom no exclusion applies.

Source of the method: ONS, Developing our approach for producing admin-based population estimates (2019):
signs of activity in the twelve months before the date. Departures and lengths of stay come from the stays of
the published definition, so that stocks and flows are about the same people.
"""

from collections.abc import Sequence

import duckdb
import polars as pl

from pipeline.tables import make_table, query
from rules.model import Away, Exclusion, PersonRules, Sign, Unlikely
from rules.sql_text import among, quoted


def residents_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]) -> pl.DataFrame:
    """Return `residents` on 30 June of each year, from `person_evidence`, `person` and `stay`."""
    make_residents(connection, rules, years)
    return query(connection, "SELECT * FROM resident")


def make_residents(connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]) -> None:
    """Make `resident`: people with enough signs on 30 June of each year, whether residents or excluded.

    `probability` is that of the stay or absence on the date if it is unfinished, else 1 or 0; its sum is the expected
    number of residents. `trimmed` (the trimmed list) requires a sign in the window before the date and another in a
    window of the same length after it.
    """
    signs = [one for one in rules.residents if isinstance(one, Sign)]
    days = ", ".join(f"(DATE '{year}-06-30')" for year in years)
    make_table(connection, "reference", f"SELECT * FROM (VALUES {days}) AS days(reference_date)")
    make_table(connection, "standing", _standing(rules))
    for sign in signs:
        make_table(connection, f"sign_{sign.id}", _sign(sign))
    seen = " UNION ALL ".join(
        f"SELECT *, {position} AS position, {quoted(sign.family)} AS family FROM sign_{sign.id}"
        for position, sign in enumerate(signs)
    )
    make_table(
        connection,
        "resident",
        f"""
        WITH candidate AS (
            SELECT person_id, reference_date, min(position) FILTER (WHERE counts) AS position,
                bool_or(before) AND bool_or(after) AS trimmed
            FROM ({seen}) GROUP BY person_id, reference_date
            HAVING count(DISTINCT family) FILTER (WHERE counts) >= {rules.families_needed.at("reference_date")}
        )
        SELECT person_id, reference_date, excluded_by IS NULL AS resident, probability,
            excluded_by IS NULL AND trimmed AS trimmed,
            coalesce(excluded_by, [{", ".join(quoted(sign.id) for sign in signs)}][position + 1]) AS decided_by
        FROM candidate JOIN standing USING (person_id, reference_date)
        """,
    )


def _standing(rules: PersonRules) -> str:
    """Return SQL of what is known of every person on every reference date apart from signs, from birth on.

    `excluded_by` is the first exclusion that applies, `probability` that of being a resident if there are signs.
    """
    exclusions = [one for one in rules.residents if not isinstance(one, Sign)]
    excluded = "CASE " + " ".join(f"WHEN {_applies(one)} THEN {quoted(one.id)}" for one in exclusions) + " END"
    return f"""
        WITH published AS (
            SELECT *, first(start_kind) OVER (PARTITION BY person_id ORDER BY start) = 'arrival' AS newcomer
            FROM stay WHERE definition = {quoted(rules.published)}
        ),
        with_stay AS (
            SELECT person.person_id, reference_date, death_date, s.start, s.stop, s.status, s.probability,
                s.left_for_good
            FROM (
                SELECT * FROM person CROSS JOIN reference
                -- a list of a later day includes children born after the date
                WHERE coalesce(birth_month <= reference_date, true)
            ) AS person ASOF LEFT JOIN published AS s
                ON person.person_id = s.person_id AND person.reference_date >= s.start
        ),
        decided AS (
            SELECT with_stay.*, {excluded if exclusions else "NULL"} AS excluded_by
            FROM with_stay LEFT JOIN (SELECT DISTINCT person_id, newcomer FROM published) USING (person_id)
        )
        SELECT person_id, reference_date, excluded_by,
            CASE WHEN excluded_by IN ({_in_forms(exclusions, "dead", "short_stay")}) THEN 0.0
                WHEN excluded_by IS NOT NULL AND start IS NULL THEN 0.0
                WHEN status = 'unfinished' THEN probability
                WHEN status = 'long_term' AND stop <= reference_date THEN 1.0 - left_for_good
                ELSE 1.0 END AS probability
        FROM decided"""


def _in_forms(exclusions: Sequence[Exclusion | Away | Unlikely], *forms: str) -> str:
    names = [quoted(one.id) for one in exclusions if one.form in forms]
    return ", ".join(names or ["''"])


def _sign(sign: Sign) -> str:
    """One row per piece of evidence near a reference date: whether it counts, and on which side of the date it is."""
    first, last = {
        "start": ('"date"', '"date"'),
        "end": ('coalesce(end_date - 1, "date")', 'coalesce(end_date - 1, "date")'),
        "overlap": ('"date"', "coalesce(end_date - 1, DATE '9999-12-31')"),
    }[sign.at]
    window = sign.months_before.interval("reference_date")
    before, after = f"reference_date - {window}", f"reference_date + {window}"
    until = (
        f"reference_date + {sign.months_after.interval('reference_date')}" if sign.months_after else "reference_date"
    )
    never = (
        "AND NOT EXISTS (SELECT 1 FROM person_evidence AS other WHERE other.person_id = person_evidence.person_id"
        f" AND {among('other.rule_id', sign.never_with)}"
        ' AND coalesce(other.end_date, other."date") <= reference_date)'
        if sign.never_with
        else ""
    )
    young = (
        "AND person_id IN (SELECT person_id FROM person"
        f" WHERE birth_month > reference_date - {sign.below_age.interval('reference_date')})"
        if sign.below_age
        else ""
    )
    return f"""
        SELECT DISTINCT person_id, reference_date,
            {last} > {before} AND {first} <= {until} AS counts,
            {last} > {before} AND {first} <= reference_date AS before,
            {last} > reference_date AND {first} <= {after} AS after
        FROM person_evidence JOIN reference ON {last} > {before} AND {first} <= greatest({until}, {after})
        WHERE {among("rule_id", sign.evidence)} {never} {young}"""


def _applies(one: Exclusion | Away | Unlikely) -> str:
    """Return the condition of an exclusion; `start` to `stop` is the last stay that began by the date, if any."""
    if isinstance(one, Away):
        likely = f"left_for_good >= {one.from_probability.at('stop')}"
        return f"(start IS NULL AND newcomer) OR (stop <= reference_date AND status = 'long_term' AND {likely})"
    if isinstance(one, Unlikely):
        return f"status = 'unfinished' AND probability < {one.below_probability.at('start')}"
    return {"dead": "death_date <= reference_date", "short_stay": "status = 'short_term'"}[one.form]
