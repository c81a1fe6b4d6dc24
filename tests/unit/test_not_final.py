"""What is not decided of a year that is not final, and how it lies in the quarters."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimation.not_final import not_decided, variance_not_decided
from estimation.quarter_shares import QuarterShares, quarter_shares
from pipeline.study import ErrorsByGroup, FlowErrors

ERRORS = {"British": 0.1, "Irish": 0.0, "EU": 0.2, "non_EU": 0.0}


def year(end: int, group: str, count: float, certain: int, *, provisional: bool, measure: str = "emigration") -> dict:
    return {
        "measure": measure, "period": "year", "time": date(end, 6, 30), "nationality_group": group, "count": count,
        "certain": certain, "provisional": provisional, "variance_late": 0.0, "variance_unfinished": 0.0,
    }  # fmt: skip


def shares(rows: list[dict]) -> dict[tuple, float]:
    return {row[:3]: row[3] for row in not_decided(pl.DataFrame(rows)).select(
        "measure", pl.col("time").dt.year(), "nationality_group", "share"
    ).iter_rows()}  # fmt: skip


def test_of_what_is_certain_in_final_years_a_year_lacks_what_is_not_decided():
    """Sixty of a hundred British cases are certain in the end: with 30 of 120 certain, 1 - 0.25 / 0.6 is open."""
    rows = [
        year(2017, "British", 80, 50, provisional=False), year(2018, "British", 120, 70, provisional=False),
        year(2019, "British", 120, 30, provisional=True), year(2019, "EU", 100, 10, provisional=True),
        year(2018, "EU", 100, 90, provisional=False),
    ]  # fmt: skip

    assert shares(rows) == pytest.approx({
        ("emigration", 2019, "British"): 1 - 0.25 / 0.6, ("emigration", 2019, "EU"): 1 - 0.1 / 0.9,
    })  # fmt: skip


def test_without_a_final_year_every_case_that_is_not_certain_is_open():
    rows = [year(2018, "EU", 100, 90, provisional=True), year(2019, "EU", 100, 10, provisional=True)]

    assert shares(rows) == pytest.approx({("emigration", 2018, "EU"): 0.1, ("emigration", 2019, "EU"): 0.9})


def test_a_year_with_more_certain_cases_than_final_ones_lacks_nothing():
    rows = [year(2018, "EU", 100, 80, provisional=False), year(2019, "EU", 100, 85, provisional=True)]

    assert shares(rows) == {("emigration", 2019, "EU"): 0}


def test_its_variance_is_the_sum_over_groups():
    rows = [
        year(2018, "British", 100, 100, provisional=False), year(2019, "British", 100, 40, provisional=True),
        year(2018, "EU", 100, 100, provisional=False), year(2019, "EU", 50, 20, provisional=True),
    ]  # fmt: skip
    table = pl.DataFrame(rows)

    assert variance_not_decided(table, "emigration", date(2019, 6, 30), ERRORS) == pytest.approx(
        (100 * 0.6 * 0.1) ** 2 + (50 * 0.6 * 0.2) ** 2
    )
    assert variance_not_decided(table, "emigration", date(2018, 6, 30), ERRORS) == 0
    assert variance_not_decided(table, "immigration", date(2019, 6, 30), ERRORS) == 0


def test_quarters_have_what_is_declared_as_they_have_what_is_unfinished():
    ends = [date(2018, 9, 30), date(2018, 12, 31), date(2019, 3, 31), date(2019, 6, 30)]
    quarters = [
        year(2019, "British", 25, 0, provisional=True) | {
            "period": "quarter", "time": end, "variance_unfinished": unfinished, "variance_late": late
        }
        for end, unfinished, late in zip(ends, (0, 1, 3, 6), (0, 0, 1, 4), strict=True)
    ]  # fmt: skip
    years = [year(2018, "British", 100, 100, provisional=False), year(2019, "British", 100, 40, provisional=True)]
    errors = FlowErrors(not_final_emigrations=ErrorsByGroup(**ERRORS), misdated_emigrations=0.25, season=0.0)
    found = quarter_shares(pl.DataFrame(quarters + years), "emigration", 2019, errors)

    assert found.shares.tolist() == [0.25] * 4
    assert found.unfinished.tolist() == [0, 1, 2, 2]
    assert found.late.tolist() == [0, 0, 1, 4]
    assert found.not_known.tolist() == pytest.approx([0, 3.6, 10.8, 21.6])  # of (100 x 0.6 x 0.1)^2
    assert found.division.tolist() == pytest.approx([0.25 * 0.25 * 0.75 / 100] * 4)
    # of the year's 100 the open 46 are of quarters; a sixteenth of the other 54, and 100^2 x 0.25 x 0.25 x 0.75 / 100
    assert found.variances(100, 100).tolist() == pytest.approx([8.0625, 12.6625, 21.8625, 35.6625])


@given(
    own=st.lists(st.floats(0, 100), min_size=4, max_size=4),
    counts=st.lists(st.floats(1, 100), min_size=4, max_size=4),
    more=st.floats(0, 1_000),
)
def test_quarters_that_err_by_themselves_make_their_year_err_by_their_sum(own, counts, more):
    """A year has the variance of its open cases and `more`: each quarter its own, and a share of the rest."""
    shares = np.array(counts) / sum(counts)
    divided = QuarterShares(shares, np.zeros(4), np.array(own), np.zeros(4), np.zeros(4))
    found = divided.variances(sum(counts), sum(own) + more)

    assert found == pytest.approx(np.array(own) + shares**2 * more, abs=1e-9)
    less = divided.variances(sum(counts), sum(own) / 2)
    assert less == pytest.approx(np.array(own) / 2, abs=1e-9)
