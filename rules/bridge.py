"""The bridge between definitions: how many people migrate, or live here, by one definition and not by another.

All definitions of a rule set are compared, two by two, on the same people and records.
"""

from collections.abc import Sequence
from itertools import combinations

import duckdb
import polars as pl

from pipeline.tables import query
from rules.forms.spells import OPEN
from rules.model import PersonRules
from rules.sql_text import quoted


def bridge_table(connection: duckdb.DuckDBPyConnection, rules: PersonRules, years: Sequence[int]) -> pl.DataFrame:
    """Return `bridge`, from the table `stay`: one row per pair of definitions, measure and period.

    Somebody who migrates in a year by one definition with probability p, and by the other with q, counts as min(p, q)
    in `both`, as the rest of p in `only_definition`, and as the rest of q in `only_other`. The population are people
    in a stay that counts, or may, by a definition, whatever signs they give. Years end on 30 June. Sums are of
    millionths. Definitions by which nobody has a stay have no rows.

    People alike by all definitions are counted first, so the pairs cost next to nothing.
    """
    days = ", ".join(f"(DATE '{year}-06-30')" for year in years)
    ends = "make_date(year(day) + CAST(month(day) > 6 AS INTEGER), 6, 30)"
    both, rest = "least(p, q)", "greatest({} - {}, 0)"
    present = set(query(connection, "SELECT DISTINCT definition FROM stay")["definition"])
    # the published definition is the first of its pairs
    names = sorted(present & set(rules.definitions), key=lambda one: (one != rules.published, one))
    pairs = ", ".join(f"({one}, {other})" for one, other in combinations(range(1, len(names) + 1), 2))
    by_each = ", ".join(f"coalesce(max(probability) FILTER (WHERE definition = {quoted(one)}), 0.0)" for one in names)
    listed = ", ".join(quoted(one) for one in names)

    def people(amount: str) -> str:
        return f"sum(CAST(round({amount} * 1000000) AS BIGINT) * people) / 1000000.0"

    return query(
        connection,
        f"""
        WITH reference AS (SELECT * FROM (VALUES {days}) AS days(period)),
        pair AS (SELECT * FROM (VALUES {pairs or "(0, 0)"}) AS pairs(one, other)),
        moved AS (
            SELECT definition, person_id, 'immigration' AS measure, start AS day, probability
            FROM stay WHERE start_kind = 'arrival' AND probability > 0
            UNION ALL
            SELECT definition, person_id, 'emigration', stop, left_for_good FROM stay WHERE left_for_good > 0
        ),
        counted AS (
            SELECT definition, measure, {ends} AS period, person_id, probability
            FROM moved WHERE {ends} IN (SELECT period FROM reference)
            UNION ALL
            SELECT definition, 'population', period, person_id, probability
            FROM stay JOIN reference ON start <= period AND period < least(stop, {OPEN}) WHERE probability > 0
        ),
        person AS (SELECT measure, period, person_id, [{by_each or "NULL"}] AS p FROM counted GROUP BY ALL),
        alike AS (SELECT measure, period, p AS by_each, count(*) AS people FROM person GROUP BY ALL),
        compared AS (
            SELECT measure, period, pair.one, pair.other, by_each[pair.one] AS p, by_each[pair.other] AS q, people
            FROM alike CROSS JOIN pair
        )
        SELECT [{listed or "NULL"}][one] AS definition, [{listed or "NULL"}][other] AS other, measure, period,
            {people(both)} AS both, {people(rest.format("p", "q"))} AS only_definition,
            {people(rest.format("q", "p"))} AS only_other
        FROM compared WHERE p > 0 OR q > 0 GROUP BY one, compared.other, measure, period
        """,
    )
