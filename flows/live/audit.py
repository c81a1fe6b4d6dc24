"""The checks between writing a run and publishing it: what must hold of its tables before it goes live."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.schemas import ALL
from pipeline.store import is_intact
from pipeline.tables import read_table
from publication.row_selection import read_run_table
from publication.run_folder import TABLES, read_manifest

TOLERANCE = 1e-3
"""People: estimates are published with six decimals, and sums of thousands of them are compared."""
KEY = ["period_start", "period_end", "sex", "age_group", "nationality_group"]
DIVIDED = ("flows_by_age", "flows_by_reason", "flows_by_country_of_birth", "flows_by_area")


def faults_of(run: Path, live: Path | None) -> list[str]:
    """Return what forbids a finished run to go live, one sentence each; `live` is the run that is live, if any."""
    manifest = read_manifest(run)
    if manifest is None:
        return ["it has no manifest"]
    if not is_intact(run, {name: one["sha256"] for name, one in manifest["outputs"].items()}):
        return ["a table is not the one that its manifest names"]
    tables = run / TABLES
    return [
        *_faults_of_ledger(tables),
        *_faults_of_estimates(manifest, tables),
        *_step_back(manifest, read_manifest(live) if live else None),
    ]


def _faults_of_ledger(tables: Path) -> Iterator[str]:
    for one in read_table(tables / "ledger.parquet").iter_rows(named=True):
        if one["rows_in"] != one["accepted"] + one["quarantined"]:
            yield f"the ledger of {one['file']} does not add up"
        elif one["rows_in"] and not one["accepted"]:
            yield f"not one of the {one['rows_in']:,} rows of {one['file']} could be used"


def _faults_of_estimates(manifest: Mapping[str, Any], tables: Path) -> Iterator[str]:
    """Yield what is wrong with the published figures: none at all, not a number, outside its interval, or no sum."""
    flows, stocks = read_run_table(tables, "flows"), read_run_table(tables, "stocks")
    if flows["estimate"].drop_nulls().is_empty():
        why = manifest["stages"]["account"]["skipped"].get("account")
        yield "it has no estimates" + (f", because {why}" if why else "")
        return
    for name, frame in (("flows", flows), ("stocks", stocks)):
        figures = frame.filter(pl.col("estimate").is_not_null())
        of_figure = pl.col("estimate", "standard_error", "lower", "upper")
        numbers = pl.all_horizontal(of_figure.is_finite().fill_null(False))
        inside = pl.col("estimate").is_between(pl.col("lower") - TOLERANCE, pl.col("upper") + TOLERANCE)
        negative = (pl.col("estimate") < -TOLERANCE) & (pl.col("measure").cast(pl.String) != "net")
        for what, wrong in (
            ("not a number", ~numbers), ("outside its own interval", ~inside), ("negative", negative),
        ):  # fmt: skip
            if rows := figures.filter(wrong).height:
                yield f"in {name}, {rows:,} figures are {what}"
    wide = flows.filter(pl.col("area") == ALL).pivot("measure", index=KEY, values="estimate")
    off = (pl.col("immigration") - pl.col("emigration") - pl.col("net")).abs() > TOLERANCE
    if rows := wide.filter(off).height:
        yield f"in flows, {rows:,} net migrations are not immigration less emigration"
    for name in DIVIDED:
        if rows := _not_a_sum(read_run_table(tables, name), flows):
            yield f"{rows:,} figures of flows are not the sum of {name}"


def _not_a_sum(parts: pl.DataFrame, flows: pl.DataFrame) -> int:
    """Return how many figures of `flows` differ from the sum of what divides them, where that is published."""
    key = [*KEY, "measure"]
    sums = parts.group_by(key).agg(pl.col("estimate").sum().alias("sum"))
    both = flows.filter(pl.col("area") == ALL).join(sums, on=key)
    return both.filter((pl.col("sum") - pl.col("estimate")).abs() > TOLERANCE).height


def _step_back(manifest: Mapping[str, Any], live: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield why a run would take back what is live: data of an earlier day."""
    if live is not None and manifest["study"]["data_date"] < live["study"]["data_date"]:
        yield (
            f"its data are of {manifest['study']['data_date']}, and those of the live run of "
            f"{live['study']['data_date']}"
        )
