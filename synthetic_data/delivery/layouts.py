"""Layouts of other years: finished files rewritten in the headers, codes and formats that their contract states.

Institutions write the current layout, and the simulator changes files in that layout. Only when a file is written to
disk does it take the layout of its years: that of a version of the contract, so that no second description of a
layout could differ from the one that ingest reads.
"""

from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from pipeline.ingest import contracts
from pipeline.ingest.columns import Column
from pipeline.ingest.extract_contract import CURRENT


def split_by_layout(extract: str, file: str, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the files, by name, into which a finished file is split: each in one layout.

    A file named after its extract contains all years. If the extract has versions, it becomes a file for each layout,
    in order of time: `hesa_to_2011_12.csv` and `hesa.csv`; one may be empty. Any other file is for one year and stays
    as it is.
    """
    contract = _extracts()[extract]
    path = Path(file)
    if not contract.version or path.stem != extract:
        return {file: frame}
    versions = frame.select(_version(frame, contract)).to_series()
    last_day = {version.id: version.until for version in contract.version if version.until}
    return {
        file if layout == CURRENT else f"{path.stem}_{layout}{path.suffix}": frame.filter(versions == layout)
        for layout in sorted(contract.layouts, key=lambda layout: last_day.get(layout, date.max))
    }


def as_written(extract: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return some rows of a file that is in one layout, as the source wrote them at the time."""
    contract = _extracts()[extract]
    if not contract.version or frame.is_empty():
        return frame
    (version,) = frame.select(_version(frame, contract).unique()).to_series()
    return in_layout(frame, contract, version)


def in_layout(frame: pl.DataFrame, extract: contracts.Extract, version: str) -> pl.DataFrame:
    """Return a frame of the current layout of an extract in the headers, codes and formats of a version.

    Columns outside the contract are kept, and a value that breaks the contract stays as it is. Columns that only the
    version has are null.
    """
    if version == CURRENT:
        return frame
    layout = extract.layouts[version]
    both = {name: column for name, column in extract.delivered.items() if name in layout.delivered}
    new = (layout.columns[name] for name in extract.absent if name in layout.delivered)
    return (
        frame.with_columns(
            _written(column, layout.columns[name], frame.schema[column.header]).alias(column.header)
            for name, column in both.items()
        )
        .drop(extract.columns[name].header for name in layout.absent if name in extract.delivered)
        .rename({column.header: layout.columns[name].header for name, column in both.items()})
        .with_columns(pl.lit(None, pl.String).alias(column.header) for column in new)
    )


@cache
def _extracts() -> dict[str, contracts.Extract]:
    return {
        name: extract
        for contract in contracts.read_contracts().values()
        for name, extract in contract.extracts.items()
    }


def _version(frame: pl.DataFrame, extract: contracts.Extract) -> pl.Expr:
    """Return the name of the layout in which the source wrote each row, by the date of the row."""
    dated_by = extract.columns[str(extract.dated_by)]
    day = pl.col(dated_by.header)
    if frame.schema[dated_by.header] == pl.String:
        day = day.str.to_date(dated_by.format, strict=False)
    version = pl.lit(CURRENT)
    for one in extract.version:
        began = day >= one.since if one.since else pl.lit(value=True)
        ended = day > one.until if one.until else pl.lit(value=False)
        version = pl.when(began & ~ended).then(pl.lit(one.id)).otherwise(version)
    return version.alias("version")


def _written(now: Column, then: Column, dtype: pl.DataType) -> pl.Expr:
    """Return the values of a column as another layout writes them."""
    value = pl.col(now.header)
    if now.codes != then.codes:
        code_of = {meaning: code for code, meaning in reversed(then.codes.items())}  # the first code of a meaning
        return value.replace({code: code_of[meaning] for code, meaning in now.codes.items() if meaning in code_of})
    if now.format != then.format:
        day = value.str.to_date(now.format, strict=False) if dtype == pl.String else value
        return pl.coalesce(day.dt.strftime(then.format), value.cast(pl.String))
    return value
