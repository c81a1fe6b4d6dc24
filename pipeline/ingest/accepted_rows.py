"""Whether the extracts that a stage needs gave any record: an empty delivery is refused, not taken as zero."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl
from pyarrow import parquet

from pipeline.errors import UserError
from pipeline.ingest.ledger import counted
from pipeline.schemas import table_path
from pipeline.tables import read_table

MOST_REASONS = 3


def check_accepted_rows(ingest: Path, needed: Mapping[str, str], study_file: Path) -> None:
    """Raise `UserError` for the first extract of `needed` of which no row was accepted, with the ledger's reasons.

    `ingest` is the folder of the stage ingest; `needed` says, by extract, why its rows are needed. Extracts that the
    study does not name have no records and are not reported here.
    """
    for extract, why in needed.items():
        records = ingest / "records" / f"{extract}.parquet"
        if records.exists() and not parquet.read_metadata(records).num_rows:
            raise UserError(
                f"{extract}: {_what_was_delivered(ingest, extract)}, so there is no record of it, and {why}. "
                f"Request the delivery again, correct its contract, or change {study_file}."
            )


def _what_was_delivered(ingest: Path, extract: str) -> str:
    ledger = read_table(table_path(ingest, "ledger")).filter(pl.col("extract") == extract)
    files, rows = ", ".join(ledger["file"]), int(ledger["rows_in"].sum())
    if not rows:
        return f"{files} has a header and no row" if ledger.height == 1 else f"{files} have headers and no row"
    reasons = Counter[str]()
    for text in ledger["reasons"]:
        reasons.update(json.loads(text))
    ordered = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))[:MOST_REASONS]
    told = "; ".join(f"{reason} ({counted(times, 'row')})" for reason, times in ordered)
    return f"{counted(rows, 'row')} of {files}, all of them quarantined: {told}"
