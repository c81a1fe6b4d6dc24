"""The scores of a small run against its truth: they belong to published years and add up to what was counted."""

import polars as pl
import pytest

from rules.causes import CAUSES


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
    stands_for = pl.read_parquet(demo.run / "tables" / "flow_completeness.parquet")
    limits = stands_for.group_by(measure=pl.col("direction").cast(pl.String)).agg(
        least=pl.col("migrations_per_case").min(), most=pl.col("migrations_per_case").max()
    )
    both = classes.join(counted, on=["measure", "time"]).join(limits, on="measure")
    assert both.height == classes.filter(pl.col("measure") != "population").height > 0
    ratio = pl.col("count") / pl.col("estimated")  # each group's cases stand for as many as its own ratio says
    assert both.select(ratio.is_between(pl.col("least") - 1e-6, pl.col("most") + 1e-6).all()).item()
    assert both.select((ratio - 1).abs().max()).item() < 0.02


def test_the_anatomy_adds_up_to_the_errors(demo, classes):
    """Every missed, false and misdated person has one cause, in the years and days that are published."""
    anatomy = pl.read_parquet(demo.run / "evaluation" / "anatomy.parquet")
    assert anatomy.columns == [
        "measure", "period", "kind", "stay_rule", "nationality_group", "cause", "days_off", "people",
    ]  # fmt: skip
    explained = anatomy.group_by("measure", "kind", time=pl.col("period").str.tail(10).str.to_date()).agg(
        pl.col("people").sum()
    )
    errors = classes.rename({"misses": "missed"}).unpivot(
        ["missed", "false", "misdated"], index=["measure", "time"], variable_name="kind", value_name="error"
    )
    both = errors.join(explained, on=["measure", "time", "kind"], how="full", coalesce=True)
    assert both.height == errors.height
    assert both.select((pl.col("error") - pl.col("people").fill_null(0)).abs().max()).item() < 1e-6
    assert {"missed", "false"} <= set(anatomy["kind"]) <= {"missed", "false", "misdated"}
    assert set(anatomy["cause"]) <= set(CAUSES)
    assert anatomy["nationality_group"].null_count() == 0
    years, days = anatomy["period"].str.len_chars() == 21, anatomy["period"].str.len_chars() == 10
    assert (years == (anatomy["measure"] != "population")).all()
    assert (days == (anatomy["measure"] == "population")).all()


def test_most_errors_have_a_cause(demo):
    """The causes are of use: what is left for other is a small part."""
    anatomy = pl.read_parquet(demo.run / "evaluation" / "anatomy.parquet")
    assert anatomy.filter(pl.col("cause") == "other")["people"].sum() < 0.1 * anatomy["people"].sum()


def test_people_in_a_wrong_group_are_some_of_those_found(demo, classes):
    wrong = pl.read_parquet(demo.run / "evaluation" / "wrong_nationality.parquet")
    assert (wrong["true_group"] != wrong["estimated_group"]).all()
    assert wrong.filter(pl.col("people") > pl.col("found")).is_empty()
    assert set(wrong["period"].str.tail(10).str.to_date()) <= set(classes["time"])


def test_the_published_definition_is_scored_as_the_classes_are(demo, classes):
    """By it, people are compared with the same truth: long-term stays, joined over absences of at most a year."""
    scored = pl.read_parquet(demo.run / "evaluation" / "definitions.parquet")
    of_all = scored.filter(definition="long_term", nationality_group="all").select(classes.columns)
    assert of_all.equals(classes.filter(pl.col("measure") != "population"))


def test_groups_add_up_under_every_definition(demo):
    scored = pl.read_parquet(demo.run / "evaluation" / "definitions.parquet")
    key, amounts = ["definition", "measure", "time"], ["true", "estimated", "hits", "misdated", "misses", "false"]
    of_all = scored.filter(nationality_group="all").sort(key).select(*key, *amounts)
    summed = scored.filter(pl.col("nationality_group") != "all").group_by(key).agg(pl.col(amounts).sum().round(4))
    assert summed.sort(key).equals(of_all.with_columns(pl.col(amounts[1:]).round(4)))
    assert set(scored["definition"]) == {
        "long_term",
        "first_arrival_last_departure",
        "weeks_of_activity",
        "registration",
    }
