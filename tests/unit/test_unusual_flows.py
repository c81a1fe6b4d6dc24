"""Flows of the latest year unlike those before: by hand, and what is no reason to warn."""

from datetime import date

import polars as pl
import pytest

from estimation.unusual_flows import unusual_flows, warn_of_unusual_flows

YEARS = (2016, 2017, 2018, 2019)


def flows(*values: float | None, error: float = 10.0, measure: str = "emigration", group: str = "British"):
    return pl.DataFrame([
        {"measure": measure, "sex": "all", "age_group": "all", "nationality_group": group,
         "period_start": date(year - 1, 7, 1), "period_end": date(year, 6, 30), "estimate": value,
         "standard_error": error}
        for year, value in zip(YEARS, values, strict=False)
    ])  # fmt: skip


def is_unusual(table: pl.DataFrame) -> bool:
    return unusual_flows(table, [year for year in YEARS if date(year, 6, 30) in table["period_end"]]).height == 1


def test_a_year_with_more_than_half_as_much_again_is_named():
    """325 where other years have 140: a snapshot lacked one in fifty people."""
    (warning,) = warn_of_unusual_flows(flows(130, 140, 150, 325), YEARS)
    assert (
        "British emigration of the year ending June 2019 is 325, and 140 in the mean of the years before" in warning
    )
    assert "sojourn receive" in warning


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((140, 140, 140, 209), False),  # not half as much again
        ((140, 140, 140, 211), True),
        ((140, 140, 140, 90), True),  # 1.56 times less
        ((140, 140, 140, 95), False),
        ((140, 140, 325, 140), False),  # the year before was
        ((140, 325), True),
        ((140,), False),
        ((140, None, 140, 325), True),
        ((140, 140, 140, None), False),
    ],
)
def test_what_is_unusual_is_measured_against_the_mean_of_the_years_before(values, expected):
    assert is_unusual(flows(*values)) == expected


def test_what_chance_may_do_is_not_unusual():
    """211 less 140 is 71: four errors of the difference are 4 sqrt(4/3) of the error of a figure."""
    assert not is_unusual(flows(140, 140, 140, 211, error=15.4))
    assert is_unusual(flows(140, 140, 140, 211, error=15.3))


def test_only_whole_gross_flows_are_judged():
    table = flows(140, 140, 140, 325)
    assert not is_unusual(flows(140, 140, 140, 325, measure="net"))
    assert not is_unusual(table.with_columns(sex=pl.lit("F")))
    assert not is_unusual(table.with_columns(period_start=pl.col("period_end").dt.offset_by("-89d")))
