"""Whether columns have the shares that they had: empty values, and each code, of all rows and of the new ones.

Records cannot always be paired, and a supplier may change new rows alone; then shares tell.
"""

from collections.abc import Iterator

import polars as pl

from pipeline.ingest.extract_contract import Extract
from reception.finding import Finding, percent
from reception.thresholds import Thresholds

SHIFT = 0.05
"""Points by which a share of all rows may really change between two deliveries."""
SHIFT_OF_NEW_ROWS = 0.20
"""Points by which shares of the rows of one time may differ from those of the time before it."""
LEAST_ROWS = 20


def changed_shares(
    before: pl.DataFrame,
    now: pl.DataFrame,
    source: str,
    extract: Extract,
    thresholds: Thresholds,
    *,
    points: float = SHIFT,
    of: str = "rows",
) -> Iterator[Finding]:
    """Yield the columns of which more values are empty than before, and those of which a code is rarer or commoner.

    `points` is the change that is tolerated, `of` names in words what rows are compared.
    """
    if min(before.height, now.height) < LEAST_ROWS:
        return
    for name, column in extract.columns.items():
        empty = [(rows[f"text:{name}"].null_count(), rows.height) for rows in (before, now)]
        if _rose(*empty[0], *empty[1], points, thresholds):
            expected, found = (f"{percent(count / rows)} empty" for count, rows in empty)
            yield Finding(source, name, "completeness", expected, f"{found} of {now.height:,} {of}")
        if column.type not in ("code", "boolean"):
            continue
        counts = [dict(rows[name].drop_nulls().value_counts(name="rows").iter_rows()) for rows in (before, now)]
        totals = [sum(one.values()) for one in counts]
        if min(totals) < LEAST_ROWS:
            continue
        moves = []
        for code in sorted({*counts[0], *counts[1]}):
            was, has = counts[0].get(code, 0), counts[1].get(code, 0)
            rose = _rose(was, totals[0], has, totals[1], points, thresholds)
            fell = _rose(totals[0] - was, totals[0], totals[1] - has, totals[1], points, thresholds)
            if rose or fell:
                moves.append((abs(has / totals[1] - was / totals[0]), code, was / totals[0], has / totals[1]))
        if moves:
            _, code, was, has = max(moves)
            found = f"'{code}' {percent(has)} of {totals[1]:,} {of}"
            yield Finding(source, name, "shares of codes", f"'{code}' {percent(was)}", found)


def _rose(was: int, rows_before: int, has: int, rows: int, points: float, thresholds: Thresholds) -> bool:
    """Return whether a share is larger than that of the largest share that the earlier sample allows, plus points."""
    if has * rows_before <= was * rows:
        return False
    return thresholds.too_many(has, rows, min(1.0, thresholds.largest_share(was, rows_before) + points))
