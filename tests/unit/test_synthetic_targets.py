"""Targets as data: which keys a figure needs, how far a study may differ, which rows count."""

from datetime import date
from importlib import resources

import polars as pl
import pytest

from pipeline.errors import UserError
from synthetic_data.benchmarks.counting import MeasuredFigure, NotMeasurableError, chosen, counted, median
from synthetic_data.benchmarks.measures.by_name import MEASURES
from synthetic_data.benchmarks.observed_study import age
from synthetic_data.benchmarks.targets import read_targets, rounding, standard_errors, tolerance

TARGETS = read_targets()
NAMES = [one.name for one in TARGETS.target]
BY_NAME = {one.name: one for one in TARGETS.target}
EXAMPLE = """
[country]
residents = 1000
on = 2010-01-01
says = "an example"

[share.part]
value = 0.9
says = "an assumption"

[[group]]
title = "Population"
says = "residents"
unit = "persons"
period = "mid-2015"
geography = "England and Wales"
source = "an example"
confirmed = "yes"
measure = "residents"
given = { on = 2015-06-30 }
figures = [
    { name = "all", published = 1_200 },
    { name = "women", published = 0.51, unit = "share", given = { among = {} }, where = { sex = "F" } },
]
"""


def _read(tmp_path, text):
    path = tmp_path / "targets.toml"
    path.write_text(text, encoding="utf-8")
    return read_targets(path)


def test_there_are_more_targets_than_asked_for_each_with_source_place_and_time():
    assert len(NAMES) >= 100
    assert len(set(NAMES)) == len(NAMES)
    for one in TARGETS.target:
        assert all((one.says, one.source, one.geography, one.period, one.title)), one.name


def test_every_figure_of_a_larger_geography_names_its_share_and_the_share_its_reason():
    larger = [one for one in TARGETS.target if one.geography in {"United Kingdom", "England"}]
    assert len(larger) > 40
    for one in larger:
        assert TARGETS.share[one.scale].says
    assert {one.scale for one in TARGETS.target} - {None} == set(TARGETS.share)


def test_no_measure_is_unused():
    assert {one.measure for one in TARGETS.target} == set(MEASURES)


def test_the_survey_of_passengers_is_no_target():
    assert not [one.name for one in TARGETS.target if "assenger" in one.source]


def test_every_target_has_a_row_in_the_table_of_spread_measured_over_many_seeds():
    spread = standard_errors()
    assert set(NAMES) == set(spread["name"])
    assert spread["seeds"].max() >= 30


def test_shares_of_age_groups_add_up_and_agree_with_those_of_the_old():
    ages = [one for one in TARGETS.target if one.name.startswith("age_") and one.confirmed == "from memory"]
    assert len(ages) == 19
    assert sum(one.published for one in ages) == pytest.approx(1, abs=0.001)
    old = sum(one.published for one in ages if one.given["where"]["age"]["from"] >= 65)
    assert old == pytest.approx(BY_NAME["age_65_over"].published, abs=0.001)


def test_regions_add_up_to_the_country():
    regions = [one.published for one in TARGETS.target if one.title == "Population of regions"]
    assert len(regions) == 10
    assert sum(regions) == BY_NAME["population_2019"].published


def test_net_migration_is_that_of_its_groups_and_of_its_flows():
    figures = {name: BY_NAME[name].published for name in NAMES if "migration" in name}
    groups = sum(figures[f"net_migration_{group}"] for group in ("eu", "non_eu", "british"))
    assert groups == pytest.approx(figures["net_migration"], abs=100_000)
    assert figures["immigration"] - BY_NAME["emigration"].published == figures["net_migration"]


@pytest.mark.parametrize(
    ("published", "expected"),
    [(7_400_000, 50_000), (57_885_413, 0.5), (0.47, 0.005), (0.963, 0.0005), (-787_000, 500), (276, 0.5), (1.0, 0.5)],
)
def test_rounding_is_half_a_unit_of_the_last_digit(published, expected):
    assert rounding(published) == pytest.approx(expected)


def test_tolerance_by_hand():
    target = BY_NAME["numbers"]  # 706,000, rounded to thousands
    # at 400,000 residents the standard error of 100,000 is halved: 500 + 4 * 10,000 / 2
    assert tolerance(target, 10_000, 400_000, 10**6) == pytest.approx(20_500)
    # at 25,000 it is doubled
    assert tolerance(target, 10_000, 25_000, 10**6) == pytest.approx(80_500)


def test_a_large_study_may_differ_by_five_percent_where_many_events_are_counted():
    target = BY_NAME["numbers"]
    error = 100_000  # as many at 100,000 residents; at a million 31,623, and four of them 126,491
    assert tolerance(target, error, 1_000_000, 3_600) == pytest.approx(0.05 * 706_000)
    assert tolerance(target, error, 1_000_000, 3_599) == pytest.approx(500 + 4 * 31_622.8, rel=1e-5)
    assert tolerance(target, error, 999_999, 3_600) > 126_000
    late = BY_NAME["exits_late_2017"]  # 0.4%, published to a tenth of a percent: no tolerance can be smaller
    assert tolerance(late, 0.01, 5_000_000, 5_000) == late.rounding


def test_groups_and_figures_are_put_together(tmp_path):
    population, women = _read(tmp_path, EXAMPLE).target
    assert population.given == {"on": date(2015, 6, 30)}
    assert population.rounding == 50
    assert women.given == {"on": date(2015, 6, 30), "among": {}, "where": {"sex": "F"}}
    assert women.unit == "share"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('measure = "residents"', 'measure = "residentz"', "Did you mean 'residents'?"),
        (
            "given = { on = 2015-06-30 }",
            "given = { on = 2015-06-30, at = 2015-06-30 }",
            "unexpected keyword argument 'at'",
        ),
        ("given = { on = 2015-06-30 }", "given = {}", "missing a required argument: 'on'"),
        ('geography = "England and Wales"', 'geography = "United Kingdom"', "'scale' must name a [share]"),
        ('measure = "residents"', 'measure = "residents"\nscale = "pert"', "Did you mean 'part'?"),
        ('name = "women"', 'name = "all"', "two targets are called 'all'"),
        ('source = "an example"\n', "", "'target.0.source' is missing"),
        ('confirmed = "yes"', 'confirmed = "perhaps"', "'yes' or 'from memory'"),
        ('title = "Population"', 'title = "Population"\nwhen = "today"', "when"),
    ],
)
def test_a_mistake_in_the_file_is_reported(tmp_path, old, new, says):
    assert old in EXAMPLE
    with pytest.raises(UserError, match="targets.toml") as error:
        _read(tmp_path, EXAMPLE.replace(old, new))
    assert says in str(error.value)


PEOPLE = pl.DataFrame(
    {"sex": ["F", "F", "M", "M", "M"], "age": [3, 40, 40, 65, 90], "region": ["W", "N", "W", "W", "N"]}
)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (None, 5), ({}, 5), ({"sex": "F"}, 2), ({"sex": ["F", "M"]}, 5), ({"age": {"from": 40, "to": 65}}, 3),
        ({"age": {"from": 65}}, 2), ({"age": {"to": 3}}, 1), ({"sex": "M", "region": "W"}, 2), ({"sex": "X"}, 0),
    ],
)  # fmt: skip
def test_a_filter_keeps_values_lists_and_ranges_with_both_ends(where, rows):
    assert len(chosen(PEOPLE, where)) == rows
    assert counted(PEOPLE, where) == MeasuredFigure(rows, rows)


def test_a_share_is_among_the_rows_of_another_filter_and_rests_on_its_own():
    assert counted(PEOPLE, {"sex": "F"}, {"region": "W"}) == MeasuredFigure(1 / 3, 1)
    assert counted(PEOPLE, {"sex": "F"}, {}) == MeasuredFigure(2 / 5, 2)
    assert median(PEOPLE, "age", {"sex": "M"}) == MeasuredFigure(65.0, 3)


def test_what_cannot_be_counted_has_a_reason():
    with pytest.raises(NotMeasurableError, match="'colour'"):
        counted(PEOPLE, {"colour": "red"})
    with pytest.raises(NotMeasurableError, match="no one"):
        counted(PEOPLE, {"sex": "F"}, {"region": "S"})
    with pytest.raises(NotMeasurableError, match="no one"):
        median(PEOPLE, "age", {"region": "S"})


@pytest.mark.parametrize(
    ("birth", "expected"),
    [(date(2000, 6, 30), 19), (date(2000, 7, 1), 18), (date(2000, 6, 29), 19), (date(2019, 6, 30), 0)],
)
def test_age_in_whole_years_has_its_birthday_in_it(birth, expected):
    on = date(2019, 6, 30)
    assert pl.select(age(pl.lit(birth), on)).item() == expected


def test_the_file_of_targets_comes_with_the_package():
    assert (resources.files("synthetic_data.benchmarks") / "targets.toml").is_file()
