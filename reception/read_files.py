"""Reading the files of one extract as they came: what cannot be read is a finding, and the rest is read on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.ingest.check import FILE
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.read_extract import ends_without_line_ending, has_headers_of, headers_of, read_extract
from pipeline.ingest.versions import version_of
from pipeline.study import digest_of_file
from reception.finding import Finding
from reception.folder import Delivery

DELIMITERS = {";": "semicolon", "\t": "tab", "|": "vertical bar"}
ENCODINGS = ("utf-16", "cp1252", "latin-1")
MANY_HEADERS = 0.5
"""Share of the expected headers above which missing ones mean that the header is not there."""


@dataclass
class ReadFiles:
    """The files of one extract: their rows as texts with the name of the file, by layout; and what is wrong.

    `complete` says whether all files that the study names could be read; otherwise rows cannot be compared.
    """

    texts: dict[str, pl.DataFrame] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    complete: bool = True

    @property
    def rows(self) -> int:
        """The number of rows read."""
        return sum(frame.height for frame in self.texts.values())


def read_files(delivery: Delivery, source: str, name: str, extract: Extract, threads: int) -> ReadFiles:
    """Return the rows of all files of an extract of a delivery."""
    named = delivery.extracts[name]
    read = ReadFiles()
    parts: dict[str, list[pl.DataFrame]] = {}
    for file in named.files:
        path = delivery.path_of(file)
        faults = list(_faults(path, source, extract))
        if not faults:
            try:
                layout = version_of(path, extract, named.version.get(file), f"'version' of '{file}' in the study")
                texts = read_extract(path, extract.layouts[layout], threads)
            except UserError as error:
                faults = [
                    Finding(source, None, "unreadable", "a whole file that fits its contract", _said(error, path))
                ]
            else:
                parts.setdefault(layout, []).append(texts.with_columns(pl.lit(path.name).alias(FILE)))
                read.digests[path.name] = digest_of_file(path)
                if named.rows is None and ends_without_line_ending(path):
                    read.findings.append(
                        Finding(
                            source, None, "line ending", "a last line that ends", f"{path.name}: may have been cut"
                        )
                    )
        read.complete &= not faults
        read.findings += faults
    read.texts = {layout: pl.concat(frames, rechunk=True) for layout, frames in parts.items()}
    if read.complete and named.rows is not None and named.rows != read.rows:
        read.findings.append(Finding(source, None, "declared rows", f"{named.rows:,}", f"{name}: {read.rows:,}"))
    return read


def _said(error: UserError, path: Path) -> str:
    return str(error).replace(str(path), path.name)


def _faults(path: Path, source: str, extract: Extract) -> Iterator[Finding]:
    """Yield what is wrong with a file before any row of it is read: missing, encoding, delimiter, headers."""
    if not path.is_file():
        yield Finding(source, None, "missing file", path.name, "no such file")
        return
    encoding = _encoding(path)
    if encoding != "utf-8":
        damaged = _columns_of_other_signs(path, encoding, extract)
        for column in damaged or [None]:
            yield Finding(source, column, "encoding", "UTF-8", f"{path.name}: probably {encoding}")
        return
    try:
        headers = headers_of(path)
    except UserError as error:
        yield Finding(source, None, "unreadable", "a header and complete rows", _said(error, path))
        return
    yield from _header_faults(path, headers, source, extract)


def _header_faults(path: Path, headers: list[str], source: str, extract: Extract) -> Iterator[Finding]:
    """Yield the columns that a file lacks, has beside those of the nearest layout, or has twice."""
    if any(has_headers_of(headers, layout) for layout in extract.layouts.values()):
        return
    layout = min(extract.layouts.values(), key=lambda one: len(_wanted(one, headers) ^ set(headers)))
    expected = {column.header: name for name, column in layout.delivered.items()}
    delimiter = next((sign for sign in DELIMITERS if len(headers) < len(expected) and sign in headers[0]), None)
    if delimiter:
        yield Finding(source, None, "delimiter", "comma", f"{path.name}: {DELIMITERS[delimiter]}")
        return
    missing = [header for header in expected if header not in headers]
    if len(missing) > MANY_HEADERS * len(expected):
        found = f"{path.name}: {len(missing)} of {len(expected)} headers are missing"
        yield Finding(source, None, "header", "the headers of the contract", found)
        return
    valid = {*expected, *(column.header for column in layout.optional.values()), *layout.ignore}
    for header in missing:
        yield Finding(source, expected[header], "missing column", f"a column '{header}'", f"{path.name}: none")
    for header in dict.fromkeys(headers):
        if header not in valid:
            yield Finding(source, header, "added column", "none of this name", f"{path.name}: a column '{header}'")
        elif headers.count(header) > 1 and header not in layout.ignore:
            yield Finding(source, expected.get(header, header), "repeated column", "one", f"{path.name}: several")


def _wanted(layout: Extract, headers: list[str]) -> set[str]:
    return {column.header for column in layout.found_in(headers).values()}


def _encoding(path: Path) -> str:
    """Return the probable encoding of a CSV file: the first that reads all of it."""
    if path.suffix.lower() != ".csv":
        return "utf-8"
    content = path.read_bytes()
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in content[:200]:
        return "utf-16"
    for encoding in ("utf-8", *ENCODINGS[1:]):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "unknown"  # pragma: no cover - latin-1 reads every byte


def _columns_of_other_signs(path: Path, encoding: str, extract: Extract) -> list[str]:
    """Return the columns of a file in another encoding in which signs beyond ASCII stand."""
    try:
        content = path.read_bytes().decode(encoding).encode("utf-8")
        rows = pl.read_csv(content, infer_schema=False, truncate_ragged_lines=True)
    except (UnicodeError, pl.exceptions.PolarsError):
        return []
    named = {column.header: name for layout in extract.layouts.values() for name, column in layout.columns.items()}
    other = [one.name for one in rows if one.str.contains(r"[^\x00-\x7F]").any()]
    return [named[header] for header in other if header in named]
