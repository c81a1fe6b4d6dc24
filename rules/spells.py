"""Spells of presence: the shape that every form of stay rule makes, and how presence is joined into them.

A spell is one row `person_id, start, stop, start_kind, end_reason, start_rule, start_record, end_rule,
end_record, code`: half-open `[start, stop)`; `stop` is `OPEN` while somebody is still here. `start_kind` is
`arrival`, `birth` or `unseen` (before anybody observed them); `end_reason` as in the table `stays`.
"""

from collections.abc import Sequence

from rules.language import quoted

OPEN = "DATE '9999-12-31'"


def among(column: str, names: Sequence[str]) -> str:
    """Return the SQL condition that a column is one of some names; never true for no names."""
    return f"{column} IN ({', '.join(quoted(name) for name in names)})" if names else "false"


def spells_from_presence(presence: str, absent_days: str) -> str:
    """Return SQL that joins intervals of presence into spells wherever the gap is at most `absent_days`.

    What happened at the ends is taken from the interval that begins first and from the one that ends last; of
    several, an arrival counts before a birth, a departure before other ends, then the lowest record.
    """
    order = "PARTITION BY person_id ORDER BY start, stop, start_record, end_record, start_rule, end_rule"
    return f"""
    SELECT person_id, first_one.start, max_stop AS stop, first_one.start_kind, last_one.end_reason,
        first_one.start_rule, first_one.start_record, last_one.end_rule, last_one.end_record, coded.code
    FROM (
        SELECT person_id, max(stop) AS max_stop,
            min(struct_pack(start, start_kind, start_record, start_rule)) AS first_one,
            min(struct_pack(left := {OPEN} - stop, end_reason, end_record, end_rule)) AS last_one,
            min(struct_pack(start, start_kind, code)) FILTER (WHERE code IS NOT NULL) AS coded
        FROM (
            SELECT *, sum(fresh) OVER ({order} ROWS UNBOUNDED PRECEDING) AS spell FROM (
                SELECT *, CASE WHEN start <= max(stop) OVER ({order}
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + {absent_days} THEN 0 ELSE 1 END AS fresh
                FROM (SELECT * FROM {presence} WHERE stop >= start)
            )
        )
        GROUP BY person_id, spell
    )"""
