"""The points of a chart of estimates: the rows to draw, their text alternative and the signs of their legend."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from publication import words
from publication.row_selection import DIMENSIONS, FLOW_MEASURES


def points(rows: pl.DataFrame, time_format: str) -> list[dict[str, Any]]:
    """Return the rows of `charts.estimates_over_time`, in order of time, rounded so that a drawing stays small."""
    values = [pl.col(name).cast(pl.Float64).round(2) for name in ("estimate", "lower", "upper", "truth")]
    keep = [name for name in (*DIMENSIONS, "quarter") if name in rows.columns]
    return (
        rows.sort("period_end", "measure")
        .select(
            *keep,
            *values,
            "measure",
            time=pl.col("period_end").dt.strftime(time_format),
            period_name=pl.col("period_end").dt.strftime(time_format),
            provisional=pl.col("status") == "provisional",
            unreliable=pl.col("reliability") == "unreliable",
        )
        .drop_nulls("estimate")
        .to_dicts()
    )


def describe_all(rows: Sequence[dict[str, Any]], subject: str) -> str:
    """Return one sentence that gives every point of a panel."""
    return f"{subject}: {'; '.join(_describe(row, row['period_name']) for row in rows)}."


def describe_latest(rows: Sequence[dict[str, Any]], heading: str) -> str:
    """Return one sentence that gives the latest year of a panel of three measures."""
    last = [row for row in rows if row["time"] == rows[-1]["time"]]
    ordered = sorted(last, key=lambda row: FLOW_MEASURES.index(row["measure"]))
    described = "; ".join(_describe(row, words.MEASURES[row["measure"]].lower()) for row in ordered)
    return f"{heading}, migration by year ending June; in {rows[-1]['period_name']}: {described}."


def _describe(row: dict[str, Any], subject: str) -> str:
    truth = "" if row["truth"] is None else f", truth {words.number(row['truth'])}"
    return f"{subject} {words.number(row['estimate'])} (95% interval {words.interval(row)}{truth})"


def legend_of(rows: Sequence[dict[str, Any]], measures: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the signs that a legend has to explain for these points."""
    signs = list(measures)
    if any(row["provisional"] for row in rows):
        signs += ["final", "provisional"]
    if any(row["unreliable"] for row in rows):
        signs.append("unreliable")
    if any(row["truth"] is not None for row in rows):
        signs.append("truth")
    return tuple(signs)
