"""Reading one extract file, CSV or Parquet, into a frame of texts under the column names of its contract.

A file that does not fit its contract (header, encoding, complete lines, readable pages) is refused as a whole, in
one message that names the file and never quotes its contents, although errors of the libraries do.
"""

import codecs
import csv
import io
import re
from difflib import get_close_matches
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet

from pipeline.errors import UserError
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.standardise import known
from pipeline.ingest.stored_types import as_text
from pipeline.shortages import lacks_memory
from pipeline.tables import connect, file_literal, query, text_literal

ROW_NUMBER = "row_number"
_CHUNK = 1 << 20  # bytes
_LONGEST_HEADER = 1 << 16  # bytes


def read_extract(path: Path, extract: Extract, threads: int = 2) -> pl.DataFrame:
    """Return `row_number` (Int64, 1 is the first row of data) and every column of the contract as text.

    `extract` is the layout of the file. Texts are trimmed; empty ones, those that mean a missing value, and columns
    that the file lacks, are null.
    Columns that the contract ignores are not read.
    Typed columns of a Parquet file become text as the source would write it in a CSV, so that the same checks
    serve both. Raises `UserError` that names the file.
    """
    frame = _read_csv(path, extract, threads) if _is_csv(path) else _read_parquet(path, extract)
    # not by pl.col(header): Polars reads a header such as `*` or `^A.*$` as a selector of columns
    found = extract.found_in(frame.columns)
    named = pl.DataFrame({name: frame.get_column(column.header) for name, column in found.items()})
    absent = (pl.lit(None, pl.String).alias(name) for name in extract.columns if name not in found)
    texts = named.with_columns(absent).select(
        known(pl.col(name), missing=extract.missing_in(name)) for name in extract.columns
    )
    return texts.with_row_index(ROW_NUMBER, offset=1).with_columns(pl.col(ROW_NUMBER).cast(pl.Int64))


def headers_of(path: Path) -> list[str]:
    """Return the headers of a file, in order, without blanks around them; raises `UserError` if there are none."""
    if _is_csv(path):
        _check_utf8(path)
        return _headers_of_csv(path)
    try:
        return list(pyarrow.parquet.read_schema(path).names)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        fault = type(error).__name__
    raise _damaged_parquet(path, fault)


def ends_without_line_ending(path: Path) -> bool:
    """Return whether a CSV file ends without a line ending: it may have been cut within its last field."""
    if not _is_csv(path):
        return False
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        return file.read() not in {b"", b"\n", b"\r"}


def _is_csv(path: Path) -> bool:
    kind = path.suffix.lower()
    if kind not in {".csv", ".parquet"}:
        raise UserError(f"{path}: an extract must be a .csv or a .parquet file. Convert or rename it.")
    return kind == ".csv"


def _read_csv(path: Path, extract: Extract, threads: int) -> pl.DataFrame:
    headers = headers_of(path)
    check_headers(path, headers, extract)
    # DuckDB takes names by position, so that ignored columns may share one header or have none
    names = [f"ignored:{at}" if header in extract.ignore else header for at, header in enumerate(headers)]
    columns = ", ".join(f"{text_literal(name)}: 'VARCHAR'" for name in names)
    wanted = [header for header in headers if header not in extract.ignore]
    whole = f", max_line_size = {path.stat().st_size + 1}, buffer_size = {path.stat().st_size + 2}"
    connection = connect(threads)
    try:
        connection.execute("SET temp_directory = ''").fetchall()  # clear values must not spill to disk
        frame = query(
            connection,
            f"SELECT {', '.join(map(_quoted, wanted))} FROM read_csv({file_literal(path)}, "
            f"columns = {{{columns}}}, auto_detect = false, all_varchar = true, header = false, delim = ',', "
            "quote = '\"', escape = '\"', null_padding = false, strict_mode = true, compression = 'none', "
            f"hive_partitioning = false{whole if _has_quotes(path) else ''})",
        )
    except duckdb.Error as error:
        damaged = f"{_fault_of(str(error))}. The file is truncated or damaged: request it again, or correct that line"
        fault = None if lacks_memory(error) else damaged
    else:
        # the header is read as a row, because DuckDB takes a blank first line for the header
        if frame.height and [str(header or "").strip() for header in frame.row(0)] == wanted:
            return frame.slice(1)
        fault = "the header is not the first line that is not blank. Remove what stands before it"
    finally:
        connection.close()
    # raised outside the handler, so that no traceback leads back to an error that quotes the line
    if fault is None:
        raise MemoryError
    raise UserError(f"{path}: {fault}.")


def _has_quotes(path: Path) -> bool:
    """Return whether a quoted field, and so a line ending within a field, can occur in a file.

    DuckDB reads the parts of a large file at the same time and guesses where the lines of each begin, which goes
    wrong where a part begins within a quoted field; read in order (`parallel = false`), it loses a last line whose
    quote is not closed. It does neither to a file that is one part.
    """
    with path.open("rb") as file:
        return any(b'"' in chunk for chunk in iter(lambda: file.read(_CHUNK), b""))


def _fault_of(message: str) -> str:
    """Return what DuckDB found wrong with a line, without quoting the line."""
    line = re.search(r"^.*CSV Error on Line: (\d+)", message)
    where = f"line {int(line[1]):,}" if line else "a line"
    fields = re.search(r"^Expected Number of Columns: (\d+) Found: (\d+)", message, re.MULTILINE)
    if fields:
        return f"{where} has {fields[2]} fields, the header {fields[1]}"
    if re.search(r"^Value with unterminated quote found", message, re.MULTILINE):
        return f"a quote is not closed, or not doubled, at or after {where}"
    return f"{where} cannot be read as CSV (comma, double quotes, one kind of line ending)"


def _check_utf8(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with path.open("rb") as file:
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
                line += chunk.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            wrong_byte = error.object[error.start]
            line += error.object.count(b"\n", 0, error.start)
        else:
            return
    raise UserError(
        f"{path}: not UTF-8 (byte 0x{wrong_byte:02X} on line {line:,}). "
        "Save it again as UTF-8: it may be Windows-1252 or UTF-16."
    )


def _headers_of_csv(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        beginning = file.read(_LONGEST_HEADER)
    if "\0" in beginning:
        raise UserError(f"{path}: not UTF-8 text. Save it again as UTF-8: it may be UTF-16.")
    lines = csv.reader(io.StringIO(beginning, newline=""))
    first_line = next((line for line in lines if "".join(line).strip()), [])
    if not first_line:
        raise UserError(f"{path}: the file is empty. It must begin with a header.")
    return [header.strip() for header in first_line]


def check_headers(path: Path, headers: list[str], extract: Extract, named: str = "the contract") -> None:
    """Raise one error for all headers that are missing, unknown or repeated.

    If the first line has few of the headers, the file may have no header line, so nothing of it is quoted.
    `named` is the name of the layout in messages.
    """
    expected = [column.header for column in extract.delivered.values()]
    valid = [*expected, *(column.header for column in extract.optional.values())]
    headers = [header for header in headers if header not in extract.ignore]
    missing = [header for header in expected if header not in headers]
    unknown = [header for header in headers if header not in valid]
    repeated = sorted({header for header in headers if headers.count(header) > 1})
    if not (missing or unknown or repeated):
        return
    if len(missing) > len(expected) / 2:
        raise UserError(
            f"{path}: {len(missing)} of the {len(expected)} columns of {named} are missing. "
            f"The header must be {','.join(expected)}, in any order, separated by commas."
        )
    faults = []
    for header in unknown:
        nearest = get_close_matches(header, [header for header in valid if header not in headers] or valid, n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"{named} does not have it."
        faults.append(f"unknown column '{header}': {hint}")
    faults += [f"the column '{header}' is missing." for header in missing]
    faults += [f"the column '{header}' occurs more than once." for header in repeated]
    raise UserError(f"{path}: {' '.join(faults)} The headers must be those of {named}, in any order.")


def _read_parquet(path: Path, extract: Extract) -> pl.DataFrame:
    try:
        file = pyarrow.parquet.ParquetFile(path)
        headers = list(file.schema_arrow.names)
        check_headers(path, headers, extract)
        table = file.read(columns=[header for header in headers if header not in extract.ignore])
        table.validate(full=True)  # texts must be UTF-8 here too
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        fault = None if lacks_memory(error) else type(error).__name__
    else:
        return pl.DataFrame(
            [as_text(path, table.column(one.header), one) for one in extract.found_in(headers).values()]
        )
    if fault is None:
        raise MemoryError
    raise _damaged_parquet(path, fault)


def _damaged_parquet(path: Path, fault: str) -> UserError:
    return UserError(f"{path}: cannot be read as Parquet ({fault}). It is truncated or damaged: request it again.")


def has_headers_of(headers: list[str], extract: Extract) -> bool:
    """Return whether the headers are those of a layout, each once, in any order, besides those that it ignores."""
    wanted = [header for header in headers if header not in extract.ignore]
    return sorted(wanted) == sorted(column.header for column in extract.found_in(wanted).values())


def ignored_columns(path: Path, extract: Extract) -> int:
    """Return the number of columns of a file that its layout ignores."""
    return sum(header in extract.ignore for header in headers_of(path)) if extract.ignore else 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
