"""A path is never a pattern: what is read is the file of that name, whatever signs are in the path."""

from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.tables import connect, file_literal, parquet_sql, query, read_table, scan_table, view

ODD = [
    "a[b]*'c {d}%20",
    "a[b]",
    "a?",
    "*",
    "**",
    "[!x]",
    "[a-z]",
    "a]b[",
    "[[]",
    "{a,b}",
    '"a"',
    "a\\b",
    "n=1",
    "~",
]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Folders that patterns of the odd names would fit, each with a table `t` that says which one it is."""
    for name in ("ab", "abx'c {d}%20", "ax", "a", "b", *ODD):
        folder = tmp_path / name / "tables"
        folder.mkdir(parents=True)
        with (folder / "t.parquet").open("wb") as file:
            pl.DataFrame({"in_folder": [name]}).write_parquet(file)
    return tmp_path


@pytest.mark.parametrize("name", ODD)
def test_only_the_named_file_is_read(tables: Path, name: str) -> None:
    file = tables / name / "tables" / "t.parquet"
    expected = {"in_folder": [name]}
    connection = connect(threads=1)
    view(connection, of_file=file, of_folder=file.parent)
    assert read_table(file).to_dict(as_series=False) == expected
    assert read_table(file.parent).to_dict(as_series=False) == expected
    assert scan_table(file).collect().to_dict(as_series=False) == expected
    assert query(connection, "SELECT * FROM of_file").to_dict(as_series=False) == expected
    assert query(connection, "SELECT * FROM of_folder").to_dict(as_series=False) == expected
    twice = query(connection, f"SELECT * FROM {parquet_sql([file, file])}")
    assert twice.to_dict(as_series=False) == {"in_folder": [name, name]}


def test_a_path_that_duckdb_cannot_name_is_refused() -> None:
    with pytest.raises(UserError, match="both a backslash and one of"):
        file_literal(Path("/runs/a\\b[1]/t.parquet"))
