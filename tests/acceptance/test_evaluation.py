"""The scores of a small run against its truth: they belong to published years and add up to what was counted."""

import polars as pl
import pytest


@pytest.fixture(scope="module")
def classes(demo):
    return pl.read_parquet(demo.run / "evaluation" / "classes.parquet")


def test_every_true_case_is_found_misdated_or_missed(classes):
    parts = classes.select(pl.sum_horizontal("hits", "misdated", "misses").round(6))
    assert parts.to_series().to_list() == classes["true"].to_list()
    assert classes["true"].min() > 0


def test_published_years_and_days_are_scored_and_no_others(demo, classes):
    flows, stocks = (pl.read_parquet(demo.run / "tables" / f"{name}.parquet") for name in ("flows", "stocks"))
    yearly = flows.filter((pl.col("period_end") - pl.col("period_start")).dt.total_days() > 300)
    days = {measure: set(rows["time"]) for (measure,), rows in classes.group_by("measure")}
    assert days["immigration"] == days["emigration"] == set(yearly["period_end"])
    assert days["population"] == set(stocks["reference_date"])


def test_what_is_scored_is_what_is_counted(demo, classes):
    counts = pl.read_parquet(demo.run / "tables" / "counts.parquet").filter(pl.col("period") == "year")
    counted = counts.group_by(pl.col("measure").cast(pl.String), "time").agg(pl.col("count").sum())
    both = classes.join(counted, on=["measure", "time"])
    assert both.height == classes.filter(pl.col("measure") != "population").height > 0
    assert both.select((pl.col("estimated") - pl.col("count")).abs().max()).item() < 1e-4
