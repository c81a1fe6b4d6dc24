"""The published CSV tables: exact columns, plain figures, the same bytes every time."""

import csv
from datetime import date

import polars as pl
import pytest
from publish_example import write_example

from pipeline.schemas import TABLES, save
from pipeline.tables import write_table
from publication.csv_tables import PUBLISHED, write_csv_tables
from publication.funnel import funnel


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
            read = written[column].cast(pl.Float64)
            assert read.is_null().equals(table[column].is_null())
            assert ((read - table[column]).abs().drop_nulls() <= 0.0501).all()
        elif kind == pl.Date:
            assert written[column].str.to_date("%Y-%m-%d").to_list() == table[column].to_list()


def test_figures_are_plain_decimals_and_lines_end_with_lf(tmp_path):
    stock = {
        "reference_date": date(2017, 6, 30),
        "measure": "population",
        "definition": "long_term",
        "sex": "all",
        "age_group": "65+",
        "nationality_group": "non_EU",
        "area": "all",
        "estimate": 1_249_813.26,
        "standard_error": 1e-9,
        "lower": -0.04,
        "upper": 1e15,
        "status": "not measured",
        "reliability": "ok",
        "rule_set": 'long "term", 2019',
        "data_date": date(2019, 12, 31),
    }
    save(pl.DataFrame([stock]), "stocks", tmp_path)
    write_csv_tables(tmp_path)
    text = (tmp_path / "stocks.csv").read_bytes().decode()
    assert "\r" not in text
    assert text.splitlines()[1] == (
        "2017-06-30,population,long_term,all,65+,non_EU,all,1249813.3,0.0,0.0,1000000000000000.0,"
        'not measured,ok,"long ""term"", 2019",2019-12-31'
    )


def test_rates_have_six_decimals_and_people_one(tables):
    with (tables / "coverage.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["factor"], row["standard_error"], row["estimated"]) == ("1.012000", "0.004000", "45540.0")


def test_missing_values_are_empty_and_infinite_weights_are_written(tmp_path):
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


def test_the_funnel_counts_each_step_once_and_migrations_by_their_probability(tables):
    counts = dict(funnel(tables).select("step", "number").iter_rows())
    ledger = pl.read_parquet(tables / "ledger.parquet")
    assert counts["rows"] == ledger["rows_in"].sum()
    assert counts["accepted"] == ledger["accepted"].sum()
    assert counts["subjects"] == 2_400
    assert counts["people"] == 1_300
    assert counts["residents"] == 1_050
    assert (counts["immigration"], counts["emigration"]) == (30, 20)


def test_nothing_is_written_for_missing_tables(tmp_path):
    assert write_csv_tables(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
