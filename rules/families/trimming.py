"""How deep residents are on the trimmed list: the closed ladder of evidence that people lived here around the date.

A coverage survey is matched with a list that contains hardly anybody who has left, so the list is trimmed to people
with more and more signs (L.-C. Zhang and J. Dunne, Trimmed dual system estimation, in Capture-Recapture Methods for
the Social and Medical Sciences, 2017). Trimming right people off at random costs precision alone. What each depth
needs is in `TRIMMING_DEPTHS` of `pipeline/schemas/categories.py`.
"""


def trimming_depth() -> str:
    """Return SQL of the depth of a person on a date, an aggregate over the signs near it.

    It reads `before`, `after` and `source_family` of the rows of `residence_sign`.
    """
    kinds, before, after = (
        f"count(DISTINCT source_family) FILTER (WHERE {side})" for side in ("before OR after", "before", "after")
    )
    return f"""CASE WHEN NOT coalesce(bool_or(before) AND bool_or(after), false) THEN 0
        WHEN least({before}, {after}) >= 2 THEN 3 WHEN {kinds} >= 2 THEN 2 ELSE 1 END"""
