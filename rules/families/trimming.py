"""How deep residents are on the trimmed list: the closed ladder of evidence that people lived here around the date.

A coverage survey is matched with a list that contains hardly anybody who has left, so the list is trimmed to people
with more and more signs (L.-C. Zhang and J. Dunne, Trimmed dual system estimation, in Capture-Recapture Methods for
the Social and Medical Sciences, 2017). Trimming right people off at random costs precision alone. What each depth
needs is in `TRIMMING_DEPTHS` of `pipeline/schemas/categories.py`.
"""

from collections.abc import Sequence

from rules.sql_text import among, position_in


def by_source_family(signs: Sequence[str]) -> str:
    """Return SQL of some rows of `residence_sign`, with one row per person, date and family of sources.

    A row says whether any sign of the family `counts`, or lies in the window `before` the date or in the one `after`
    it; `sign` is the first in order of those that count. So families are counted as rows: to count them as distinct
    values of signs takes DuckDB twice as long.
    """
    return f"""
        SELECT person_id, reference_date, source_family, bool_or(counts) AS counts,
            bool_or(before) AS before, bool_or(after) AS after,
            min_by(sign, {position_in(signs, "sign")}) FILTER (WHERE counts) AS sign
        FROM residence_sign WHERE {among("sign", signs)} GROUP BY person_id, reference_date, source_family"""


def trimming_depth() -> str:
    """Return SQL of the depth of a person on a date, an aggregate over the rows of `by_source_family`."""
    kinds, before, after = (f"count(*) FILTER (WHERE {side})" for side in ("before OR after", "before", "after"))
    return f"""CASE WHEN NOT coalesce(bool_or(before) AND bool_or(after), false) THEN 0
        WHEN least({before}, {after}) >= 2 THEN 3 WHEN {kinds} >= 2 THEN 2 ELSE 1 END"""
