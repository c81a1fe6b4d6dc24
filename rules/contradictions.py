"""People seen to leave and then inside, by a sign of presence: how likely they had come back unseen.

The next crossing tells: who leaves again had come back, who arrives had been abroad. The share of those who had, by
kind of sign, is the probability that others are here, of whom no crossing tells yet. Shares of few cases are drawn
towards that of all kinds, as those of unfinished stays are. The method is Sojourn's own.
"""

import duckdb
import polars as pl

from pipeline.tables import make_table, query
from rules.forms.first_to_last import FirstToLast
from rules.model import PersonRules
from rules.sql_text import quoted


def make_contradictions(connection: duckdb.DuckDBPyConnection, rules: PersonRules) -> None:
    """Make `contradiction`: `person_id, departed, until, kind, came_back` of the open ones inside a stay.

    Reads `known` as of the data date and `stay`. `came_back` is the probability of having come back, `until` the day
    on which the stay ends that then goes on. `contradiction_kind` has the number of cases by kind.
    """
    found = [
        f"SELECT {quoted(rule.id)} AS stay_rule, * FROM ({rule.contradictions()})"
        for rule in rules.spell_rules
        if isinstance(rule, FirstToLast)
    ]
    nothing = """SELECT '' AS stay_rule, 0::BIGINT AS person_id, DATE '2000-01-01' AS departed, 0 AS next_way,
        '' AS kind WHERE false"""
    make_table(connection, "contradicted", " UNION ALL ".join([nothing, *found]))
    today = "(SELECT max(known_until) FROM stay)"
    prior, unknown = (
        one.at(today) for one in (rules.unfinished.prior_cases, rules.unfinished.probability_without_cases)
    )
    make_table(
        connection,
        "contradiction_kind",
        f"""
        SELECT kind, had_returned, were_abroad,
            round((had_returned + {prior} * overall) / (had_returned + were_abroad + {prior}), 6) AS probability
        FROM (
            SELECT kind, had_returned, were_abroad, CAST(coalesce(sum(had_returned) OVER ()
                / nullif(sum(had_returned + were_abroad) OVER (), 0), {unknown}) AS DOUBLE) AS overall
            FROM (
                SELECT kind, count(*) FILTER (WHERE next_way < 0) AS had_returned,
                    count(*) FILTER (WHERE next_way > 0) AS were_abroad
                FROM contradicted GROUP BY kind
            )
        )""",
    )
    make_table(
        connection,
        "contradiction",
        f"""
        SELECT stay.person_id, departed, stop AS until, kind, contradiction_kind.probability AS came_back
        FROM contradicted JOIN contradiction_kind USING (kind) JOIN stay
            ON stay.person_id = contradicted.person_id AND stay.stay_rule = contradicted.stay_rule
            AND definition = {quoted(rules.published)} AND start <= departed AND stop > departed
        WHERE next_way IS NULL AND status = 'long_term'
        QUALIFY row_number() OVER (PARTITION BY stay.person_id ORDER BY departed DESC, kind) = 1""",
    )


def conflicts_table(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return `conflicts`: cases by kind, resolved by a later crossing and open, and the probability of these."""
    return query(
        connection,
        """
        SELECT kind, had_returned, were_abroad, count(person_id) AS open, probability
        FROM contradiction_kind LEFT JOIN contradiction USING (kind) GROUP BY ALL ORDER BY kind
        """,
    )
