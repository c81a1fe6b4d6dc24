"""Years ending on 30 June, their quarters, cohorts and age groups."""

from datetime import date

import polars as pl
import pytest

from estimation.cells import age_group
from estimation.periods import quarter_end, quarters, year_end, year_ending, year_start


def test_a_year_runs_from_july_to_june():
    assert (year_start(2016), year_end(2016)) == (date(2015, 7, 1), date(2016, 6, 30))


def test_the_quarters_fill_the_year():
    assert quarters(2016) == [
        (date(2015, 7, 1), date(2015, 9, 30)),
        (date(2015, 10, 1), date(2015, 12, 31)),
        (date(2016, 1, 1), date(2016, 3, 31)),
        (date(2016, 4, 1), date(2016, 6, 30)),
    ]


@pytest.mark.parametrize(
    ("day", "year", "quarter"),
    [
        (date(2016, 6, 30), 2016, date(2016, 6, 30)),
        (date(2016, 7, 1), 2017, date(2016, 9, 30)),
        (date(2016, 2, 29), 2016, date(2016, 3, 31)),
        (date(2016, 12, 31), 2017, date(2016, 12, 31)),
    ],
)
def test_every_day_belongs_to_one_year_and_one_quarter(day, year, quarter):
    found = pl.DataFrame({"day": [day]}).select(y=year_ending(pl.col("day")), q=quarter_end(pl.col("day")))

    assert found.row(0) == (year, quarter)


def test_age_groups_begin_at_the_age_in_their_name():
    ages = pl.DataFrame({"age": [0, 15, 16, 24, 25, 44, 45, 64, 65, 104]})

    assert ages.select(age_group(pl.col("age"))).to_series().to_list() == [
        "0-15", "0-15", "16-24", "16-24", "25-44", "25-44", "45-64", "45-64", "65+", "65+",
    ]  # fmt: skip
