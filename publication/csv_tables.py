"""The published tables as CSV: the columns of their schemas, ISO dates, plain decimal numbers."""

from pathlib import Path

import polars as pl

from pipeline.schemas import TABLES
from pipeline.tables import write_text
from publication.funnel import funnel
from publication.row_selection import read_run_table

PUBLISHED = (
    "flows", "flows_by_age", "flows_by_reason", "flows_by_country_of_birth", "flows_by_area", "stocks",
    "linkage_quality", "link_errors", "review_of_links", "implausible_people", "coverage", "coverage_by_year",
    "dependence_sensitivity", "trimming_curve", "over_coverage", "coverage_of_arrivals",
    "ledger", "error_sources", "interval_parts", "detail_parts", "skipped", "bridge", "unknown_by_quarter",
    "conflicts",
    "days_present", "registration_lags", "border_completeness",
    "source_cards", "delivery_volumes", "person_changes", "assumptions", "account_adjustments", "account_left_out",
    "account_biases",
)  # fmt: skip
DIAGNOSTIC = ("model_levels", "link_weights")
ESTIMATE_DECIMALS = 1
RATE_DECIMALS = 6
# Columns in units of people; every other number with decimals is a rate, a factor or a weight.
IN_PEOPLE = {
    "estimate", "lower", "upper", "estimated", "counted_twice", "counted_twice_se", "counted_twice_unseen", "joined",
    "joined_se", "missed_pairs", "unseen_pairs", "found_by_counts", "expected",
    "both", "only_definition", "only_other", "reported", "adjustment", "without",
    "without_standard_error", "difference", "difference_standard_error",
}  # fmt: skip
STANDARD_ERROR_IN_PEOPLE = {
    "flows", "flows_by_age", "flows_by_reason", "flows_by_country_of_birth", "flows_by_area", "stocks",
    "account_adjustments", "account_left_out", "trimming_curve",
}  # fmt: skip
RELATIVE = {"account_biases"}
"""Tables whose estimates are shares, not people."""


def write_csv_tables(tables: Path) -> list[Path]:
    """Write each published table of a run's folder as CSV beside its Parquet file, and the funnel; return the paths.

    Estimates have one decimal, rates six; a missing value is an empty field. Aggregate tables that the report
    draws are written too, so that every chart comes with its numbers. The same table gives the same bytes.
    """
    existing = [name for name in (*PUBLISHED, *DIAGNOSTIC) if (tables / f"{name}.parquet").exists()]
    written = [_write(read_run_table(tables, name), name, tables) for name in existing]
    steps = funnel(tables)
    if steps.height:
        written.append(_write(steps, "funnel", tables))
    return written


def csv_text(frame: pl.DataFrame, name: str) -> str:
    """Return the table `name` as CSV."""
    schema = TABLES.get(name)
    ordered = frame.select(schema.column_names()) if schema else frame
    return ordered.with_columns(
        _decimal(column, name) for column, kind in ordered.schema.items() if kind.is_float()
    ).write_csv(line_terminator="\n", date_format="%Y-%m-%d", null_value="")


def _write(frame: pl.DataFrame, name: str, folder: Path) -> Path:
    path = folder / f"{name}.csv"
    write_text(csv_text(frame, name), path)
    return path


def _decimal(column: str, name: str) -> pl.Expr:
    in_people = (column in IN_PEOPLE and name not in RELATIVE) or (
        column == "standard_error" and name in STANDARD_ERROR_IN_PEOPLE
    )
    decimals = ESTIMATE_DECIMALS if in_people else RATE_DECIMALS
    value = pl.col(column).fill_nan(None)
    # Adding zero turns -0.0 into 0.0; the weight of a level that never occurs may be infinite.
    plain = (pl.when(value.is_finite()).then(value).round(decimals) + 0.0).cast(pl.Decimal(38, decimals))
    return pl.when(value.is_infinite()).then(value.cast(pl.String)).otherwise(plain.cast(pl.String)).alias(column)
