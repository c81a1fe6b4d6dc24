"""What one source alone says of figures, by hand: lists, snapshots, activity, flags, departures and removals."""

from datetime import date

import polars as pl
import pytest

from flows.single_sources import single_sources, with_intervals_of_others, with_truth

DAY, YEAR = date(2017, 6, 30), date(2017, 6, 30)
RECORDS = [
    ("pds", 1, "registration", date(2015, 1, 1), None, None),
    ("pds", 2, "registration", date(2016, 1, 1), None, None),
    ("pds", 2, "deregistration", date(2017, 3, 1), None, None),  # gone before the day, and in the year
    ("pds", 3, "registration", date(2016, 2, 1), None, None),
    ("pds", 3, "deregistration", date(2016, 6, 30), None, None),  # in the year before
    ("pds", 3, "registration", date(2016, 12, 1), None, None),  # and back again
    ("pds", 4, "registration", date(2017, 7, 1), None, None),  # after the day
    ("pds", 5, "registration", date(2016, 7, 2), None, None),
    ("pds", 5, "death", date(2017, 5, 1), None, None),
    ("pr", 1, "registration", date(2016, 7, 31), None, None),
    ("pr", 1, "registration", date(2017, 7, 31), None, None),  # the snapshot nearest to the day
    ("pr", 2, "registration", date(2017, 7, 31), None, None),
    ("pr", 3, "registration", date(2016, 7, 31), None, None),
    ("pr", 2, "arrival", date(2016, 7, 1), None, None),  # the first day of the year
    ("activity", 1, "activity", date(2017, 4, 6), date(2018, 4, 6), 52.0),
    ("activity", 2, "activity", date(2017, 4, 6), date(2018, 4, 6), 0.0),
    ("activity", 3, "activity", date(2016, 4, 6), date(2017, 4, 6), 52.0),
    ("exit_checks", 1, "arrival", date(2016, 9, 1), None, None),
    ("exit_checks", 1, "arrival", date(2017, 1, 9), None, None),  # one person
    ("exit_checks", 1, "departure", date(2017, 7, 1), None, None),  # after the year
    ("exit_checks", 2, "departure", date(2016, 6, 30), None, None),  # before it
    ("exit_checks", 3, "departure", date(2017, 6, 30), None, None),
]
COLUMNS = ["source", "subject_id", "kind", "date", "end_date", "value"]


def test_each_source_counts_its_own_people_in_the_year_and_on_the_day():
    found = single_sources(pl.DataFrame(RECORDS, schema=COLUMNS, orient="row"), [YEAR], [DAY])
    assert {row[:2]: row[3] for row in found.rows()} == {
        ("pds", "population"): 2.0,  # 1 and 3
        ("pr", "population"): 2.0,
        ("activity", "population"): 1.0,
        ("pr", "immigration"): 1.0,
        ("exit_checks", "immigration"): 1.0,
        ("pds", "emigration"): 1.0,
        ("exit_checks", "emigration"): 1.0,
    }


def test_only_totals_of_whole_years_and_days_have_a_truth():
    sources = pl.DataFrame(
        {"source": ["pds"] * 2, "measure": ["population", "immigration"], "period": [DAY] * 2, "estimate": [9.0, 5.0]}
    )
    everybody = {"sex": "all", "age_group": "all", "nationality_group": "all"}
    flow = {"measure": "immigration", "period_end": DAY} | everybody
    flows = pl.DataFrame(
        [
            flow | {"period_start": date(2016, 7, 1), "truth": 4.0},
            flow | {"period_start": date(2017, 4, 1), "truth": 1.0},
            flow | {"period_start": date(2016, 7, 1), "truth": 2.0, "sex": "F"},
        ]
    )
    stocks = pl.DataFrame([{"measure": "population", "reference_date": DAY, "truth": 8.0} | everybody])
    assert with_truth(sources, flows, stocks)["truth"].to_list() == [8.0, 4.0]


def test_an_interval_is_as_wide_as_the_errors_of_the_other_replicates_were():
    counts = pl.DataFrame(
        {
            "replicate": [0, 1, 2, 0],
            "source": ["pds", "pds", "pds", "once"],
            "measure": ["population"] * 4,
            "period": [DAY] * 4,
            "estimate": [103.0, 96.0, 110.0, 7.0],
            "truth": [100.0, 100.0, 110.0, 7.0],
        }
    )
    found = with_intervals_of_others(counts)
    assert found["source"].to_list() == ["pds"] * 3  # one replicate has no others
    half = ((found["upper"] - found["lower"]) / 2).to_list()
    assert half == pytest.approx([1.96 * 8**0.5, 1.96 * 4.5**0.5, 1.96 * 12.5**0.5], rel=1e-3)
