"""The ledger: how many rows of each file were accepted and quarantined, and the warnings that follow from it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.ingest.check import FILE, REASONS, Checked
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.read_extract import ends_without_line_ending

MANY_QUARANTINED = 0.05  # share of a file's rows above which its contract is in doubt
MANY_UNUSABLE = 0.05  # likewise of a column: share of the accepted rows
CODES_SHOWN = 5  # refused codes that a warning names

LedgerRow = dict[str, str | int]


@dataclass(frozen=True)
class FileRead:
    """One file of an extract: the version of its layout, the digest of its bytes, the number of ignored columns."""

    version: str
    sha256: str
    columns_ignored: int = 0


def ledger_rows(
    source: str,
    extract: str,
    checked: Checked,
    files: Mapping[str, FileRead],
    rows_of_file: Mapping[str, int],
) -> list[LedgerRow]:
    """Return one row of the ledger for each file, in the order of `files` (by name).

    `rows_of_file` is counted before the checks, so that the schema of the ledger tests whether rows add up.
    """
    accepted = _rows_of_file(checked.accepted)
    quarantined = _rows_of_file(checked.quarantined)
    reasons: dict[str, dict[str, int]] = {}
    unusable: dict[str, dict[str, int]] = {}
    for file, column, rows in checked.unusable.group_by(FILE, "column").agg(pl.col("rows").sum()).iter_rows():
        unusable.setdefault(file, {})[column] = rows
    counts = checked.quarantined.select(FILE, REASONS).explode(REASONS).group_by(FILE, REASONS).len()
    for file, reason, rows in counts.iter_rows():
        reasons.setdefault(file, {})[reason] = rows
    return [
        {
            "source": source,
            "extract": extract,
            "file": file,
            "version": read.version,
            "sha256": read.sha256,
            "columns_ignored": read.columns_ignored,
            "rows_in": rows_of_file[file],
            "accepted": accepted[file],
            "quarantined": quarantined[file],
            "reasons": json.dumps(reasons.get(file, {}), sort_keys=True, ensure_ascii=False),
            "unusable": json.dumps(unusable.get(file, {}), sort_keys=True, ensure_ascii=False),
        }
        for file, read in files.items()
    ]


def warn_of_repeats(checked: Checked, extract: Extract) -> list[str]:
    """Return a warning for each file that repeats records."""
    key = ", ".join(extract.unique)
    return [
        f"{file}: {counted(rows, 'row')} quarantined: an earlier row has the same {key}."
        for file, rows in checked.repeated.items()
    ]


def warn_of_many_quarantined(ledger: list[LedgerRow], checked: Checked) -> list[str]:
    """Return a warning for each file of which many rows were quarantined for reasons other than repetition.

    It names the commonest codes outside a code list, unless they may be personal.
    """
    warnings = []
    for row in ledger:
        file = str(row["file"])
        rows_in, quarantined = int(row["rows_in"]), int(row["quarantined"]) - checked.repeated.get(file, 0)
        if quarantined > MANY_QUARANTINED * rows_in:
            reasons: dict[str, int] = json.loads(str(row["reasons"]))
            commonest = max(sorted(reasons), key=lambda reason: reasons[reason])
            warnings.append(
                f"{row['file']}: {quarantined:,} of {counted(rows_in, 'row')} quarantined, most often because of "
                f"'{commonest}'. {_refused_codes(checked.refused_codes.filter(pl.col(FILE) == file))}"
                "Compare the file with its contract."
            )
    return warnings


def warn_of_many_unusable(ledger: list[LedgerRow], checked: Checked) -> list[str]:
    """Return a warning for each column of a file of which many values could not be used, with the commonest cause."""
    accepted = {str(row["file"]): int(row["accepted"]) for row in ledger}
    columns = checked.unusable.group_by(FILE, "column", maintain_order=True).agg(
        pl.col("rows").sum(), pl.col("cause").first()
    )
    return [
        f"{file}: {counted(rows, 'value')} of '{column}' in {counted(accepted[file], 'accepted row')} cannot be used "
        f"and are empty, most often because of '{cause}'. Compare the file with its contract."
        for file, column, rows, cause in columns.iter_rows()
        if rows > MANY_UNUSABLE * accepted[file]
    ]


def warn_of_empty_files(ledger: list[LedgerRow]) -> list[str]:
    """Return a warning for each file of an extract that has a header and no row."""
    return [
        f"{row['file']}: the file has a header and no row ({row['extract']})." for row in ledger if not row["rows_in"]
    ]


def warn_of_gaps(gaps: pl.DataFrame) -> list[str]:
    """Return a warning for each gap of an extract (`extract, gap_from, gap_to`)."""
    return [
        f"{extract}: no rows from {first} to {last}, though its contract says that a delivery covers this time."
        for extract, first, last in gaps.select("extract", "gap_from", "gap_to").iter_rows()
    ]


def _refused_codes(codes: pl.DataFrame) -> str:
    """Return a sentence on the commonest refused codes of a file, or nothing."""
    if codes.is_empty():
        return ""
    named = codes.head(CODES_SHOWN).select("column", "code", "rows").iter_rows()
    shown = ", ".join(f"{column} '{code}' ({counted(rows, 'row')})" for column, code, rows in named)
    others = f" and {counted(codes.height - CODES_SHOWN, 'other')}" if codes.height > CODES_SHOWN else ""
    return f"Codes refused: {shown}{others}. "


def warn_of_areas(extract: str, rows: pl.DataFrame, postcode: str | None, lookup: str | None) -> list[str]:
    """Return a warning if rows of an extract have a postcode whose district is not in the study's look-up."""
    if postcode is None or lookup is None:
        return []
    without_area = rows.filter(pl.col(postcode).is_not_null() & pl.col("area").is_null()).height
    if not without_area:
        return []
    return [f"{extract}: {counted(without_area, 'row')} without an area: the postcode district is not in {lookup}."]


def warn_of_missing_line_endings(files: Iterable[Path]) -> list[str]:
    """Return a warning for each CSV file that may have been cut within its last field, which no check can detect."""
    return [
        f"{path.name}: the last line has no line ending. If the file was cut, its last row is incomplete. "
        "Give the number of 'rows' in the study to have it checked."
        for path in files
        if ends_without_line_ending(path)
    ]


def _rows_of_file(frame: pl.DataFrame) -> Counter[str]:
    return Counter(dict(frame.group_by(FILE).len().iter_rows()))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
