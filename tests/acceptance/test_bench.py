"""A benchmark prints one object with its ratios; how fast it is is not tested."""

import json
import math
from datetime import date, timedelta

import polars as pl
import pytest

from flows import bench_sweep
from flows.bench import BENCHMARKS, scale
from flows.bench_stays import write_crossings
from flows.bench_sweep import SIGNS, THRESHOLDS
from flows.faker_loop import faker_loop, new_faker
from flows.progress import NullListener
from pipeline.tables import read_table


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "scale"])
def test_a_benchmark_prints_one_object(name, command):
    outcome = command("bench", name, "--size", 2_000, "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert set(found) == {"name", "rows", "seconds", "peak_mib", "ratios", "figures", "scores"}
    assert found["name"] == name
    assert found["rows"] > 0
    assert all(ratio > 0 for ratio in found["ratios"].values())


def test_a_country_is_compared_with_one_of_ten_times_the_residents():
    rows, seconds, ratios = scale(residents=500)
    assert rows > 500
    assert seconds > 0
    assert set(ratios) == {"ten_times_the_residents"}


def test_accounts_of_one_area_and_of_many_are_timed(command):
    outcome = command("bench", "account", "--size", "3", "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["rows"] == 10_302
    assert found["seconds"] > 0
    assert found["ratios"]["one_dense_system"] > 0
    assert {"one_area_em", "one_area_reading", "2_areas_em", "3_areas_given_scales"} <= set(found["figures"])


def test_accounts_with_known_truth_are_estimated(command):
    outcome = command("bench", "account_cover", "--replicates", "1", "--seed", "7", "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["rows"] == 5  # with shared biases, without, and three broken sources
    assert found["figures"]["rmse_account"] < found["figures"]["rmse_stock_only"]


def test_first_estimates_are_compared_with_last_years_ratio(command):
    outcome = command("bench", "nowcast", "--size", "1000", "--replicates", "1", "--kind", "visa_surge", "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["rows"] == 6  # three measures of two years
    assert [row["measure"] for row in found["scores"]] == ["emigration", "immigration", "net", "all"]
    assert found["scores"][0]["estimates"] == 2
    assert found["scores"][-1]["revision"] < 20
    assert 0 <= found["figures"]["first_intervals_of_quarterly_emigration_that_hold_the_truth"] <= 1
    assert command("bench", "nowcast", "--kind", "visa_serge").status == 2


def test_crossings_are_compared_with_the_floor_and_with_a_plain_loop(command):
    outcome = command("bench", "stays", "--size", "20000", "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["rows"] == 20_000
    assert found["ratios"]["plain_python_loop"] > 1
    assert found["figures"]["times_the_floor"] > 0
    assert found["figures"]["ten_times_the_rows"] > 0
    assert found["figures"]["peak_mib_of_the_verb"] > 10


def test_lives_are_drawn_and_the_model_finds_them(command):
    outcome = command("bench", "hidden_state", "--size", "5000", "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["rows"] == 5_000
    assert found["ratios"]["plain_loop_over_people"] > 1
    assert found["figures"]["classes_found"] == 3
    assert found["figures"]["largest_error_of_a_stock"] < 0.05


def test_crossings_to_compare_are_in_order_and_differ(tmp_path):
    write_crossings(600_000, tmp_path / "crossings.parquet")
    crossings = read_table(tmp_path / "crossings.parquet")
    assert crossings.height == 600_000
    assert crossings["person_id"].is_sorted()
    assert crossings["person_id"].n_unique() > 100_000
    days = crossings.select(pl.col("date").diff().over("person_id").drop_nulls())
    assert (days["date"] >= timedelta(0)).all()
    assert 0.4 < crossings["is_arrival"].mean() < 0.6


def test_the_faker_loop_makes_the_columns_of_an_extract():
    extract = pl.DataFrame(
        {
            "NHS_NO": [f"{number:010}" for number in range(400)],
            "SURNAME": ["Okafor"] * 400,
            "DOB": [date(1980, 1, 1)] * 400,
            "SEX": ["1", None] * 200,
            "FLAG4": [True] * 400,
            "WEEKS": list(range(400)),
            "ACCEPT_DATE": [date(2015, 1, 1)] * 400,
            "REASON": pl.Series([None] * 400, dtype=pl.String),
        }
    )
    made = faker_loop(new_faker(), extract)(50)
    assert made.columns == extract.columns
    assert made.height == 50
    assert made["NHS_NO"].str.contains(r"^\d{10}$").all()
    assert set(made["SEX"]) == {"1"}
    assert made["WEEKS"].is_between(0, 399).all()
    assert made["ACCEPT_DATE"].is_between(date(2010, 1, 1), date(2019, 12, 31)).all()
    assert made["REASON"].null_count() == 50


def test_variants_of_a_definition_are_compared_with_one_read_and_the_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_sweep, "CROSSINGS", 20_000)
    monkeypatch.setattr(bench_sweep, "PASSES", 1)
    ours, floor = bench_sweep._days_in_window(tmp_path / "crossings.parquet", NullListener())
    assert min(*ours, *floor) > 0


def test_the_benchmark_varies_rules_fifty_times():
    signs, thresholds = ([len(values) for values in grid.values()] for grid in (SIGNS, THRESHOLDS))
    assert math.prod(signs) == math.prod(thresholds) == bench_sweep.VARIANTS == 50
