"""The tables of revisions: each figure by data date, what the latest revision consists of, what is still to come."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipeline.schemas import ALL
from publication import words
from publication.report_tables.report_table import STATUS_MARKS, ReportTable

MEASURES = pl.Enum(["immigration", "emigration", "net", "population"])
NAME = {"net": "net migration"}


def revision_triangle(revisions: pl.DataFrame, ranges: pl.DataFrame) -> ReportTable | None:
    """Return totals as each data date had them, and where 90% of their later estimates are expected."""
    if revisions.is_empty():
        return None
    totals = revisions.filter(pl.col("group") == ALL)
    days = sorted(totals["data_date"].unique())
    expected = {(row["measure"], row["period"]): row for row in ranges.filter(pl.col("group") == ALL).to_dicts()}
    by_figure: dict[tuple[str, Any], dict[Any, Mapping[str, Any]]] = {}
    for row in totals.sort(pl.col("measure").cast(MEASURES), "period", "data_date").to_dicts():
        by_figure.setdefault((row["measure"], row["period"]), {})[row["data_date"]] = row
    return ReportTable(
        caption="Revision triangle: totals by the data date on which they were estimated",
        columns=("Measure", "Period ends", *(words.day(day) for day in days), "90% of later estimates"),
        rows=tuple(
            (
                words.sentence_case(NAME.get(measure, measure)),
                words.day(period),
                *(_estimate(found.get(day)) for day in days),
                _range(expected.get((measure, period))),
            )
            for (measure, period), found in by_figure.items()
        ),
        numeric=tuple(range(2, 3 + len(days))),
        note="[p] provisional, [r] final and revised: an earlier run had another estimate. The last column is the "
        "range within which 90% of the later estimates of a provisional figure are expected, by how figures of the "
        "same age were revised before.",
        csv="../revisions/revisions.csv",
    )


def latest_revision_table(revisions: pl.DataFrame) -> ReportTable | None:
    """Return what the latest revision of each total consists of."""
    if revisions.is_empty():
        return None
    latest = revisions.filter(
        pl.col("group") == ALL, pl.col("data_date") == pl.col("data_date").max(), pl.col("new_data").is_not_null()
    ).sort(pl.col("measure").cast(MEASURES), "period")
    if latest.is_empty():
        return None
    parts = ("new_data", "new_model", "new_rules")
    rows = latest.with_columns(total=pl.sum_horizontal(parts)).to_dicts()
    return ReportTable(
        caption="The latest revision, and what it consists of",
        columns=("Measure", "Period ends", "Before", "Now", "Revision", "New data", "New model", "New rules"),
        rows=tuple(
            (
                words.sentence_case(NAME.get(row["measure"], row["measure"])),
                words.day(row["period"]),
                words.number(row["estimate"] - row["total"]),
                words.number(row["estimate"]),
                *(words.signed(f"{row[name]:,.1f}") for name in ("total", *parts)),
            )
            for row in rows
        ),
        numeric=tuple(range(2, 8)),
        note="New data: the new delivery by the models and rules of the run before. New model: linkage models and "
        "settings of estimation. New rules: the rule set. They are changed in this order, and add up.",
        csv="../revisions/revisions.csv",
    )  # fmt: skip


def _estimate(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else words.number(row["estimate"]) + STATUS_MARKS.get(row["status"], "")


def _range(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    if row["lower"] is None:
        return "too few earlier revisions"
    return f"{words.number(row['lower'])} to {words.number(row['upper'])}"
