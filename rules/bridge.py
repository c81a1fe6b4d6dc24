"""The bridge between definitions: how many people migrate, or live here, by one definition and not by another.

Every definition of a rule set is compared with the one that is published, on the same people and records.
"""

from collections.abc import Sequence

import duckdb
import polars as pl

from pipeline.tables import query
from rules.forms.spells import OPEN
from rules.model import PersonRules
from rules.sql_text import quoted


def bridge_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]) -> pl.DataFrame:
    """Return `bridge`, from the table `stay`: one row per definition, measure and period.

    Somebody who migrates in a year by the published definition with probability p, and by the other with q, counts as
    min(p, q) in `both`, as the rest of p in `only_published`, and as the rest of q in `only_other`. Residents are
    people in a stay that is, or becomes, long-term by a definition, whatever signs they give. Years end on 30 June.
    Sums are of millionths.
    """
    days = ", ".join(f"(DATE '{year}-06-30')" for year in years)
    ends = "make_date(year(day) + CAST(month(day) > 6 AS INTEGER), 6, 30)"
    both, rest = "least(published, other)", "greatest({} - {}, 0)"

    def people(amount: str) -> str:
        return f"sum(CAST(round({amount} * 1000000) AS BIGINT)) / 1000000.0"

    return query(
        connection,
        f"""
        WITH reference AS (SELECT * FROM (VALUES {days}) AS days(period)),
        moved AS (
            SELECT definition, person_id, 'immigration' AS measure, start AS day, probability
            FROM stay WHERE start_kind = 'arrival' AND probability > 0
            UNION ALL
            SELECT definition, person_id, 'emigration', stop, left_for_good FROM stay WHERE left_for_good > 0
        ),
        counted AS (
            SELECT definition, measure, {ends} AS period, person_id, max(probability) AS probability
            FROM moved WHERE {ends} IN (SELECT period FROM reference) GROUP BY ALL
            UNION ALL
            SELECT definition, 'population', period, person_id, max(probability)
            FROM stay JOIN reference ON start <= period AND period < least(stop, {OPEN})
            WHERE probability > 0 GROUP BY ALL
        ),
        pair AS (
            SELECT definition, measure, period, person_id, probability AS other, 0.0 AS published
            FROM counted WHERE definition <> {quoted(rules.published)}
            UNION ALL
            SELECT others.definition, measure, period, person_id, 0.0, probability
            FROM counted CROSS JOIN (
                SELECT DISTINCT definition FROM stay WHERE definition <> {quoted(rules.published)}
            ) AS others
            WHERE counted.definition = {quoted(rules.published)}
        ),
        person_pair AS (
            SELECT definition, measure, period, person_id, max(published) AS published, max(other) AS other
            FROM pair GROUP BY ALL
        )
        SELECT definition, measure, period,
            {people(both)} AS both, {people(rest.format("published", "other"))} AS only_published,
            {people(rest.format("other", "published"))} AS only_other
        FROM person_pair GROUP BY ALL
        """,
    )
