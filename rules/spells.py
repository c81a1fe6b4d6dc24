"""Spells of presence: the shape that every form of stay rule makes, and how presence is joined into them.

A spell is one row `person_id, start, stop, start_kind, end_reason, start_rule, start_record, end_rule,
end_record, code`: half-open `[start, stop)`; `stop` is `OPEN` while somebody is still here. `start_kind` is
`arrival`, `birth` or `before_observation`; `end_reason` as in the table `stays`.
"""

from collections.abc import Sequence

from rules.language import quoted

OPEN = "DATE '9999-12-31'"


def among(column: str, names: Sequence[str]) -> str:
    """Return the SQL condition that a column is one of some names; never true for no names."""
    return f"{column} IN ({', '.join(quoted(name) for name in names)})" if names else "false"


def spells_from_presence(presence: str, absent_days: str) -> str:
    """Return SQL that joins intervals of presence into spells wherever the gap is at most `absent_days`.

    What happened at the ends is taken from the interval that begins first and from the one that ends last;
    of several, an observed event counts before a permission, then the lowest record.
    """
    order = "PARTITION BY person_id ORDER BY start, stop, start_record, end_record, start_rule, end_rule"
    return f"""
    SELECT person_id, min(start) AS start, max(stop) AS stop,
        first(start_kind ORDER BY start, start_kind, start_record) AS start_kind,
        last(end_reason ORDER BY stop, end_reason DESC, end_record) AS end_reason,
        first(start_rule ORDER BY start, start_kind, start_record) AS start_rule,
        first(start_record ORDER BY start, start_kind, start_record) AS start_record,
        last(end_rule ORDER BY stop, end_reason DESC, end_record) AS end_rule,
        last(end_record ORDER BY stop, end_reason DESC, end_record) AS end_record,
        first(code ORDER BY code IS NULL, start, start_kind, start_record) AS code
    FROM (
        SELECT *, sum(fresh) OVER ({order} ROWS UNBOUNDED PRECEDING) AS spell FROM (
            SELECT *, CASE WHEN start <= max(stop) OVER ({order}
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + {absent_days} THEN 0 ELSE 1 END AS fresh
            FROM (SELECT * FROM {presence} WHERE stop >= start)
        )
    )
    GROUP BY person_id, spell"""
