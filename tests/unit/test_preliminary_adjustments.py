"""The adjustments of 2019: on the published figures, and on passenger surveys of simulated countries."""

import polars as pl
import pytest

from flows.bench_adjustments import adjust_surveys, errors_by_group, published_figures
from flows.progress import NullListener
from synthetic_data.benchmarks.preliminary_adjustments import published_adjustment


def test_the_published_adjustments_change_the_published_total_by_one_percent():
    applied = published_adjustment()
    assert applied.published["total"] == sum(applied.published[one] for one in ("EU", "non_EU", "British"))
    # 180 x 1.16 + 190 x 0.87 - 43 = 331.1, in thousands
    assert applied.adjusted["total"] == pytest.approx(331.1)
    assert applied.change == pytest.approx(331.1 / 327 - 1)
    assert abs(applied.change - applied.published_change) < 0.005
    assert published_figures()["change_percent"] == 1.25


def test_errors_are_those_of_both_estimates_by_group():
    table = pl.DataFrame(
        {"nationality_group": ["EU", "EU"], "truth": [10.0, 20.0], "survey": [13.0, 24.0], "adjusted": [9.0, 21.0]}
    )
    assert errors_by_group(table) == [
        {"nationality_group": "EU", "truth": 15.0, "bias_survey": 3.5, "bias_adjusted": 0.0, "rmse_survey": 3.5,
         "rmse_adjusted": 1.0}
    ]  # fmt: skip


def test_they_cut_the_error_of_a_passenger_survey_in_both_groups():
    """Twelve countries of 5,000 with two years each; the worked page has forty of 20,000."""
    figures, _, groups = adjust_surveys(12, 5_000, 3001, NullListener())
    assert figures == 12 * 2 * 2
    for row in groups:
        assert row["rmse_adjusted"] < row["rmse_survey"], row
