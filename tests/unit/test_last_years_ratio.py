"""First estimates beside last year's ratio: a worked example of three vintages, and how both are judged."""

from datetime import date

import polars as pl
import pytest

from flows.last_years_ratio import Vintage, compared, first_estimates, known_cases

DAYS = [date(year, 12, 31) for year in (2017, 2018, 2019)]
YEARS = {year: date(year, 6, 30) for year in (2017, 2018)}


def vintage(estimates: dict[tuple[str, int], float], cases: dict[tuple[str, int], int]) -> Vintage:
    of_all = dict(estimates)
    for year in {year for _, year in estimates}:
        of_all["net", year] = estimates["immigration", year] - estimates["emigration", year]
    keys = [{"measure": measure, "period": YEARS[year]} for measure, year in of_all]
    values = list(of_all.values())
    return Vintage(
        pl.DataFrame(keys).with_columns(
            estimate=pl.Series(values), lower=pl.Series([one - 5 for one in values]),
            upper=pl.Series([one + 5 for one in values]), truth=100.0,
        ),
        pl.DataFrame({
            "measure": [measure for measure, _ in cases], "period": [YEARS[year] for _, year in cases],
            "cases": list(cases.values()),
        }),
    )  # fmt: skip


VINTAGES = {
    DAYS[0]: vintage(
        {("immigration", 2017): 90.0, ("emigration", 2017): 40.0},
        {("immigration", 2017): 50, ("emigration", 2017): 20},
    ),
    DAYS[1]: vintage(
        {("immigration", 2017): 100.0, ("emigration", 2017): 50.0,
         ("immigration", 2018): 118.0, ("emigration", 2018): 45.0},
        {("immigration", 2017): 98, ("emigration", 2017): 49, ("immigration", 2018): 60, ("emigration", 2018): 16},
    ),
    DAYS[2]: vintage(
        {("immigration", 2017): 101.0, ("emigration", 2017): 50.0,
         ("immigration", 2018): 121.0, ("emigration", 2018): 39.0},
        {("immigration", 2018): 119, ("emigration", 2018): 38},
    ),
}  # fmt: skip


def test_the_ratio_is_what_last_years_cases_of_then_became():
    """50 cases known of 2017 a year ago are 100 now, so 60 known of 2018 make 120; 20 are 50, so 16 make 40."""
    rows = {row["measure"]: row for row in first_estimates(VINTAGES).to_dicts()}
    assert {name: row["by_ratio"] for name, row in rows.items()} == {
        "immigration": 120.0, "emigration": 40.0, "net": 80.0,
    }  # fmt: skip
    assert {name: (row["estimate"], row["final"]) for name, row in rows.items()} == {
        "immigration": (118.0, 121.0), "emigration": (45.0, 39.0), "net": (73.0, 82.0),
    }  # fmt: skip


def test_revisions_are_absolute_and_intervals_hold_the_final_figure_or_not():
    first = first_estimates(VINTAGES).with_columns(scenario=pl.lit("baseline"), country=pl.lit(1))
    rows = {row["measure"]: row for row in compared(first).to_dicts()}
    assert {name: (row["revision"], row["revision_by_ratio"], row["hold_final"]) for name, row in rows.items()} == {
        "immigration": (3.0, 1.0, 1.0), "emigration": (6.0, 1.0, 0.0), "net": (9.0, 2.0, 0.0),
        "all": (6.0, pytest.approx(1.3333), pytest.approx(0.3333)),
    }  # fmt: skip
    assert {row["score_by_ratio"] for row in rows.values()} == {None}  # one country tells nothing of its own error


def test_the_interval_of_the_ratio_is_that_of_other_countries():
    """Errors of 20 and 60: the first has an interval of 1.96 x 60, the second one of 1.96 x 20 and misses by 20.8."""
    one = {"scenario": "baseline", "measure": "immigration", "period": YEARS[2018], "estimate": 100.0, "lower": 90.0,
           "upper": 110.0, "truth": 100.0, "final": 100.0}  # fmt: skip
    first = pl.DataFrame([one | {"country": 1, "by_ratio": 120.0}, one | {"country": 2, "by_ratio": 160.0}])
    row = compared(first).row(0, named=True)
    assert row["score"] == pytest.approx(0.025 * 20 / 1.5, abs=1e-4)
    scores = [(0.025 * 2 * 1.96 * 60 + 20 / 2) / 1.5, (0.025 * 2 * 1.96 * 20 + 60 / 2 + 60 - 1.96 * 20) / 1.5]
    assert row["score_by_ratio"] == pytest.approx(sum(scores) / 2, abs=1e-3)


def test_known_cases_are_those_found_by_the_data_date_decided_or_not():
    counts = pl.DataFrame({
        "measure": ["immigration", "immigration", "population", "immigration"],
        "period": ["year", "year", "day", "quarter"], "time": [YEARS[2018]] * 4, "count": [9.9] * 4,
        "certain": [3, 2, 50, 1], "unfinished": [4, 0, 5, 1],
    })  # fmt: skip
    assert known_cases(counts).to_dicts() == [{"measure": "immigration", "period": YEARS[2018], "cases": 9}]
