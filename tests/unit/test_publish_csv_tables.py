"""The published CSV tables: exact columns, plain figures, the same bytes every time."""

import csv
from datetime import date

import polars as pl
import pytest
from publish_example import write_example

from pipeline.publish.csv_tables import PUBLISHED, write_csv_tables
from pipeline.publish.funnel import funnel
from pipeline.schemas import TABLES, save
from pipeline.tables import write_table


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = write_example(tmp_path_factory.mktemp("run"))
    write_csv_tables(folder)
    return folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_columns_are_those_of_the_schema_in_their_order(tables, name):
    with (tables / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header == TABLES[name].column_names()
    assert len(rows) == pl.read_parquet(tables / f"{name}.parquet").height
    assert all(len(row) == len(header) for row in rows)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_reader_gets_the_figures_back_at_the_stated_precision(tables, name):
    written = pl.read_csv(tables / f"{name}.csv", infer_schema=False)
    table = pl.read_parquet(tables / f"{name}.parquet")
    for column, kind in table.schema.items():
        if kind.is_float():
            assert (written[column].cast(pl.Float64) - table[column]).abs().max() in (
                None,
                pytest.approx(0, abs=0.0501),
            )
        elif kind == pl.Date:
            assert written[column].str.to_date("%Y-%m-%d").to_list() == table[column].to_list()


def test_figures_are_plain_decimals_and_lines_end_with_lf(tmp_path):
    frame = pl.DataFrame(
        {
            "survey_date": [date(2017, 6, 30)],
            "coverage_class": ["everybody"],
            "members": ["[]"],
            "factor": [1.0123456789],
            "standard_error": [1e-9],
            "standard_error_sampling": [0.5],
            "standard_error_linkage": [-0.0],
            "missed": [0.1],
            "erroneous": [0.2],
            "listed": [1_234_567],
            "estimated": [1_249_813.26],
            "surveyed": [10],
            "matches": [9],
            "recall": [1.0],
            "false_link_rate": [0.0],
        }
    )
    save(frame, "coverage", tmp_path)
    write_csv_tables(tmp_path)
    text = (tmp_path / "coverage.csv").read_bytes().decode()
    assert "\r" not in text
    assert text.splitlines()[1] == (
        "2017-06-30,everybody,[],1.012346,0.000000,0.500000,0.000000,0.100000,0.200000,"
        "1234567,1249813.3,10,9,1.000000,0.000000"
    )


def test_missing_values_are_empty_and_infinite_weights_are_told(tmp_path):
    levels = pl.DataFrame(
        {"model": ["a", "a", "a"], "match_weight": [None, float("-inf"), 2.5], "by_default": [True, False, False]}
    )
    write_table(levels, tmp_path / "model_levels.parquet")
    write_csv_tables(tmp_path)
    assert (tmp_path / "model_levels.csv").read_text().splitlines()[1:] == [
        "a,,true",
        "a,-inf,false",
        "a,2.500000,false",
    ]


def test_the_same_tables_give_the_same_bytes(tables, tmp_path):
    again = write_example(tmp_path)
    written = write_csv_tables(again)
    assert {path.name for path in written} >= {f"{name}.csv" for name in PUBLISHED} | {"funnel.csv"}
    for path in written:
        assert path.read_bytes() == (tables / path.name).read_bytes()


def test_the_funnel_counts_each_step_once(tables):
    counts = dict(funnel(tables).select("step", "count").iter_rows())
    ledger = pl.read_parquet(tables / "ledger.parquet")
    assert counts["rows"] == ledger["rows_in"].sum()
    assert counts["accepted"] == ledger["accepted"].sum()
    assert counts["subjects"] == 2_400
    assert counts["people"] == 1_300
    assert counts["residents"] == 1_050
    assert (counts["immigration"], counts["emigration"]) == (40, 20)


def test_nothing_is_written_for_tables_that_a_run_has_not(tmp_path):
    assert write_csv_tables(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
