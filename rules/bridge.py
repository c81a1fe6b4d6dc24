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
    """
    days = ", ".join(f"(DATE '{year}-06-30')" for year in years)
    ends = "make_date(year(day) + CAST(month(day) > 6 AS INTEGER), 6, 30)"
    both, rest = "least(p, q)", "greatest({} - {}, 0)"
    # the published definition is the first of its pairs
    names = [rules.published, *(one for one in rules.definitions if one != rules.published)]
    pairs = ", ".join(f"({quoted(one)}, {quoted(other)})" for one, other in combinations(names, 2))
    if not pairs:
        pairs = "(NULL, NULL)"

    def people(amount: str) -> str:
        return f"sum(CAST(round({amount} * 1000000) AS BIGINT)) / 1000000.0"

    return query(
        connection,
        f"""
        WITH reference AS (SELECT * FROM (VALUES {days}) AS days(period)),
        pair AS (
            SELECT * FROM (VALUES {pairs}) AS pairs(definition, other)
            WHERE definition IN (SELECT definition FROM stay) AND other IN (SELECT definition FROM stay)
        ),
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
        side AS (
            SELECT pair.definition, pair.other, measure, period, person_id, probability AS p, 0.0 AS q
            FROM pair JOIN counted ON counted.definition = pair.definition
            UNION ALL
            SELECT pair.definition, pair.other, measure, period, person_id, 0.0, probability
            FROM pair JOIN counted ON counted.definition = pair.other
        ),
        person_pair AS (
            SELECT definition, other, measure, period, person_id, max(p) AS p, max(q) AS q FROM side GROUP BY ALL
        )
        SELECT definition, other, measure, period,
            {people(both)} AS both, {people(rest.format("p", "q"))} AS only_definition,
            {people(rest.format("q", "p"))} AS only_other
        FROM person_pair GROUP BY ALL
        """,
    )
