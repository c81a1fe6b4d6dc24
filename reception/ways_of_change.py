"""In which ways values of a column changed between two deliveries: what a supplier does to many rows at once.

Every function takes rows in which both values are known and differ, and returns the ways that occur, each with the
number of rows that fit it. No way quotes a value, except days, numbers of days and codes of a code list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.ingest.columns import Column
from reception.pairs import NOW

ONE_OF_TEN = 0.1
"""Share of changed values that must have become one value, for it to be a default."""
MOST = 0.5
"""Share of changed values from which what they have in common is the cause."""
DAY = 24 * 60
"""Minutes of a day, by which a date at most moves where the zone of clocks is another."""


@dataclass(frozen=True)
class Way:
    """A way in which values changed: the check that it fails, in how many rows, what is expected, and what was found.

    `of` is the number of rows that could have changed so. `natural` says that it is also a way of events.
    """

    check: str
    rows: int
    of: int
    expected: str
    found: str
    natural: bool = False


def ways_of_change(changed: pl.DataFrame, known: pl.DataFrame, name: str, column: Column) -> list[Way]:
    """Return the ways in which the values of a column changed, the one with most rows first.

    `known` has all pairs of which both values are known, `changed` those of which they differ.
    """
    if column.type == "text":
        ways = [*_of_texts(changed, known, name), *_of_one_value(changed, known, f"text:{name}")]
    elif column.gives_date:
        ways = [*_of_days(changed, known, name), *_of_one_value(changed, known, name, quoted=True)]
    elif column.type in ("integer", "decimal"):
        ways = [*_of_numbers(changed, known, name), *_of_one_value(changed, known, name)]
    else:
        ways = list(_of_codes(changed, known, name, stable=not is_of_events(column)))
    return sorted(ways, key=lambda way: -way.rows)


def _of_texts(changed: pl.DataFrame, known: pl.DataFrame, name: str) -> Iterator[Way]:
    was, now = pl.col(f"text:{name}"), pl.col(f"{NOW}text:{name}")
    ascii_alone = was.str.contains(r"^[\x00-\x7F]*$")
    fits = changed.select(
        case=was.str.to_uppercase() == now.str.to_uppercase(),
        signs=_letters(was) == _letters(now),
        cut=was.str.starts_with(now),
        longer=now.str.starts_with(was) | now.str.ends_with(was),
        other=~ascii_alone,
    ).select(
        "case",
        signs=pl.col("signs") & ~pl.col("case"),
        cut=pl.col("cut") & ~pl.col("signs"),
        longer=pl.col("longer") & ~pl.col("signs"),
        other=pl.col("other") & ~pl.col("signs") & ~pl.col("case") & ~pl.col("cut"),
    )
    rows = {one.name: int(one.sum()) for one in fits}
    accented = int(known.select((~ascii_alone).sum()).item())
    every, expected = known.height, "values as they were"
    yield Way("letter case", rows["case"], every, expected, "differ in upper and lower case alone")
    yield Way("signs", rows["signs"], accented or every, expected, "differ in accents, blanks or signs alone")
    yield Way("truncated", rows["cut"], every, "whole values", "are the beginning of what they were")
    yield Way("format", rows["longer"], every, expected, "are what they were with something added")
    if rows["other"] > MOST * changed.height:
        yield Way("encoding", rows["other"], accented, expected, "of those with letters beyond ASCII are others now")


def _letters(text: pl.Expr) -> pl.Expr:
    """Return a text in upper case without accents and signs."""
    return text.str.normalize("NFKD").str.replace_all(r"[^\pL\pN]|\p{M}", "").str.to_uppercase()


def _of_days(changed: pl.DataFrame, known: pl.DataFrame, name: str) -> Iterator[Way]:
    was, now = pl.col(name), pl.col(f"{NOW}{name}")
    moved = changed.select(
        minutes=(now - was).dt.total_minutes(),
        years=now.dt.year() - was.dt.year(),
        same=(now.dt.month() == was.dt.month()) & (now.dt.day() == was.dt.day()),
        turned=(was.dt.day() == now.dt.month()) & (was.dt.month() == now.dt.day()) & (was.dt.year() == now.dt.year()),
    )
    every, expected = known.height, "days as they were"
    yield Way("day and month", int(moved["turned"].sum()), every, expected, "have day and month the other way round")
    minutes, rows = _commonest(moved["minutes"])
    zone = " (another time zone?)" if abs(minutes) <= DAY else ""
    by = f"{minutes // DAY:+,} days" if minutes % DAY == 0 else f"{minutes:+,} minutes"
    yield Way("shifted", rows, every, expected, f"moved by {by}{zone}")
    years, rows = _commonest(moved.filter("same")["years"])
    yield Way("shifted", rows, every, expected, f"moved by {years:+} years")


def _of_numbers(changed: pl.DataFrame, known: pl.DataFrame, name: str) -> Iterator[Way]:
    was, now = pl.col(name).cast(pl.Float64), pl.col(f"{NOW}{name}").cast(pl.Float64)
    every, expected = known.height, "numbers as they were"
    ratio, rows = _commonest(changed.filter(was != 0, now != 0).select((now / was).round(4)).to_series())
    yield Way("scaled", rows, every, expected, f"are {ratio:g} times what they were")
    moved, rows = _commonest(changed.select((now - was).round(6)).to_series())
    yield Way("shifted", rows, every, expected, f"are what they were {moved:+g}")


def _of_codes(changed: pl.DataFrame, known: pl.DataFrame, name: str, *, stable: bool) -> Iterator[Way]:
    """Yield the commonest changes from one code to another, `of` all that had the first.

    If records changed in another column too, cases were decided; a supplier who maps codes changes nothing else.
    """
    changed = changed.with_columns(also=another_changed(changed, name))
    pairs = changed.group_by(pl.col(name).alias("was"), pl.col(f"{NOW}{name}").alias("now")).agg(
        pl.len(), pl.col("also").mean()
    )
    for was, now, rows, also_changed in pairs.sort("len", "was", "now", descending=[True, False, False]).iter_rows():
        of = known.filter(pl.col(name) == was).height
        natural = not stable and also_changed > MOST
        yield Way("codes", rows, of, f"'{was}' stays '{was}'", f"of '{was}' became '{now}'", natural)


def another_changed(changed: pl.DataFrame, name: str) -> pl.Expr:
    """Return whether another column of a pair of records changed too, as in a case that was decided."""
    others = [one.removeprefix(NOW) for one in changed.columns if one.startswith(f"{NOW}text:")]
    also = [pl.col(one).ne_missing(pl.col(f"{NOW}{one}")) for one in others if one != f"text:{name}"]
    return pl.any_horizontal(pl.lit(value=False), *also)


def is_of_events(column: Column) -> bool:
    """Return whether the codes of a column change as things happen: those that describe a person do not."""
    return column.type in ("code", "boolean") and not (column.identifier or column.corroborates)


def _of_one_value(changed: pl.DataFrame, known: pl.DataFrame, name: str, *, quoted: bool = False) -> Iterator[Way]:
    """Yield the value that many different ones became; only a day is quoted."""
    value, rows = _commonest(changed[f"{NOW}{name}"])
    if rows > ONE_OF_TEN * changed.height and rows > 1:
        said = f"became {value}" if quoted else "became one and the same value"
        yield Way("one value", rows, known.height, "values as they were", said)


def _commonest(values: pl.Series) -> tuple[Any, int]:
    """Return the most frequent of some values (the smallest of several) and its number; (0, 0) for none."""
    if values.drop_nulls().is_empty():
        return 0, 0
    counted = values.drop_nulls().alias("value").value_counts(name="rows")
    return counted.sort("rows", "value", descending=[True, False]).row(0)
