"""What a table of a document consists of, whatever it shows, and the cell of an estimate with its interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from publication import words

STATUS_MARKS = {"provisional": " [p]", "revised": " [r]"}


@dataclass(frozen=True)
class ReportTable:
    """One table: the first column heads its rows; `numeric` columns (by position) are aligned right.

    `csv` names the file with all figures: in `tables/`, or a path from the report.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    note: str = ""
    csv: str = ""


def estimate_cell(row: Mapping[str, Any] | None) -> str:
    """Return an estimate with its interval and its marks: 184 (96 to 272) [p]."""
    if row is None or row["estimate"] is None:
        return "not measured"
    unreliable = " [u]" if row["reliability"] == "unreliable" else ""
    return f"{words.number(row['estimate'])} ({words.interval(row)}){STATUS_MARKS.get(row['status'], '')}{unreliable}"


def marks_note(rows: pl.DataFrame) -> str:
    """Return the note that explains the cells of `estimate_cell` for these rows."""
    parts = [
        "Estimates with 95% intervals in brackets; each figure is rounded independently to 3 significant figures"
    ]
    if "provisional" in set(rows["status"]):
        parts.append("[p] provisional: the definition needs data later than the data date")
    if "unreliable" in set(rows["reliability"]):
        parts.append("[u] unreliable: the estimate is too small to be relied on")
    if rows["estimate"].has_nulls():
        parts.append("not measured: the study or a delivery lacks the evidence of the period")
    return "; ".join(parts) + "."


def interval_around(value: float, standard_error: float, form: str) -> str:
    """Return a value with its 95% interval, each number in the same format: 1.012 (1.004 to 1.020)."""
    half_width = words.TWO_SIDED_95 * standard_error
    return f"{value:{form}} ({value - half_width:{form}} to {value + half_width:{form}})"


def estimate_with_limits(row: Mapping[str, Any], rate: str) -> str:
    """Return the estimate of a rate of links with its limits: 99.2% (98.1% to 99.7%)."""
    if row.get(f"{rate}_estimate") is None:
        return "not measured"
    low, estimate, high = (words.percent(row[f"{rate}_{what}"]) for what in ("low", "estimate", "high"))
    return f"{estimate} ({low} to {high})"


def number_around(value: float, standard_error: float) -> str:
    """Return a number of people with its 95% interval, which ends at nobody: 12 (0 to 31)."""
    half_width = words.TWO_SIDED_95 * standard_error
    return f"{value:,.0f} ({max(value - half_width, 0):,.0f} to {value + half_width:,.0f})"
