"""The ledger: what became of every row of every file, and what a user should hear about it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.ingest.check import FILE, REASONS, Checked
from pipeline.ingest.contracts import Extract
from pipeline.ingest.read_extract import ends_in_mid_line

MANY_SET_ASIDE = 0.05  # share of a file's rows above which its contract is in doubt

LedgerRow = dict[str, str | int]


@dataclass(frozen=True)
class FileRead:
    """One file of an extract: the version of its layout, and the digest of its bytes."""

    version: str
    sha256: str


def ledger_rows(
    source: str,
    extract: str,
    checked: Checked,
    files: Mapping[str, FileRead],
    rows_of_file: Mapping[str, int],
) -> list[LedgerRow]:
    """Return one row of the ledger for each file, in the order of `files` (by name).

    `rows_of_file` was counted before the checks, so that the ledger can add up or fail to.
    """
    accepted = _rows_of_file(checked.accepted)
    quarantined = _rows_of_file(checked.quarantined)
    reasons: dict[str, dict[str, int]] = {}
    told = checked.quarantined.select(FILE, REASONS).explode(REASONS).group_by(FILE, REASONS).len()
    for file, reason, rows in told.iter_rows():
        reasons.setdefault(file, {})[reason] = rows
    return [
        {
            "source": source,
            "extract": extract,
            "file": file,
            "version": read.version,
            "sha256": read.sha256,
            "rows_in": rows_of_file[file],
            "accepted": accepted[file],
            "quarantined": quarantined[file],
            "reasons": json.dumps(reasons.get(file, {}), sort_keys=True, ensure_ascii=False),
        }
        for file, read in files.items()
    ]


def warn_of_repeats(checked: Checked, extract: Extract) -> list[str]:
    """Return a warning for each file that repeats records."""
    key = ", ".join(extract.unique)
    return [
        f"{file}: {counted(rows, 'row')} set aside: an earlier row has the same {key}."
        for file, rows in checked.repeated.items()
    ]


def warn_of_many_set_aside(ledger: list[LedgerRow], repeated: Mapping[str, int]) -> list[str]:
    """Return a warning for each file that lost many rows for other reasons than repetition."""
    warnings = []
    for row in ledger:
        rows_in, lost = int(row["rows_in"]), int(row["quarantined"]) - repeated.get(str(row["file"]), 0)
        if lost > MANY_SET_ASIDE * rows_in:
            reasons: dict[str, int] = json.loads(str(row["reasons"]))
            commonest = max(sorted(reasons), key=lambda reason: reasons[reason])
            warnings.append(
                f"{row['file']}: {lost:,} of {counted(rows_in, 'row')} set aside, most often because of "
                f"'{commonest}'. Compare the file with its contract."
            )
    return warnings


def warn_of_areas(extract: str, rows: pl.DataFrame, postcode: str | None, lookup: str) -> list[str]:
    """Return a warning if rows of an extract have a postcode whose district the look-up does not know."""
    if postcode is None:
        return []
    lost = rows.filter(pl.col(postcode).is_not_null() & pl.col("area").is_null()).height
    return [f"{extract}: {counted(lost, 'row')} without an area: {lookup} lacks the district."] if lost else []


def warn_of_open_ends(files: Iterable[Path]) -> list[str]:
    """Return a warning for each CSV file that may have been cut within its last field, where nobody can tell."""
    return [
        f"{path.name}: the last line has no line ending. If the file was cut, its last row is incomplete: "
        "state the number of 'rows' in the study, and it is checked."
        for path in files
        if ends_in_mid_line(path)
    ]


def _rows_of_file(frame: pl.DataFrame) -> Counter[str]:
    return Counter(dict(frame.group_by(FILE).len().iter_rows()))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 row`, `2,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
