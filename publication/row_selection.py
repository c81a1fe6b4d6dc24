"""Which rows of the published tables a document shows: totals, marginals, years, quarters, the latest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.schemas import AGE_GROUPS, ALL, NATIONALITY_GROUPS, SEXES, TABLES
from pipeline.tables import read_table

REVISIONS = "revisions"
"""The folder, in the latest of several runs, of how figures were revised; its report shows it."""
FLOW_MEASURES = ("immigration", "emigration", "net")
DIMENSIONS = {"sex": SEXES, "age_group": AGE_GROUPS, "nationality_group": NATIONALITY_GROUPS}
FLOW_KEY = ["period_start", "period_end", "measure", *DIMENSIONS]
STOCK_KEY = ["reference_date", "measure", *DIMENSIONS]


def read_run_table(tables: Path, name: str) -> pl.DataFrame:
    """Return a table of a run's folder; an empty frame (with columns, if it has a schema) where the run has none."""
    path = tables / f"{name}.parquet"
    if path.exists():
        return read_table(path)
    return TABLES[name].create_empty() if name in TABLES else pl.DataFrame()


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its enumerations as text, so that it can be joined with frames of any origin."""
    return frame.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))


def of_published_definition(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of `flows` or `stocks`, which have no other definition, for the whole country."""
    return as_text(frame).filter(pl.col("area") == ALL)


def with_truth(frame: pl.DataFrame, scores: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Return the frame with a column `truth`, null where no score is given."""
    if frame.is_empty() or scores.is_empty():
        return frame.with_columns(truth=pl.lit(None, dtype=pl.Float64))
    truth = as_text(scores).select(*key, pl.col("truth").cast(pl.Float64)).unique(key, keep="first")
    return frame.join(truth, on=key, how="left", maintain_order="left")


def parts_of_figure(parts: pl.DataFrame, row: Mapping[str, Any]) -> pl.DataFrame:
    """Return the rows of `interval_parts`, as text, of one row of `flows` or `stocks`."""
    start, end = (row.get(name, row.get("reference_date")) for name in ("period_start", "period_end"))
    return parts.filter(
        pl.col("period_start") == start,
        pl.col("period_end") == end,
        *(pl.col(name) == row[name] for name in ("measure", "definition", "area", *DIMENSIONS)),
    )


def measured(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with an estimate: all but those whose status is `not measured`."""
    return frame.filter(pl.col("estimate").is_not_null())


def yearly(flows: pl.DataFrame) -> pl.DataFrame:
    """Return the flows of whole years."""
    return flows.filter(_days() > 300)


def quarterly(flows: pl.DataFrame) -> pl.DataFrame:
    """Return the flows of quarters."""
    return flows.filter(_days() < 100)


def _days() -> pl.Expr:
    return (pl.col("period_end") - pl.col("period_start")).dt.total_days()


def totals(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that no dimension divides."""
    return frame.filter(pl.col(name) == ALL for name in DIMENSIONS)


def marginal(frame: pl.DataFrame, dimension: str) -> pl.DataFrame:
    """Return the rows that one dimension alone divides, its groups in their published order."""
    others = [pl.col(name) == ALL for name in DIMENSIONS if name != dimension]
    groups = pl.Enum(DIMENSIONS[dimension])
    return (
        frame.filter(*others, pl.col(dimension) != ALL)
        .sort(pl.col(dimension).cast(groups, strict=False), maintain_order=True)
        .with_columns(pl.col(dimension).cast(pl.String))
    )


def latest_total(flows: pl.DataFrame, measure: str, status: str | None = None) -> dict | None:
    """Return the yearly total of a measure for the latest period, of one status if it is given."""
    rows = totals(yearly(flows))
    if rows.is_empty():
        return None
    rows = measured(rows).filter(pl.col("measure") == measure)
    if status is not None:
        rows = rows.filter(pl.col("status") == status)
    return rows.sort("period_end").row(-1, named=True) if rows.height else None
