"""What a supplier changed in the values of records that were delivered before: how many, and in which way.

Corrections are rare and of many kinds. A change of a supplier is one kind, in many rows: values that are gone,
written in another way, moved by the same number of days, mapped to another code, taken from another column.
"""

from collections.abc import Iterator

import polars as pl

from pipeline.ingest.columns import PARTS_OF_A_PERSON, Column
from pipeline.ingest.extract_contract import Extract
from reception.finding import Finding, percent, share
from reception.pairs import NOW
from reception.thresholds import Thresholds, Tolerance
from reception.ways_of_change import Way, another_changed, is_of_events, ways_of_change

ODD = Tolerance(0.001, 0.01)
"""Known values that may be lost, or may change in one way that corrections do not have."""
CORRECTED = Tolerance(0.005, 0.02)
"""Known values that may become other ones, of any kind."""
MOVED_A_QUARTER = 0.05
"""The same of addresses and family names, for each quarter between two deliveries."""
MOVED_AT_MOST = 0.5
MOVING = ("postcode", "house", "street", "locality", "family_name", "full_name", "name_parts")
FILLED = 0.02
"""Share of records of which a missing date or part of a name may become known."""
CODES_DECIDED = 0.5
"""Share of known codes that may become one other in records of which other columns change too: cases are decided."""
ALMOST_HALF = 0.4
"""Share of values that are others if the key is given to others: half of the sexes stay."""
SOME = 3
"""Rows that must have changed in the same way for it to be one."""
EVENT_YEARS = 10
"""Years before the earliest known date in which no event lies that becomes known now."""
QUARTER = 91.3


def changed_values(
    both: pl.DataFrame, source: str, extract: Extract, key: str | None, days_between: int, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield the columns of which too many values of paired records (`both`) changed, with the way of the change.

    Where most of what describes people changed at once, the keys were given to others.
    """
    if both.is_empty():
        return
    parts = [name for name, column in extract.columns.items() if column.identifier in PARTS_OF_A_PERSON]
    replaced = [name for name in parts if _replaced(both, name) > ALMOST_HALF]
    if key is not None and len(replaced) >= 2 and len(replaced) > len(parts) / 2:
        found = f"{len(replaced)} of the {len(parts)} columns that describe a person have other values"
        yield Finding(source, key, "keys of others", "each key stays with its person", found)
    for name, column in extract.columns.items():
        known = both.drop_nulls(f"text:{name}")
        lost = known[f"{NOW}text:{name}"].null_count()
        if thresholds.too_many(lost, known.height, ODD):
            found = f"{share(lost, known.height)} are empty"
            yield Finding(source, name, "completeness", "values that were known are known", found)
        usable = known.filter(pl.col(f"fault:{name}").is_null())
        refused = usable.drop_nulls([f"{NOW}text:{name}", f"{NOW}fault:{name}"]).height
        if refused >= SOME and thresholds.too_many(refused, usable.height, ODD):
            found = f"{share(refused, usable.height)} are values that the contract does not allow"
            yield Finding(source, name, "contract", "values that were allowed are allowed", found)
        filled = _oddly_filled(both, name, column)
        if filled >= SOME and thresholds.too_many(filled, both.height, FILLED):
            found = f"{share(filled, both.height)} have a value where none was"
            yield Finding(source, name, "filled in", "missing values stay missing, or events end", found)
        yield from _changed(both, source, name, extract, days_between, thresholds)


def _replaced(both: pl.DataFrame, name: str) -> float:
    """Return the share of known values that are others now."""
    known = both.filter(pl.col(name).is_not_null(), pl.col(f"{NOW}{name}").is_not_null())
    return known.filter(pl.col(name) != pl.col(f"{NOW}{name}")).height / max(known.height, 1)


def _oddly_filled(both: pl.DataFrame, name: str, column: Column) -> int:
    """Return how many missing values became known without an event that could have made them so.

    A date of an event becomes known when it happens: any number may, unless they lie far from all that were known. A
    code is decided with the date of its case. Names, dates of birth and other parts of a person become known by
    corrections alone.
    """
    filled = both.filter(pl.col(f"text:{name}").is_null(), pl.col(f"{NOW}{name}").is_not_null())
    if column.is_clear_identifier and not column.is_direct_identifier:
        return filled.height
    if not column.gives_date:
        return filled.filter(~another_changed(filled, name)).height
    known = both[name].drop_nulls()
    if known.is_empty():
        return 0
    day, known = pl.col(f"{NOW}{name}").cast(pl.Date), known.cast(pl.Date)
    far = f"{EVENT_YEARS}y"
    return filled.filter(
        (day < pl.lit(known.min()).dt.offset_by(f"-{far}")) | (day > pl.lit(known.max()).dt.offset_by(far))
    ).height


def _changed(
    both: pl.DataFrame, source: str, name: str, extract: Extract, days_between: int, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield the finding for a column whose known values became others: the commonest way, or that there are many."""
    column = extract.columns[name]
    part = "text:" if column.type == "text" else ""
    was, now = pl.col(f"{part}{name}"), pl.col(f"{NOW}{part}{name}")
    known = both.filter(was.is_not_null(), now.is_not_null())
    changed = known.filter(was != now)
    if changed.height < SOME:
        return
    other, swapped = _values_of_another(changed, name, extract)
    if swapped >= SOME and thresholds.too_many(swapped, known.height, ODD):
        found = f"{share(swapped, known.height)} are what '{other}' was"
        yield Finding(source, name, "swapped columns", "its own values", found)
        return
    for way in ways_of_change(changed, known, name, column):
        if _is_a_fault(way, known.height, thresholds):
            yield Finding(source, name, way.check, way.expected, f"{share(way.rows, way.of)} {way.found}")
            return
    if is_of_events(column):
        changed = changed.filter(~another_changed(changed, name))
    moved = min(MOVED_AT_MOST, MOVED_A_QUARTER * max(1.0, days_between / QUARTER))
    allowed = Tolerance(moved, moved) if column.identifier in MOVING else CORRECTED
    if thresholds.too_many(changed.height, known.height, allowed):
        found = f"{share(changed.height, known.height)} are other values"
        yield Finding(source, name, "changed values", f"at most {percent(allowed.least)} corrected", found)


def _is_a_fault(way: Way, known: int, thresholds: Thresholds) -> bool:
    """Return whether values changed in a way that is no chance, in a share that matters of those that could."""
    if way.rows < SOME or way.rows < ODD.least * way.of:
        return False
    return thresholds.too_many(way.rows, known, CODES_DECIDED if way.natural else Tolerance(ODD.usual, 0.0))


def _values_of_another(changed: pl.DataFrame, name: str, extract: Extract) -> tuple[str, int]:
    """Return the column whose earlier values a column now has most often, and in how many rows it has them."""
    now = pl.col(f"{NOW}text:{name}")
    others = [one for one in extract.columns if one != name]
    if not others:
        return "", 0
    fits = changed.select((now == pl.col(f"text:{one}")).sum().alias(one) for one in others)
    return max(fits.to_dicts()[0].items(), key=lambda one: one[1] or 0)
