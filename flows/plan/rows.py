"""How many rows the files of a study have: as it states, as Parquet says, or from the length of some lines."""

from pathlib import Path

import pyarrow.parquet as pq

from pipeline.study import ExtractFiles, Study

SAMPLE, PLACES = 1 << 18, 5
"""Bytes of a large CSV file that are looked at, in so many places from its beginning to its end."""
PARQUET = b"PAR1"


def expected_rows(study: Study) -> dict[str, int]:
    """Return the rows of each extract of a study, those of all its files together."""
    return {one.name: _rows_of(study, one) for one in study.extract}


def _rows_of(study: Study, extract: ExtractFiles) -> int:
    if extract.rows is not None:
        return extract.rows
    return sum(rows_of_file(path) for path in study.files_of(extract.name))


def rows_of_file(path: Path) -> int:
    """Return the rows of a file: exactly for Parquet and small CSV files, by the mean length of lines for others."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(len(PARQUET)) == PARQUET:
            return pq.read_metadata(path).num_rows
        if size <= PLACES * SAMPLE:
            file.seek(0)
            content = file.read()
            return max(content.count(b"\n") + (not content.endswith(b"\n")) - 1, 0)
        lines = 0
        for place in range(PLACES):
            file.seek(place * (size - SAMPLE) // (PLACES - 1))
            lines += file.read(SAMPLE).count(b"\n")
    return round(size * lines / (PLACES * SAMPLE)) - 1
