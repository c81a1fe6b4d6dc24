"""The tables of data quality, known without any truth: ledger, errors, what is not measured."""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from publication import words
from publication.report_tables.report_table import ReportTable

STAGES = ("ingest", "link", "evidence", "stays", "count", "account")


def skipped_table(skipped: pl.DataFrame) -> ReportTable | None:
    """Return what the run skipped, a row a step, in the order of the stages."""
    if skipped.is_empty():
        return None
    return ReportTable(
        caption="Not measured, because the study names no files of what it needs",
        columns=("Not measured", "Tables", "Reason"),
        rows=tuple(
            (
                words.sentence_case(row["step"]),
                words.plain(row["tables"]),
                f"{row['reason'][:1].upper()}{row['reason'][1:]}.",
            )
            for row in skipped.sort(pl.col("stage").cast(pl.Enum(STAGES)), maintain_order=True).to_dicts()
        ),
        note="Tables of a step that was skipped are not written, or do not contain it; flows and stocks are written "
        "without estimates.",
        csv="skipped.csv",
    )


def ledger_table(ledger: pl.DataFrame) -> ReportTable | None:
    """Return the ledger: a row a file, with every reason for which rows were quarantined."""
    if ledger.is_empty():
        return None
    rows = ledger.sort("source", "extract", "file").to_dicts()
    return ReportTable(
        caption="Ledger of the extract files: every row is accepted, or quarantined with its reasons",
        columns=("File", "Source", "Rows in", "Accepted", "Quarantined", "Reasons (a row can have several)"),
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
    """Return the reasons of the ledger, a JSON object, in words."""
    reasons = json.loads(counted or "{}")
    return "; ".join(f"{reason}: {words.count(rows)}" for reason, rows in sorted(reasons.items())) or "none"


def error_sources_table(errors: pl.DataFrame) -> ReportTable | None:
    """Return the sources of error, and whether the published intervals include them."""
    if errors.is_empty():
        return None
    treatment = {"estimated": "estimated", "declared": "declared: an assumption", "not measured": "not measured"}
    order = pl.Enum(list(treatment))
    rows = errors.with_columns(pl.col("treatment").cast(pl.String).cast(order)).sort("treatment", "error_source")
    return ReportTable(
        caption="Sources of error and their treatment in the published intervals",
        columns=("Source of error", "Treatment", "Affects", "Relative standard error", "Description"),
        rows=tuple(
            (
                words.sentence_case(row["error_source"]),
                treatment[row["treatment"]],
                words.plain(row["measure"]),
                _relative_standard_error(row),
                row["description"],
            )
            for row in rows.to_dicts()
        ),
        numeric=(3,),
        note="Sources of error that are not measured are not included in the intervals.",
        csv="error_sources.csv",
    )


def _relative_standard_error(row: Mapping[str, Any]) -> str:
    if row["relative_standard_error"] is not None:
        return words.percent(row["relative_standard_error"])
    return "not measured" if row["treatment"] == "not measured" else "varies by cell"


def assumptions_table(assumptions: pl.DataFrame) -> ReportTable | None:
    """Return the numbers of the study that no publication gives, in the order of the table."""
    shown = assumptions.filter(pl.col("quality").cast(pl.String) != "published").to_dicts()
    if not shown:
        return None
    published = assumptions.height - len(shown)
    return ReportTable(
        caption="Assumptions: numbers that the rules and the study declare and that no publication gives",
        columns=("Number", "Value", "What it decides", "Quality", "Source", "What it moves"),
        rows=tuple(
            (one["name"], one["value"], one["says"], one["quality"], one["source"], one["moves"]) for one in shown
        ),
        note=f"Not shown: {published} from publications, laws or conventions, in the file with their sources. "
        "Measured: found on simulated countries. Assumed: a judgement of Sojourn. Numbers of the code, which are the "
        "same for every study, are in the documentation.",
        csv="assumptions.csv",
    )
