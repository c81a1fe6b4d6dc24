"""The rows of an extract as values of their types, with the fault of each value that its contract does not allow."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipeline.ingest.check import FILE, faults_of, values
from pipeline.ingest.days import local_time
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.read_extract import ROW_NUMBER


def typed_rows(texts: Mapping[str, pl.DataFrame], extract: Extract, data_date: date) -> pl.DataFrame:
    """Return `file`, `row_number`, and for every column its `text:NAME`, its value `NAME` and its `fault:NAME`.

    `texts` are by layout. A value with a fault is null; the fault is the sentence of the first that it has, null
    without one. A date-time keeps its time.
    """
    parts = [_of_layout(frame, extract.layouts[layout], data_date) for layout, frame in texts.items()]
    if not parts:
        parts = [_of_layout(_no_texts(extract), extract, data_date)]
    return pl.concat(parts, how="vertical_relaxed", rechunk=True)


def _no_texts(extract: Extract) -> pl.DataFrame:
    columns = dict.fromkeys(extract.columns, pl.String)
    return pl.DataFrame(schema={ROW_NUMBER: pl.Int64, **columns, FILE: pl.String})


def _of_layout(texts: pl.DataFrame, layout: Extract, data_date: date) -> pl.DataFrame:
    rows = values(texts, layout)
    faults = []
    for name, column in layout.columns.items():
        present = [(fault.found, fault.words.split(": ", 1)[1]) for fault in faults_of(name, column, data_date)]
        if column.required:
            present.append((pl.col(f"text:{name}").is_null(), "missing"))
        words = pl.coalesce(*(pl.when(found).then(pl.lit(said)) for found, said in present), pl.lit(None, pl.String))
        faults.append(words.alias(f"fault:{name}"))
    rows = rows.with_columns(faults)
    moments = [
        local_time(pl.col(f"text:{name}"), column.format, column.clock).alias(name)
        for name, column in layout.columns.items()
        if column.type == "datetime"
    ]
    rows = rows.with_columns(moments).with_columns(
        pl.when(pl.col(f"fault:{name}").is_null()).then(name).alias(name) for name in layout.columns
    )
    return rows.select(
        FILE, ROW_NUMBER, *(f"{part}{name}" for name in layout.columns for part in ("text:", "", "fault:"))
    )
