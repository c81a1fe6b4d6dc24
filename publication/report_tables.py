"""The tables of a report: which figures stand in which cell, the interval always next to its estimate."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from publication import words
from publication.coverage_figures import class_labels
from publication.figures import FLOW_MEASURES
from publication.linkage_figures import pair_name
from publication.published import DIMENSIONS, margin, totals, yearly

MARKS = {"provisional": " [p]", "revised": " [r]"}
HEADINGS = {"sex": "Sex", "age_group": "Age", "nationality_group": "Nationality"}


@dataclass(frozen=True)
class Table:
    """One table: the first column heads its rows; `numeric` columns are set to the right."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    note: str = ""
    csv: str = ""


def figure_with_interval(row: Mapping[str, Any]) -> str:
    """Return an estimate with its interval and its marks: 184 (96 to 272) [p]."""
    unreliable = " [u]" if row["reliability"] == "unreliable" else ""
    return f"{words.number(row['estimate'])} ({words.interval(row)}){MARKS.get(row['status'], '')}{unreliable}"


def _marks_note(rows: pl.DataFrame) -> str:
    said = ["Estimate and, in brackets, its 95% interval; rounded to three significant figures, one by one"]
    if "provisional" in set(rows["status"]):
        said.append("[p] provisional: the definition needs data later than the data date")
    if "revised" in set(rows["status"]):
        said.append("[r] revised")
    if "unreliable" in set(rows["reliability"]):
        said.append("[u] unreliable: too small an estimate to rely on")
    return "; ".join(said) + "."


def flows_by_year(flows: pl.DataFrame) -> Table | None:
    """Return the totals: a row a year, a column a measure."""
    rows = totals(yearly(flows))
    if rows.is_empty():
        return None
    by_key = {(row["period_end"], row["measure"]): row for row in rows.to_dicts()}
    years = sorted({end for end, _ in by_key})
    return Table(
        caption="Long-term migration by year ending June",
        columns=("Year ending", *(words.MEASURES[measure] for measure in FLOW_MEASURES)),
        rows=tuple(
            (f"{end:%B %Y}", *(_cell(by_key.get((end, measure))) for measure in FLOW_MEASURES)) for end in years
        ),
        numeric=(1, 2, 3),
        note=_marks_note(rows),
        csv="flows.csv",
    )


def flows_by_group(flows: pl.DataFrame) -> Table | None:
    """Return the latest year: a row a group of each dimension, a column a measure."""
    year = yearly(flows)
    if year.is_empty():
        return None
    year = year.filter(pl.col("period_end") == pl.col("period_end").max())
    lines = []
    for dimension in DIMENSIONS:
        rows = margin(year, dimension)
        for group in rows[dimension].unique(maintain_order=True):
            own = {row["measure"]: row for row in rows.filter(pl.col(dimension) == group).to_dicts()}
            heading = f"{HEADINGS[dimension]}: {words.name(group, short=True)}"
            lines.append((heading, *(_cell(own.get(measure)) for measure in FLOW_MEASURES)))
    if not lines:
        return None
    when = words.period(year["period_start"][0], year["period_end"][0])
    return Table(
        caption=f"Long-term migration by group of people, {when}",
        columns=("Group", *(words.MEASURES[measure] for measure in FLOW_MEASURES)),
        rows=tuple(lines),
        numeric=(1, 2, 3),
        note=_marks_note(year),
        csv="flows.csv",
    )


def _cell(row: Mapping[str, Any] | None) -> str:
    return "not measured" if row is None else figure_with_interval(row)


def stocks_by_day(stocks: pl.DataFrame) -> Table | None:
    """Return the population: a row a reference day, a column in all and for each nationality group."""
    whole = totals(stocks)
    if whole.is_empty():
        return None
    by_group = margin(stocks, "nationality_group")
    groups = list(by_group["nationality_group"].unique(maintain_order=True))
    cells = {(row["reference_date"], "all"): row for row in whole.to_dicts()}
    cells |= {(row["reference_date"], row["nationality_group"]): row for row in by_group.to_dicts()}
    days = sorted(set(whole["reference_date"]))
    return Table(
        caption="Usual residents by nationality group",
        columns=("Day", "All", *(words.name(group, short=True) for group in groups)),
        rows=tuple((words.day(day), *(_cell(cells.get((day, group))) for group in ("all", *groups))) for day in days),
        numeric=tuple(range(1, 2 + len(groups))),
        note=_marks_note(whole),
        csv="stocks.csv",
    )


def linkage_table(quality: pl.DataFrame) -> Table | None:
    """Return the quality of linkage, a row a pair of sources."""
    if quality.is_empty():
        return None
    rows = quality.filter(pl.col("group") == "all").sort("source_l", "source_r")
    return Table(
        caption="Quality of linkage by pair of sources, known without any truth",
        columns=("Pair", "Subjects", "Linked", "Match rate", "Expected precision", "Expected recall",
                 "Recall by review", "False links by review", "Levels by default"),
        rows=tuple(
            (
                pair_name(row),
                words.count(row["subjects_l"]),
                words.count(row["linked"]),
                words.percent(row["match_rate"]),
                words.percent(row["expected_precision"]),
                words.percent(row["expected_recall"]),
                _with_error(row["review_recall"], row["review_recall_se"]),
                _with_error(row["review_false_link_rate"], row["review_false_link_rate_se"]),
                words.count(row["levels_by_default"]),
            )
            for row in rows.to_dicts()
        ),
        numeric=tuple(range(1, 9)),
        note="Expected values come from the match probabilities; the review is by eye, its own errors taken out "
        "(in brackets the 95% interval). Levels by default took a stated weight for want of pairs.",
        csv="linkage_quality.csv",
    )  # fmt: skip


def _with_error(share: float | None, standard_error: float | None) -> str:
    if share is None or standard_error is None:
        return words.percent(share)
    reach = words.TWO_SIDED_95 * standard_error
    ends = max(0.0, share - reach), min(1.0, share + reach)
    return f"{words.percent(share)} ({words.percent(ends[0])} to {words.percent(ends[1])})"


def coverage_table(coverage: pl.DataFrame) -> Table | None:
    """Return the coverage factors, a row a class of people."""
    if coverage.is_empty():
        return None
    rows = coverage.sort("survey_date", "coverage_class").to_dicts()
    return Table(
        caption=f"Coverage of the sources, by the survey of {words.day(rows[-1]['survey_date'])}",
        columns=("Class of people", "Factor (95% interval)", "Missed", "Counted in error", "Counted by the sources",
                 "Estimated", "Surveyed", "Matched"),
        rows=tuple(
            (
                label,
                _factor(row),
                words.percent(row["missed"]),
                words.percent(row["erroneous"]),
                words.count(row["listed"]),
                words.number(row["estimated"]),
                words.count(row["surveyed"]),
                words.count(row["matches"]),
            )
            for label, row in zip(class_labels(coverage), rows, strict=True)
        ),
        numeric=tuple(range(1, 8)),
        note="The factor is the number of residents for each person counted: it makes up for those missed and takes "
        "out those counted in error. Its interval holds the sampling of "
        "the survey and the errors of linkage.",
        csv="coverage.csv",
    )  # fmt: skip


def _factor(row: Mapping[str, Any]) -> str:
    reach = words.TWO_SIDED_95 * row["standard_error"]
    return f"{row['factor']:.3f} ({row['factor'] - reach:.3f} to {row['factor'] + reach:.3f})"


def errors_table(errors: pl.DataFrame) -> Table | None:
    """Return what the intervals carry and what they do not."""
    if errors.is_empty():
        return None
    carried = {"estimated": "estimated", "declared": "declared: an assumption", "not measured": "not measured"}
    order = pl.Enum(list(carried))
    rows = errors.with_columns(pl.col("carried").cast(pl.String).cast(order)).sort("carried", "error_source")
    return Table(
        caption="Sources of error and how the published intervals carry them",
        columns=("Source of error", "Carried as", "Touches", "Relative standard error", "What it is"),
        rows=tuple(
            (
                sentence(row["error_source"]),
                carried[row["carried"]],
                row["measure"].replace("_", " "),
                _relative(row),
                row["says"],
            )
            for row in rows.to_dicts()
        ),
        numeric=(3,),
        csv="error_sources.csv",
    )


def _relative(row: Mapping[str, Any]) -> str:
    if row["relative_standard_error"] is not None:
        return words.percent(row["relative_standard_error"])
    return "not measured" if row["carried"] == "not measured" else "by cell"


def ledger_table(ledger: pl.DataFrame) -> Table | None:
    """Return the ledger: a row a file, with every reason for which rows were set aside."""
    if ledger.is_empty():
        return None
    rows = ledger.sort("source", "extract", "file").to_dicts()
    return Table(
        caption="Ledger of the extract files: every row is accepted or set aside with its reasons",
        columns=("File", "Source", "Rows in", "Accepted", "Set aside", "Reasons (a row can have several)"),
        rows=tuple(
            (
                row["file"],
                words.source_name(row["source"]),
                words.count(row["rows_in"]),
                words.count(row["accepted"]),
                words.count(row["quarantined"]),
                _reasons(row["reasons"]),
            )
            for row in rows
        ),
        numeric=(2, 3, 4),
        csv="ledger.csv",
    )


def _reasons(counted: str) -> str:
    """Return the reasons of the ledger, a JSON object, as words."""
    reasons = json.loads(counted or "{}")
    return "; ".join(f"{reason}: {words.count(rows)}" for reason, rows in sorted(reasons.items())) or "none"


def sentence(text: str) -> str:
    """Return a code as the beginning of a sentence: error sources become Error sources."""
    plain = text.replace("_", " ")
    return plain[:1].upper() + plain[1:]
