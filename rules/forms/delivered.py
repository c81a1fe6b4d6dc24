"""Which periods a source has delivered, so far as the rule can see: never by a single record.

The earliest and the latest record of a source may carry a wrong date. A period (a tax year, the day of a snapshot)
counts as delivered only if it has at least a share, which the rule set states, of the records of the fullest one.
"""

from collections.abc import Sequence

from rules.parameters import Parameter
from rules.sql_text import among


def delivered_periods(evidence: Sequence[str], share: Parameter) -> str:
    """Return SQL with the columns `opens, closes`: the periods in which the view `known` has evidence of these rules.

    A period is an interval `[opens, closes)` that evidence has; `closes` is null for evidence of single days.
    """
    return f"""
        SELECT opens, closes FROM (
            SELECT "date" AS opens, end_date AS closes, count(*) AS records
            FROM known WHERE {among("rule_id", evidence)} GROUP BY "date", end_date
        ) QUALIFY records >= {share.at("opens")} * max(records) OVER ()"""
