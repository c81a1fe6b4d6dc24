"""The gaps of a delivery: spans of time that an extract should cover, by its contract, and has no rows of.

A few rows with wrong dates hide no gap at either end, and chance makes none: the earliest and latest rows are left
out, and a gap must be too long for the number of rows that the extract has in the rest of its time.
"""

from datetime import date, timedelta
from math import ceil

import polars as pl

from pipeline.ingest.extract_contract import Extract

LEFT_OUT = 0.001
"""The share of rows left out at either end; one row at least."""
EXPECTED_ROWS = 20
"""A gap would have at least so many rows at the rate of the other days: by chance, none happens once in 10^8."""
FEWEST_ROWS = 50
"""With fewer rows it is not known how many a time usually has, and no gap is found."""
NEAR_ROWS = 5
"""Rows left out belong to the delivery if they are as near to the others as so many rows usually are."""
SCHEMA = {"gap_from": pl.Date, "gap_to": pl.Date}


def gaps_of(records: pl.DataFrame, extract: Extract, data_date: date) -> pl.DataFrame:
    """Return the gaps of an extract, `gap_from, gap_to` (both inclusive), in order; none without `covers_from`.

    `records` are its accepted rows.
    """
    days = extract.first_and_last_day
    if extract.covers_from is None or days is None:
        return pl.DataFrame(schema=SCHEMA)
    begins, ends = extract.covers_from, _covers_to(extract, data_date)
    covered = (
        _covered(records, extract).filter(pl.col("last") >= begins, pl.col("first") <= ends).sort("first", "last")
    )
    if covered.height < FEWEST_ROWS:
        return pl.DataFrame(schema=SCHEMA)
    left_out = max(1, int(LEFT_OUT * covered.height))
    kept = covered.slice(left_out, covered.height - 2 * left_out)
    one_day = timedelta(1)
    edges = pl.concat([
        pl.DataFrame({"first": [begins - one_day], "last": [begins - one_day]}, schema=kept.schema),
        kept,
        pl.DataFrame({"first": [ends + one_day], "last": [ends + one_day]}, schema=kept.schema),
    ])  # fmt: skip
    until = pl.col("last").cum_max().shift(1)
    between = edges.select(
        gap_from=until.dt.offset_by("1d"), gap_to=pl.col("first").dt.offset_by("-1d")
    ).drop_nulls().with_columns(days=(pl.col("gap_to") - pl.col("gap_from")).dt.total_days() + 1)  # fmt: skip
    long = pl.col("days") > extract.longest_gap_days
    missing = int(between.filter(long)["days"].sum())
    rate = kept.height / max((ends - begins).days + 1 - missing, 1)
    found = between.filter(long, pl.col("days") * rate >= EXPECTED_ROWS)
    near = ceil((left_out + NEAR_ROWS) / rate)
    return pl.concat([pl.DataFrame(schema=SCHEMA), *(_shrunk(gap, covered, near) for gap in found.iter_slices(1))])


def _shrunk(gap: pl.DataFrame, covered: pl.DataFrame, near: int) -> pl.DataFrame:
    """Return a gap without its ends as far as rows lie in them that were left out and are `near` (days) to others."""
    first, last = gap["gap_from"].item(), gap["gap_to"].item()
    inside = covered.filter(pl.col("last") >= first, pl.col("first") <= last)
    before = inside.filter(pl.col("last") < first + timedelta(near))["last"].to_list()
    after = inside.filter(pl.col("first") > last - timedelta(near))["first"].to_list()
    one_day = timedelta(1)
    shrunk = {
        "gap_from": [max([first - one_day, *before]) + one_day],
        "gap_to": [min([last + one_day, *after]) - one_day],
    }
    return pl.DataFrame(shrunk, schema=SCHEMA)


def _covers_to(extract: Extract, data_date: date) -> date:
    """Return the last day that a delivery should cover: of yearly rows, that of the last year that is delivered."""
    last = min(extract.covers_to or data_date, data_date)
    return extract.yearly.last_period_by(last - timedelta(extract.longest_gap_days)) if extract.yearly else last


def _covered(records: pl.DataFrame, extract: Extract) -> pl.DataFrame:
    """Return the `first` and the `last` day that each row is about."""
    first, last = extract.first_and_last_day or ("", None)
    if last is None and extract.yearly is not None:
        end = extract.yearly.last_day(pl.col(first))
    else:
        end = pl.col(last or first)
    return records.select(first=pl.col(first), last=end).drop_nulls()
