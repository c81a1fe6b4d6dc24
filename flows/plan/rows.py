"""How many rows the files of a study have: as it states, as Parquet says, or from the length of the first lines."""

from pathlib import Path

import pyarrow.parquet as pq

from pipeline.study import ExtractFiles, Study

SAMPLE = 1 << 20
"""Bytes of a CSV file that are looked at."""


def expected_rows(study: Study) -> dict[str, int]:
    """Return the rows of each extract of a study, those of all its files together."""
    return {one.name: _rows_of(study, one) for one in study.extract}


def _rows_of(study: Study, extract: ExtractFiles) -> int:
    if extract.rows is not None:
        return extract.rows
    return sum(rows_of_file(path) for path in study.files_of(extract.name))


def rows_of_file(path: Path) -> int:
    """Return the rows of a file: exactly for Parquet and small CSV files, by the mean length of lines for others."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    if sample[:4] == b"PAR1":
        return pq.read_metadata(path).num_rows
    lines = sample.count(b"\n")
    if len(sample) < SAMPLE:
        return max(lines + (not sample.endswith(b"\n")) - 1, 0)
    return round(path.stat().st_size / (len(sample) / max(lines, 1))) - 1
