"""Spells of presence: the columns that every form of stay rule makes, and how intervals are joined into spells.

A spell is one row `person_id, start, stop, start_kind, end_reason, start_rule, start_record, end_rule,
end_record, code`. `stop` is the day of departure or, if none was seen, the last day of presence; `OPEN` while the
person is still present. A spell lasts `stop - start` days, and a person who is here again on the day `start` was
absent for `start - stop` days. `start_kind` is `arrival`, `birth`, `unseen` (present for long before the person was
first observed) or `unknown` (here on that day, and nobody knows since when); `end_reason` is as in the table `stays`.
"""

from rules.parameters import Parameter

SPELL = "person_id, start, stop, start_kind, end_reason, start_rule, start_record, end_rule, end_record, code"
OPEN = "DATE '9999-12-31'"


def last_day(end: str) -> str:
    """Return SQL of the last day of an interval whose end is half-open: the day of a departure that nobody saw."""
    return f"CASE WHEN {end} < {OPEN} THEN {end} - 1 ELSE {OPEN} END"


def spells_from_presence(presence: str, absent_days: Parameter, *of_end: str) -> str:
    """Return SQL that joins intervals of presence into spells wherever the absence is at most `absent_days`.

    The value in force when the absence began counts.

    The start of a spell is described by the interval that begins first, its end by the one that ends last; of
    several, an arrival precedes a birth, a departure precedes other ends, then the lowest record counts. `of_end`
    names further columns, which a spell has from the interval that ends last. A spell is known by its first day: of
    intervals that begin on one day at most one can be the first of a spell, whatever their order.
    """
    kept = "".join(f", {name}" for name in of_end)
    order = "PARTITION BY person_id ORDER BY start"
    stopped = f"max(stop) OVER ({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return f"""
    SELECT person_id, first_one.start, max_stop AS stop, first_one.start_kind, last_one.end_reason,
        first_one.start_rule, first_one.start_record, last_one.end_rule, last_one.end_record, coded.code{
        "".join(f", last_one.{name}" for name in of_end)
    }
    FROM (
        SELECT person_id, max(stop) AS max_stop,
            min(struct_pack(start, start_kind, start_record, start_rule)) AS first_one,
            min(struct_pack(days_before_open := {OPEN} - stop, end_reason, end_record, end_rule{kept})) AS last_one,
            min(struct_pack(start, start_kind, code)) FILTER (WHERE code IS NOT NULL) AS coded
        FROM (
            SELECT *, max(begun) OVER ({order}) AS spell FROM (
                SELECT *, CASE WHEN start <= {stopped} + {absent_days.at(stopped)} THEN NULL ELSE start END AS begun
                FROM (SELECT * FROM {presence} WHERE stop >= start)
            )
        )
        GROUP BY person_id, spell
    )"""
