"""The search for clear values finds every one that was planted."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from canary import find_clear

NAME, DAY, POSTCODE, NUMBER = "O'Vèrmilion", date(1904, 2, 29), "QX9 7ZK", "6182930475"
CANARIES = [NAME, DAY, POSTCODE, NUMBER]

PLANTED_COLUMNS = {
    "unchanged": [NAME],
    "within a text": [f"code '{NAME}' is not in the code list"],
    "standardised": ["OVERMILION"],
    "in small letters": ["o vermilion"],
    "a category": pl.Series([NAME], dtype=pl.Categorical),
    "in a list": [["x", NAME]],
    "in a struct in a list": [[{"a": 1, "b": NAME}]],
    "in a list in a struct": [{"a": ["y", NAME]}],
    "as bytes": [NAME.encode()],
    "a day": [DAY],
    "a day and time": [datetime(1904, 2, 29, 12, tzinfo=UTC)],
    "a day as text": ["29/02/1904"],
    "a day in a list": [[DAY]],
    "a postcode": ["qx97zk"],
    "a number as text": [NUMBER],
    "a number": [int(NUMBER)],
    "a number as decimal": [float(NUMBER)],
}
PLANTED_FILES = {
    "log": f"error: {NAME} born".encode(),
    "json": b'{"reason": "29/02/1904"}',
    "html": "<p>OVERMILION</p>".encode("utf-16"),
    "csv": b"a,b\n1,6182930475\n",
    "latin": NAME.encode("latin-1"),
}


@pytest.mark.parametrize("compression", ["zstd", "uncompressed"])
@pytest.mark.parametrize("place", PLANTED_COLUMNS)
def test_finds_what_is_planted_in_a_column(tmp_path, place, compression):
    (tmp_path / "deep").mkdir()
    frame = pl.DataFrame({"harmless": [7], "planted": PLANTED_COLUMNS[place]})
    frame.write_parquet(tmp_path / "deep" / "table.parquet", compression=compression)
    found = find_clear(tmp_path, CANARIES)
    assert found
    assert any("column planted" in line for line in found)
    assert all(line.startswith("deep/table.parquet") for line in found)


@pytest.mark.parametrize("place", PLANTED_FILES)
def test_finds_what_is_planted_in_a_file(tmp_path, place):
    (tmp_path / f"some.{place}").write_bytes(PLANTED_FILES[place])
    assert find_clear(tmp_path, CANARIES)


def test_finds_a_name_of_a_file(tmp_path):
    (tmp_path / "overmilion.txt").touch()
    assert find_clear(tmp_path, CANARIES)


def test_finds_nothing_where_nothing_is(tmp_path):
    pl.DataFrame({"token": [2**63], "day": [date(1904, 2, 28)], "list": [["x"]]}).write_parquet(
        tmp_path / "t.parquet"
    )
    (tmp_path / "run.log").write_text("all well")
    assert find_clear(tmp_path, CANARIES) == []
