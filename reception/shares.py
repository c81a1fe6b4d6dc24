"""Whether columns have the shares that they had: of files whose records cannot be paired, and of new records.

Codes are compared in files without a key of records alone: elsewhere the paired records tell, and of the new ones
shares really change, as benefits and visas come and go.
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
    before: pl.DataFrame, now: pl.DataFrame, source: str, extract: Extract, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield the columns with more empty values than before, and those of which a code is rarer or commoner."""
    yield from less_complete(before, now, source, extract, thresholds)
    for name, column in extract.columns.items():
        if column.type not in ("code", "boolean"):
            continue
        counts = [dict(rows[name].drop_nulls().value_counts(name="rows").iter_rows()) for rows in (before, now)]
        totals = [sum(one.values()) for one in counts]
        if min(totals) < LEAST_ROWS:
            continue
        moves = []
        for code in sorted({*counts[0], *counts[1]}):
            was, has = counts[0].get(code, 0), counts[1].get(code, 0)
            rose = _rose(was, totals[0], has, totals[1], SHIFT, thresholds)
            fell = _rose(totals[0] - was, totals[0], totals[1] - has, totals[1], SHIFT, thresholds)
            if rose or fell:
                moves.append((abs(has / totals[1] - was / totals[0]), code, was / totals[0], has / totals[1]))
        if moves:
            _, code, was, has = max(moves)
            found = f"'{code}' {percent(has)} of {totals[1]:,} rows"
            yield Finding(source, name, "shares of codes", f"'{code}' {percent(was)}", found)


def less_complete(
    before: pl.DataFrame,
    now: pl.DataFrame,
    source: str,
    extract: Extract,
    thresholds: Thresholds,
    *,
    points: float = SHIFT,
    of: str = "rows",
) -> Iterator[Finding]:
    """Yield the columns with more empty values than before by some `points`; `of` says which rows they are."""
    if min(before.height, now.height) < LEAST_ROWS:
        return
    for name in extract.columns:
        empty = [(rows[f"text:{name}"].null_count(), rows.height) for rows in (before, now)]
        if _rose(*empty[0], *empty[1], points, thresholds):
            expected, found = (f"{percent(count / rows)} empty" for count, rows in empty)
            yield Finding(source, name, "completeness", expected, f"{found} of {now.height:,} {of}")


def _rose(was: int, rows_before: int, has: int, rows: int, points: float, thresholds: Thresholds) -> bool:
    """Return whether a share is larger than that of the largest share that the earlier sample allows, plus points."""
    if has * rows_before <= was * rows:
        return False
    return thresholds.too_many(has, rows, min(1.0, thresholds.largest_share(was, rows_before) + points))
