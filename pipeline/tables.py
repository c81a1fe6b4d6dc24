"""Reading and writing Parquet tables and text files, and querying DuckDB, in one deterministic way."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl


def connect(threads: int | None = None, memory: str | None = None) -> duckdb.DuckDBPyConnection:
    """Return a new in-memory DuckDB connection that downloads no extensions."""
    config: dict[str, Any] = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    if threads:
        config["threads"] = threads
    if memory:
        config["memory_limit"] = memory
    connection = duckdb.connect(config=config)
    connection.execute("SET enable_progress_bar = false").fetchall()
    return connection


def query(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] | None = None) -> pl.DataFrame:
    """Return the full result of a statement as a Polars frame, leaving the connection free for the next one."""
    relation = connection.sql(sql, params=parameters) if parameters else connection.sql(sql)
    return relation.pl() if relation is not None else pl.DataFrame()


def view(connection: duckdb.DuckDBPyConnection, **tables: Path | pl.DataFrame) -> None:
    """Make each table (a Parquet file or folder, or a frame) visible in SQL under its name."""
    for name, table in tables.items():
        if isinstance(table, pl.DataFrame):
            connection.register(name, table)
            continue
        files = table / "*.parquet" if table.is_dir() else table
        path = str(files).replace("'", "''")
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet('{path}')").fetchall()


def write_table(frame: pl.DataFrame, path: Path, sort_by: Sequence[str] = ()) -> None:
    """Write a frame as one Parquet file, ordered by `sort_by`: to a temporary file, which is then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    ordered = frame.sort(list(sort_by), maintain_order=True, nulls_last=False) if sort_by else frame
    encoded = io.BytesIO()
    ordered.write_parquet(encoded, compression="zstd", statistics=True)
    temporary.write_bytes(encoded.getbuffer())  # not by Polars: so a full disk raises an OSError with a file name
    temporary.replace(path)


def read_table(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return a table: one Parquet file, or all Parquet files of a folder in order of their names."""
    if path.is_dir():
        files = sorted(path.glob("*.parquet"))
        return pl.concat([pl.read_parquet(file, columns=list(columns) if columns else None) for file in files])
    return pl.read_parquet(path, columns=list(columns) if columns else None)


def write_text(text: str, path: Path) -> None:
    """Write a text to a temporary file, then rename it, so that no reader ever sees an incomplete file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
