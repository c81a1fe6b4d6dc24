"""How many rows files have, and what stages of a measured machine cost at other sizes."""

import polars as pl
import pytest

from flows.plan.machine import Country, Machine, StageCost
from flows.plan.rows import rows_of_file

MACHINE = Machine(
    "by hand",
    small=Country(1_000, 500, {"ingest": StageCost(3.0, 10_000), "link": StageCost(2.0, 500)}),
    large=Country(11_000, 16_500, {"ingest": StageCost(5.0, 110_000), "link": StageCost(1.5, 400)}),
)


@pytest.mark.parametrize(("text", "rows"), [("", 0), ("a,b\n", 0), ("a,b\n1,2\n3,4\n", 2), ("a,b\n1,2\n3,4", 2)])
def test_the_lines_of_a_small_file_are_counted(tmp_path, text, rows):
    (tmp_path / "extract.csv").write_text(text)
    assert rows_of_file(tmp_path / "extract.csv") == rows


def test_the_rows_of_a_large_file_follow_from_the_length_of_some_lines(tmp_path):
    table = pl.DataFrame({"number": range(300_000)}).with_columns(text=pl.format("row {}", "number"))
    table.write_csv(tmp_path / "extract.csv")
    assert rows_of_file(tmp_path / "extract.csv") == pytest.approx(300_000, rel=0.1)
    table.write_parquet(tmp_path / "extract.parquet")
    assert rows_of_file(tmp_path / "extract.parquet") == 300_000


@pytest.mark.parametrize(
    ("rows", "seconds", "size"), [(1_000, 3.0, 10_000), (6_000, 4.0, 60_000), (21_000, 7.0, 210_000)]
)
def test_costs_lie_on_a_line_through_both_countries(rows, seconds, size):
    assert MACHINE.cpu_seconds("ingest", rows) == pytest.approx(seconds)
    assert MACHINE.bytes("ingest", rows) == pytest.approx(size)


def test_a_smaller_study_than_both_costs_no_less_than_the_small_one():
    assert MACHINE.cpu_seconds("ingest", 10) == 3.0


def test_costs_that_were_measured_to_fall_do_not_fall_below_zero_elsewhere():
    assert MACHINE.cpu_seconds("link", 1_000_000) == 1.5


def test_candidate_pairs_grow_as_a_power_of_rows_between_and_beyond_both_countries():
    assert MACHINE.candidate_pairs(1_000) == 500
    assert MACHINE.candidate_pairs(11_000) == 16_500
    assert MACHINE.candidate_pairs(3_317) == pytest.approx((500 * 16_500) ** 0.5, rel=0.001)
    assert MACHINE.candidate_pairs(121_000) == 16_500 * 33
