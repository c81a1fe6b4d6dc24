"""A path is never a pattern, whatever signs are in it; a table in a connection is made again only if it must be."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipeline.errors import UserError
from pipeline.tables import (
    connect,
    content_of,
    file_literal,
    make_table,
    parquet_sql,
    query,
    read_table,
    scan_table,
    spilling_into,
    view,
)

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


def made(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The stored contents of all tables: each is named after its table and what it was made from."""
    return {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def test_a_table_is_made_again_only_if_its_text_or_a_table_that_it_names_has_changed() -> None:
    connection = connect(1)
    view(connection, given=pl.DataFrame({"x": [1, 2, 3]}))

    def make(threshold: int, factor: int) -> tuple[list, set[str]]:
        make_table(connection, "above", f"SELECT x FROM given WHERE x > {threshold}")
        make_table(connection, "times", f"SELECT x * {factor} AS y FROM above")
        make_table(connection, "beside", "SELECT max(x) AS x FROM given")
        return query(connection, "SELECT y FROM times ORDER BY y")["y"].to_list(), made(connection)

    first, standing = make(1, 10)
    assert first == [20, 30]
    assert make(1, 10) == (first, standing), "nothing has changed"
    second, then = make(1, 100)
    assert second == [200, 300]
    assert {name.partition("__")[0] for name in then - standing} == {"times"}
    third, now = make(2, 100)
    assert third == [300]
    assert {name.partition("__")[0] for name in now - then} == {"above", "times"}
    view(connection, given=pl.DataFrame({"x": [5]}))
    assert make(2, 100)[0] == [500], "another input of the same name is another table"


def test_the_content_before_is_kept_and_no_older_one() -> None:
    connection = connect(1)
    for value in (1, 2, 3):
        make_table(connection, "one", f"SELECT {value} AS x")
    assert len(made(connection)) == 2
    before = made(connection)
    make_table(connection, "one", "SELECT 2 AS x")
    assert made(connection) == before, "the one before the last stands already"
    assert query(connection, "SELECT x FROM one")["x"].to_list() == [2]
    content = content_of(connection, "one")
    make_table(connection, "one", "SELECT 2 AS x")
    assert content_of(connection, "one") == content
    make_table(connection, "one", "SELECT 4 AS x")
    assert content_of(connection, "one") != content


def test_what_exceeds_memory_is_spilled_into_the_given_folder_and_removed(tmp_path, monkeypatch) -> None:
    """And never into the folder in which the command was started, where DuckDB would leave rows of people."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "stage" / ".spill"
    folder.parent.mkdir(mode=0o700)
    with spilling_into(folder):
        connection = connect(threads=1, memory="60MB")
        sorted_rows = "SELECT hash(range)::VARCHAR AS h, hash(range + 1)::VARCHAR AS g FROM range(800_000) ORDER BY h"
        connection.execute(f"CREATE TEMP TABLE t AS {sorted_rows}").fetchall()
        assert list(folder.iterdir()), "it did not spill"
        connection.close()
    assert not folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]
