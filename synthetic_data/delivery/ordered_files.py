"""Files in the order of their keys, written at once or merged from the pieces of batches in a temporary folder.

A file has the same bytes whichever batches its rows come from, and whatever the number of threads. DuckDB sorts
and merges the pieces. Polars and PyArrow write them, because Python rewrites rows in the layout of their year, and
because DuckDB's `COPY` formats small numbers in CSV, and Parquet metadata, differently: the bytes would change.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Self

import polars as pl
import pyarrow.parquet as pq

from pipeline import disk
from pipeline.tables import connect, parquet_sql, text_literal

ROW_GROUP = 1 << 18
"""Rows written at a time."""
MEMORY = 2_000
"""Megabytes for sorting pieces; beyond that DuckDB spills into the temporary folder."""
_PLACE = "place in the piece"
Rewrite = Callable[[pl.DataFrame], pl.DataFrame]


def _as_they_are(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


@dataclass(frozen=True)
class File:
    """How a file is put together: the columns that order its rows, and how rows are rewritten."""

    order: tuple[str, ...]
    written: Rewrite
    rows: int


@dataclass
class Batch:
    """What one batch puts into the files of the folder `out`: at once or, if `pieces` is a folder, as pieces."""

    out: Path
    number: int = 0
    pieces: Path | None = None
    files: dict[str, File] = field(default_factory=dict)

    def put(self, file: str, frame: pl.DataFrame, order: Sequence[str], written: Rewrite = _as_they_are) -> None:
        """Put the batch's rows into a file, a path inside `out`; they are sorted by the columns `order`.

        Rows of different batches must differ in these columns. `written` rewrites rows when they enter the file.
        """
        self.files[file] = File(tuple(order), written, len(frame))
        if not self.pieces:
            write_rows([frame], self.out / file, written)
            return
        piece = self.pieces / file / f"{self.number:03}.parquet"
        with disk.written(piece) as opened:
            frame.with_row_index(_PLACE).write_parquet(opened, compression="lz4", statistics=False)


@dataclass
class OrderedFiles:
    """The files of the folder `out`, filled by a `number` of batches; to be used in a `with` block.

    A single batch is written at once. Several batches each leave a piece of every file in a temporary folder inside
    `out`, which is removed after the block whatever happens, and `gather` writes the files. Batches can be filled in
    other processes.
    """

    out: Path
    number: int
    batches: list[Batch] = field(default_factory=list)
    _folder: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        if self.number > 1:
            disk.make_folder(self.out)
            self._folder = TemporaryDirectory(prefix=".pieces-", dir=self.out)
        pieces = Path(self._folder.name) if self._folder else None
        self.batches = [Batch(self.out, number, pieces) for number in range(self.number)]
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder:
            self._folder.cleanup()

    def gather(self, batches: Sequence[Batch], threads: int = 1) -> dict[str, int]:
        """Write the files whose pieces are in the filled batches, `threads` at once; return the rows of each file."""
        files = {file: how for batch in batches for file, how in batch.files.items()}
        rows = {file: sum(batch.files[file].rows for batch in batches if file in batch.files) for file in files}
        if self._folder:
            pieces = Path(self._folder.name)

            def write(file: str) -> None:
                frames = _sorted(pieces, file, files[file].order, threads)
                write_rows(frames, self.out / file, files[file].written)

            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(write, sorted(files, key=lambda file: -rows[file])):
                    pass
        return rows


def _sorted(folder: Path, file: str, order: Sequence[str], others: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of all pieces of a file in order, a group at a time; rows of one piece keep their order.

    `others` is the number of files that share the memory.
    """
    connection = connect(threads=1, memory=f"{MEMORY // others}MB")
    try:
        connection.execute("SET default_null_order = 'nulls_first'").fetchall()
        connection.execute(f"SET temp_directory = {text_literal(str(folder))}").fetchall()
        pieces = parquet_sql(sorted((folder / file).glob("*.parquet")))
        keys = ", ".join(f'"{column}"' for column in (*order, _PLACE))
        ordered = connection.sql(f'SELECT * EXCLUDE ("{_PLACE}") FROM {pieces} ORDER BY {keys}')
        reader = ordered.to_arrow_reader(ROW_GROUP)
        yield pl.DataFrame(reader.schema.empty_table())
        for batch in reader:
            yield pl.DataFrame(batch)
    finally:
        connection.close()


def write_rows(frames: Iterable[pl.DataFrame], path: Path, written: Rewrite = _as_they_are) -> None:
    """Write frames (at least one) in sequence as a CSV or Parquet file, under a temporary name that is then changed.

    Where one frame ends and the next begins changes no byte. `written` rewrites a group of rows at a time.
    """
    write = _write_csv if path.suffix == ".csv" else _write_parquet
    with disk.written(path) as file:
        write((written(group) for group in _in_groups(frames)), file)


def _in_groups(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the same rows in groups of `ROW_GROUP`, the last one smaller; a frame without rows is one group."""
    waiting = pl.DataFrame()
    for frame in frames:
        waiting = pl.concat([waiting, frame]) if len(waiting) else frame
        while len(waiting) > ROW_GROUP:
            yield waiting.head(ROW_GROUP)
            waiting = waiting.slice(ROW_GROUP)
    yield waiting


def _write_csv(groups: Iterable[pl.DataFrame], file: BinaryIO) -> None:
    for number, group in enumerate(groups):
        file.write(group.write_csv(include_header=number == 0).encode())


def _write_parquet(groups: Iterator[pl.DataFrame], file: BinaryIO) -> None:
    first = next(groups).to_arrow()
    with pq.ParquetWriter(file, first.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(first.combine_chunks(), row_group_size=ROW_GROUP)
        for group in groups:
            writer.write_table(group.to_arrow().combine_chunks(), row_group_size=ROW_GROUP)
