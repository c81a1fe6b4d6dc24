"""Figures in words: what a headline says, to which precision, and when a change is called a change."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publish_example import scores, write_example

from publication import words
from publication.row_selection import latest_total, of_published_definition, read_run_table, with_truth
from publication.words import TWO_SIDED_95

YEAR = {"period_start": date(2018, 7, 1), "period_end": date(2019, 6, 30), "measure": "net", "status": "provisional"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.4, "0"),
        (-0.4, "0"),
        (96.2, "96"),
        (184.4, "184"),
        (1234.0, "1,230"),
        (-12_345.0, "-12,300"),
        (999.6, "1,000"),
        (65_648_100.0, "65,600,000"),
        (None, "not measured"),
        (float("nan"), "not measured"),
    ],
)
def test_estimates_are_given_to_three_significant_figures_in_whole_people(value, expected):
    assert words.number(value) == expected


@given(st.floats(min_value=-1e9, max_value=1e9))
def test_rounding_is_never_coarser_than_a_half_of_the_third_figure(value):
    assert abs(words.rounded(value) - value) <= max(0.5, abs(value) * 0.005) * 1.000001


def test_a_headline_contains_estimate_interval_and_status():
    row = YEAR | {"estimate": 184.3, "lower": 96.1, "upper": 272.4}
    assert words.headline(row) == "Net migration, year ending June 2019: 184 (95% interval 96 to 272; provisional)"


def test_a_headline_gives_the_truth_where_it_is_known():
    row = YEAR | {"estimate": 12_345.0, "lower": -9_876.0, "upper": 34_567.0, "truth": 40_000.0}
    assert words.headline(row) == (
        "Net migration, year ending June 2019: 12,300 "
        "(95% interval -9,880 to 34,600; provisional; truth 40,000, outside)"
    )


def test_headlines_begin_with_the_latest_year_then_the_latest_final_one(tmp_path):
    lines = words.headlines(write_example(tmp_path, person_level=False))
    assert [line.partition(":")[0] for line in lines] == [
        "Net migration, year ending June 2019",
        "Net migration, year ending June 2017",
        "Immigration, year ending June 2019",
        "Emigration, year ending June 2019",
    ]
    assert "truth" not in "".join(lines)


def test_headlines_with_scores_say_whether_the_truth_lies_inside(tmp_path):
    tables = write_example(tmp_path, person_level=False)
    lines = words.headlines(tables, scores())
    assert all("; truth " in line for line in lines)
    key = ["period_start", "period_end", "measure", "sex", "age_group", "nationality_group"]
    row = latest_total(
        with_truth(of_published_definition(read_run_table(tables, "flows")), scores().flows, key), "net"
    )
    assert row is not None
    assert ("inside" in lines[0]) == (row["lower"] <= row["truth"] <= row["upper"])


def test_a_run_without_flows_has_no_headlines(tmp_path):
    assert words.headlines(tmp_path) == []


@pytest.mark.parametrize(
    ("difference", "expected"), [(1.01, "up from"), (0.99, "no clear change from"), (-1.01, "down from")]
)
def test_a_change_is_one_only_beyond_its_own_interval(difference, expected):
    reach = TWO_SIDED_95 * (3**2 + 4**2) ** 0.5
    before = {"estimate": 100.0, "standard_error": 3.0}
    now = {"estimate": 100.0 + difference * reach, "standard_error": 4.0}
    assert words.change(now, before) == expected


def test_small_words():
    assert words.period(date(2018, 1, 1), date(2018, 3, 31)) == "quarter ending March 2018"
    assert words.day(date(2019, 6, 30)) == "30 June 2019"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.source_name("exit_checks") == "exit checks"
    assert [words.signed(text) for text in ("12", "-12", "0", "-0.0%", "3.5%")] == [
        "+12",
        "-12",
        "0",
        "0.0%",
        "+3.5%",
    ]
