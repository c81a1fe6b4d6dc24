"""Two people of the run who may be one: how likely a migration of either is none, or is counted with both.

A person who leaves may be, under other records, the one who is here afterwards: then nobody left. Two people who
leave in the same months, or arrive, may be one: then one of the two migrations is too many. The linkage says how
likely two people are one (`possibly_one`); the migration is less probable by as much, or by half of it for a move
that is counted twice. An arrival makes no such doubt: a record says that somebody came, whoever was here before. The
method is Sojourn's own.
"""

import duckdb

from pipeline.tables import make_table
from rules.model import PersonRules


def make_doubts(connection: duckdb.DuckDBPyConnection, rules: PersonRules, migrations: str) -> None:
    """Make `doubt`: the probability `nobody` that a migration is none or another's, of those that may be.

    Reads `possibly_one`, `stay` and the table `migrations`, which has `absent_more_than_days` of every emigration;
    the key is that of a migration. Of several people who may be the same, the one who makes most doubt counts.
    """
    if rules.possibly_one is None:
        key = f'SELECT person_id, definition, "date", direction, 0.0 AS nobody FROM {migrations} WHERE false'
        make_table(connection, "doubt", key)
        return
    least, near = rules.possibly_one.from_probability.at('"date"'), rules.possibly_one.same_move_days.at('"date"')
    make_table(
        connection,
        "doubt",
        f"""
        WITH other AS (
            SELECT person_id, other_person_id, probability AS one FROM possibly_one
            UNION ALL
            SELECT other_person_id, person_id, probability FROM possibly_one
        ),
        asked AS (
            SELECT person_id, other_person_id, one, definition, "date", direction,
                "date" + CAST(coalesce(absent_more_than_days, 0) AS INTEGER) AS absent_until
            FROM {migrations} JOIN other USING (person_id)
            WHERE probability > 0 AND one >= {least}
        ),
        judged AS (
            SELECT asked.*,
                EXISTS (
                    FROM {migrations} AS move WHERE move.person_id = other_person_id
                        AND move.definition = asked.definition AND move.direction = asked.direction
                        AND move.probability > 0
                        AND move."date" BETWEEN asked."date" - {near} AND asked."date" + {near}) AS moves_too,
                direction = 'emigration' AND EXISTS (
                    FROM stay WHERE stay.person_id = other_person_id AND stay.definition = asked.definition
                        AND status <> 'short_term' AND start <= absent_until AND stop > absent_until) AS is_here
            FROM asked
        )
        SELECT person_id, definition, "date", direction, max(CASE WHEN moves_too THEN one / 2 ELSE one END) AS nobody
        FROM judged WHERE moves_too OR is_here
        GROUP BY ALL
        """,
    )
