"""Reading and writing Parquet tables and text files, and querying DuckDB, in one deterministic way."""

import hashlib
import io
import os
import re
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from weakref import WeakKeyDictionary

import duckdb
import polars as pl
from polars.io.plugins import register_io_source

from pipeline.disk import remove, write_bytes, written
from pipeline.errors import UserError

_SPILL: ContextVar[Path | None] = ContextVar("spill", default=None)


@contextmanager
def spilling_into(folder: Path) -> Generator[None]:
    """Let connections that are made in the block put what exceeds memory into a folder, which is removed after it.

    By default DuckDB would leave rows of people in a folder `.tmp` wherever the command was started.
    """
    token = _SPILL.set(folder)
    try:
        yield
    finally:
        _SPILL.reset(token)
        remove(folder)


def connect(threads: int | None = None, memory: str | None = None) -> duckdb.DuckDBPyConnection:
    """Return a new in-memory DuckDB connection that downloads no extensions.

    What exceeds memory is put into the folder of `spilling_into`, else into one of the process in that for temporary
    files.
    """
    spill = _SPILL.get() or Path(gettempdir()) / f"sojourn-{os.getpid()}"
    config: dict[str, Any] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "temp_directory": str(spill),
    }
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
    _CONTENTS.setdefault(connection, _Contents()).given = None
    for name, table in tables.items():
        if isinstance(table, pl.DataFrame):
            connection.register(name, table)
            continue
        rows = parquet_sql(sorted(table.glob("*.parquet")) if table.is_dir() else [table])
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM {rows}").fetchall()


VERSIONS_KEPT = 2
"""Contents of one name that stay in a connection: the present one, and the one before it."""


@dataclass
class _Contents:
    """What identifies the content of each name in a connection: the text of a given view, or a table that was made.

    `standing` are the tables that were made for a name and are kept, the oldest first.
    """

    given: dict[str, str] | None = None
    made: dict[str, str] = field(default_factory=dict)
    standing: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


_CONTENTS: WeakKeyDictionary[duckdb.DuckDBPyConnection, _Contents] = WeakKeyDictionary()


def make_table(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    """Make the result of a SELECT visible in SQL under a name; a result that stands already is not computed again.

    The name is that of a view on a table, whose own name has a digest of the SELECT and of what it reads: the names
    of such tables, and the texts of views. So an equal digest means equal content, and whoever makes the same tables
    with another rule in one of them computes that one again, and those that read it. What a SELECT reads beside such
    tables is given by `view`, or registered before the first of them is made.
    """
    contents = _CONTENTS.setdefault(connection, _Contents())
    if contents.given is None:
        views = connection.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall()
        contents.given = {one: text for one, text in views if one not in contents.made}
    known = contents.given | contents.made
    made_from = sorted((one, known[one]) for one in _tables_in(sql) & set(known))
    _make(connection, name, repr((sql, made_from)), lambda: sql)


def make_table_of(
    connection: duckdb.DuckDBPyConnection, name: str, made_from: str, compute: Callable[[], pl.DataFrame]
) -> None:
    """Make a frame visible in SQL as `make_table` does; `made_from` identifies everything that it depends on."""

    def registered() -> str:
        connection.register("_frame", compute())
        return "SELECT * FROM _frame"

    _make(connection, name, made_from, registered)


def _make(connection: duckdb.DuckDBPyConnection, name: str, made_from: str, select: Callable[[], str]) -> None:
    """Make the table of a name from what a SELECT returns, unless the table with that digest stands already."""
    contents = _CONTENTS.setdefault(connection, _Contents())
    standing = contents.standing[name]
    table = f"{name}__{hashlib.sha256(made_from.encode()).hexdigest()[:20]}"
    if contents.made.get(name) == table:
        return
    if table not in standing:
        _compute(connection, table, select())
        standing.append(table)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM {table}").fetchall()
    contents.made[name] = table
    while len(standing) > VERSIONS_KEPT:
        oldest = standing.pop(0)
        connection.execute(f"DROP TABLE {oldest}").fetchall()


def _compute(connection: duckdb.DuckDBPyConnection, table: str, select: str) -> None:
    connection.execute(f"CREATE TEMP TABLE {table} AS {select}").fetchall()


def _tables_in(sql: str) -> set[str]:
    """Return the names in an SQL text at which a table may stand: after FROM, JOIN or a comma (so columns too)."""
    return set(re.findall(r"(?:\bFROM|\bJOIN|,)\s+(\w+)\b(?!\s*[.(])", sql, flags=re.IGNORECASE))


def content_of(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return what identifies the content of a table of `make_table`: as long as it is the same, so are the rows."""
    return _CONTENTS[connection].made[name]


def parquet_sql(files: Sequence[Path]) -> str:
    """Return the SQL of the rows of Parquet files, in their order; folders such as `year=2019` add no column."""
    return f"read_parquet([{', '.join(map(file_literal, files))}], hive_partitioning = false)"


def file_literal(path: Path) -> str:
    r"""Return a file's path as an SQL text in which DuckDB finds no pattern, whatever signs are in it.

    A sign of a pattern matches itself inside brackets. Raises `UserError` for a path that DuckDB cannot name: it
    takes `\\` for a separator as soon as a path has a sign of a pattern.
    """
    name = re.sub(r"[\[*?]", lambda sign: f"[{sign[0]}]", str(path))
    if "\\" in name and name != str(path):
        raise UserError(f"{path}: a path cannot have both a backslash and one of [ * ?. Rename the folder or file.")
    return text_literal(name)


def text_literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def write_table(frame: pl.DataFrame, path: Path, sort_by: Sequence[str] = ()) -> None:
    """Write a frame as one Parquet file, ordered by `sort_by`."""
    ordered = frame.sort(list(sort_by), maintain_order=True, nulls_last=False) if sort_by else frame
    encoded = io.BytesIO()
    ordered.write_parquet(encoded, compression="zstd", statistics=True)
    write_bytes(encoded.getbuffer(), path)  # not by Polars: so a full disk raises an OSError with a file name


def read_table(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return a table: one Parquet file, or all Parquet files of a folder in order of their names."""
    if path.is_dir():
        return pl.concat([read_table(file, columns) for file in sorted(path.glob("*.parquet"))])
    return pl.read_parquet(path, columns=list(columns) if columns else None, glob=False, hive_partitioning=False)


def scan_table(path: Path) -> pl.LazyFrame:
    """Return the rows of one Parquet file, read only as far as they are used."""
    return pl.scan_parquet(path, glob=False, hive_partitioning=False)


def scan_text_table(path: Path) -> pl.LazyFrame:
    """Return the rows of one CSV file, every value as the text that it is there; an empty one is null."""
    return pl.scan_csv(path, infer_schema=False, glob=False)


PART_ROWS = 1 << 18
"""Rows of a part of a long table: few enough for a processor's cache, enough for whole columns to be fast."""


def parts_of(table: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in their order, some at a time, so that memory does not grow with the table."""
    yield from table.collect_batches(chunk_size=PART_ROWS, maintain_order=True)


def write_parts(parts: Iterable[pl.DataFrame], schema: pl.Schema, path: Path) -> None:
    """Write frames of one schema as one table: CSV if the name ends so, else Parquet.

    If making a part fails, nothing is left.
    """
    table = register_io_source(lambda *_: _made_ahead(parts), schema=schema, is_pure=False)
    with written(path) as file:
        if path.suffix.lower() == ".csv":
            table.sink_csv(file)
        else:
            table.sink_parquet(file, compression="zstd", statistics=True, row_group_size=PART_ROWS)


def _made_ahead(parts: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield frames, while the next one is made by a thread that makes all of them.

    Polars alone waits until a frame is written before it asks for the next one, and asks by a thread of its own each
    time, so that memory freed after one frame is not at hand for the next one.
    """
    rest = iter(parts)

    def made() -> pl.DataFrame | None:
        return next(rest, None)

    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(made)
        while (part := following.result()) is not None:
            following = thread.submit(made)
            yield part


def write_text(text: str, path: Path) -> None:
    """Write a text in UTF-8, with the ends of lines that it has."""
    write_bytes(text.encode(), path)
