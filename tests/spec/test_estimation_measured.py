"""Which periods are measured when a delivery has gaps, worked out by hand."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from estimation.measured_periods import measured_periods, warn_of_unmeasured, without
from pipeline.errors import UserError
from pipeline.study import Periods

D = date
PERIODS = Periods(flow_years=(2016, 2017, 2018, 2019), stock_years=(2015, 2016, 2017, 2018, 2019))
SURVEY = D(2017, 6, 30)
STUDY = Path("study.toml")


def measured(*gaps: tuple[str, date, date], read=("border", "births"), survey=SURVEY, periods=PERIODS):
    frame = pl.DataFrame(
        list(gaps), schema={"extract": pl.String, "gap_from": pl.Date, "gap_to": pl.Date}, orient="row"
    )
    return measured_periods(periods, survey, frame, read, STUDY)


def test_without_a_gap_all_periods_are_measured():
    found = measured()
    assert found.periods == PERIODS
    assert found.unmeasured.is_empty()
    assert without(PERIODS, found.unmeasured) == PERIODS


def test_a_gap_in_what_nothing_reads_prevents_nothing():
    assert measured(("benefits", D(2010, 1, 1), D(2019, 12, 31))).periods == PERIODS


@pytest.mark.parametrize(
    ("gap", "flows", "stocks"),
    [
        # a delivery that begins late: a stock needs the year before it, flows another year before they begin
        ((D(2010, 1, 1), D(2014, 6, 30)), (2016, 2017, 2018, 2019), (2015, 2016, 2017, 2018, 2019)),
        ((D(2010, 1, 1), D(2014, 8, 31)), (2016, 2017, 2018, 2019), (2015, 2016, 2017, 2018, 2019)),  # two months
        ((D(2010, 1, 1), D(2014, 9, 1)), (2017, 2018, 2019), (2016, 2017, 2018, 2019)),
        ((D(2010, 1, 1), D(2016, 6, 30)), (2018, 2019), (2017, 2018, 2019)),
        # one that ends early: a year of flows, and a stock, need the year after them
        ((D(2019, 10, 31), D(2019, 12, 31)), (2016, 2017, 2018, 2019), (2015, 2016, 2017, 2018, 2019)),
        ((D(2019, 4, 30), D(2019, 12, 31)), (2016, 2017, 2018), (2015, 2016, 2017, 2018)),
        ((D(2019, 4, 29), D(2019, 12, 31)), (2016, 2017), (2015, 2016, 2017)),
        # a hole
        ((D(2018, 7, 1), D(2018, 12, 31)), (2016, 2017), (2015, 2016, 2017)),
    ],
)
def test_the_measured_years(gap, flows, stocks):
    found = measured(("border", *gap))
    assert found.periods == Periods(flow_years=flows, stock_years=stocks)
    assert without(PERIODS, found.unmeasured) == found.periods


def test_the_latest_run_of_years_is_measured_and_the_reason_for_the_others_is_kept():
    """A hole in the first half of 2014 cuts off the year ending June 2012, which has no gap of its own."""
    periods = Periods(flow_years=tuple(range(2012, 2020)), stock_years=tuple(range(2011, 2020)))
    found = measured(("births", D(2014, 1, 1), D(2014, 6, 30)), periods=periods)
    assert found.periods.flow_years == (2016, 2017, 2018, 2019)
    flows = found.unmeasured.filter(measure="flows")
    assert flows["year"].to_list() == [2012, 2013, 2014, 2015]
    (warning,) = warn_of_unmeasured(found.unmeasured)
    assert warning == (
        "births has no rows from 2014-01-01 to 2014-06-30. Not measured: flows of the years ending June 2012, 2013, "
        "2014, 2015; stocks of 30 June 2011, 2012, 2013, 2014."
    )


def test_no_year_at_all_is_refused():
    periods = Periods(flow_years=(2018, 2019), stock_years=(2017, 2018, 2019))
    with pytest.raises(UserError, match=r"no year can be measured, because 'border' has no rows from 2017-07-01"):
        measured(("border", D(2017, 7, 1), D(2018, 3, 31)), periods=periods)


def test_a_survey_day_without_evidence_is_refused():
    with pytest.raises(
        UserError, match=r"\[coverage\]: .*2017-06-30 cannot be measured, because 'births' has no rows"
    ):
        measured(("births", D(2016, 7, 1), D(2016, 12, 31)))
