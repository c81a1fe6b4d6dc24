"""The same records in two deliveries: by the key that tells records apart, or by what is left of it.

If a supplier changes a column of that key (other numbers for people, dates moved by a day), records of the delivery
before seem to vanish. They are then looked for without one column of the key at a time, and paired in the order of
that column; the column that finds most of them is the one that changed.
"""

from dataclasses import dataclass

import polars as pl

from pipeline.ingest.extract_contract import Extract
from reception.thresholds import Thresholds, Tolerance

VANISHED = Tolerance(0.001, 0.005)
"""Share of the records before that a supplier may withdraw."""
FOUND_AGAIN = 0.3
"""Share of vanished records that must be found without a column of the key, for the column to be the cause."""
NOW = "now:"
"""What names of columns of the new delivery begin with in pairs."""
_ROW, _NOW_ROW, _RANK = "row:", "now:row:", "rank:"


@dataclass(frozen=True)
class Pairs:
    """Records in both deliveries, a row each: columns of the one before, and those of the new one after `now:`.

    `vanished` and `new` are the rows without a partner; `changed_key` is the column of the key that changed.
    """

    both: pl.DataFrame
    vanished: pl.DataFrame
    new: pl.DataFrame
    changed_key: str | None = None


def pair(before: pl.DataFrame, now: pl.DataFrame, extract: Extract, key: str | None, thresholds: Thresholds) -> Pairs:
    """Return which typed rows of two deliveries are the same records; `key` is the column of the person key."""
    if not extract.unique:
        return Pairs(_joined(before.clear(), now.clear(), []), before.clear(), now.clear())
    unique = [f"key:{name}" for name in extract.unique]
    before, now = (
        rows.with_columns(_as_key(name) for name in extract.unique)
        .unique(unique, keep="first", maintain_order=True)
        .with_row_index(_ROW)
        for rows in (before, now)
    )
    pairs = _split(_joined(before, now, unique), before, now)
    if not thresholds.too_many(pairs.vanished.height, before.height, VANISHED):
        return pairs
    best, cause = pairs.both.clear(), None
    for name in extract.unique:
        rest = _described(extract, key) if name == key else [one for one in unique if one != f"key:{name}"]
        found = _paired_in_order(pairs.vanished, pairs.new, name, rest)
        if found.height > best.height:
            best, cause = found, name
    if best.height < FOUND_AGAIN * pairs.vanished.height:
        return pairs
    again = _split(pl.concat([pairs.both, best.select(pairs.both.columns)]), before, now)
    return Pairs(again.both, again.vanished, again.new, cause)


def _as_key(name: str) -> pl.Expr:
    """Return a column of the key as text: its value, or what is written where that is none."""
    return pl.coalesce(pl.col(name).cast(pl.String), pl.col(f"text:{name}")).alias(f"key:{name}")


def _described(extract: Extract, key: str | None) -> list[str]:
    """Return the columns by which a record is known without its person key: all that number nobody."""
    return [name for name, column in extract.columns.items() if name != key and not column.is_direct_identifier]


def _joined(before: pl.DataFrame, now: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    renamed = now.rename({name: f"{NOW}{name}" for name in now.columns})
    if not on:
        return pl.concat([before, renamed], how="horizontal")
    return before.join(
        renamed, left_on=on, right_on=[f"{NOW}{name}" for name in on], how="inner", nulls_equal=True, coalesce=False
    )


def _split(both: pl.DataFrame, before: pl.DataFrame, now: pl.DataFrame) -> Pairs:
    return Pairs(
        both,
        before.join(both.select(_ROW), on=_ROW, how="anti"),
        now.join(both.select(pl.col(_NOW_ROW).alias(_ROW)), on=_ROW, how="anti"),
    )


def _paired_in_order(vanished: pl.DataFrame, new: pl.DataFrame, name: str, rest: list[str]) -> pl.DataFrame:
    """Return rows paired by all of a key but one column, where both deliveries have equally many, in its order."""
    if not rest:
        return _joined(vanished, new, [_ROW]).clear()
    ranked = []
    for rows in (vanished, new):
        ordered = rows.sort(f"key:{name}", _ROW, nulls_last=False).with_columns(
            pl.int_range(pl.len()).over(rest).alias(_RANK), pl.len().over(rest).alias(f"{_RANK}of")
        )
        ranked.append(ordered)
    return _joined(*ranked, [*rest, _RANK, f"{_RANK}of"])
