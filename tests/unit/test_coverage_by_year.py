"""Factors of years from several surveys: worked by hand, and by another way, as a random walk that is observed."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimation.coverage.classes import CELLS
from estimation.coverage.factors_by_year import SurveyFactors, combine, factors_by_year, in_classes
from pipeline.schemas import NATIONALITY_GROUPS

YEARS = (2015, 2016, 2017, 2018, 2019)
PARTS = ("sampling", "linkage", "declared", "dependence")


def survey(year: int, factor: float, sampling: float, linkage: float = 0.0) -> SurveyFactors:
    """Return what a survey says of a single class."""
    return SurveyFactors(year, np.array([factor]), np.array([[sampling]]), np.array([[linkage]]))


def test_two_surveys_by_hand():
    """Errors of 2 and 1%, and a drift of 1% a year; variances in units of 0.0001, drift 1 for each year.

    2015: 4 against 1 + 2: weights 3/7 and 4/7, variance 12/7. 2016: 4 + 1 against 1 + 1: weights 2/7 and 5/7, 10/7.
    2017: 4 + 2 against 1: weights 1/7 and 6/7, 6/7; those of later years, which the drift since then adds to.
    """
    found = combine([survey(2015, 1.10, 0.0003, 0.0001), survey(2017, 1.06, 0.0001)], YEARS, np.array([0.01]))

    assert found.weight[:, 0, 0] == pytest.approx(np.array([3, 2, 1, 1, 1]) / 7)
    assert found.factor[:, 0] == pytest.approx(1.06 + 0.04 * np.array([3, 2, 1, 1, 1]) / 7)
    total = found.sampling + found.linkage + found.drift
    assert np.diag(total) == pytest.approx(np.array([12, 10, 6, 13, 20]) / 7 * 0.0001)
    # What is wrong in 2017 is wrong in 2018 too, whatever happens between.
    assert total[2, 3] == pytest.approx(total[2, 2])


def test_two_equal_surveys_without_drift_are_one_of_half_the_variance():
    one = survey(2016, 1.08, 0.0006, 0.0002)
    found = combine([one, one], YEARS, np.array([0.0]))

    assert found.factor == pytest.approx(np.full((5, 1), 1.08))
    assert found.sampling == pytest.approx(np.full((5, 5), 0.0003))
    assert found.linkage == pytest.approx(np.full((5, 5), 0.0001))
    assert not found.drift.any()


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(2015, 2019), st.floats(0.9, 1.3), st.floats(1e-5, 1e-2)),
        min_size=1, max_size=4, unique_by=lambda one: one[0],
    ),
    st.floats(0.001, 0.05),
)  # fmt: skip
def test_the_estimate_is_that_of_an_observed_random_walk(found, drift):
    """Precisions add up: of the steps between years, and of each survey in its year (Harvey 1989, chapter 3)."""
    steps = np.diff(np.eye(len(YEARS)), axis=0)
    precision, pull = steps.T @ steps / drift**2, np.zeros(len(YEARS))
    for year, factor, variance in found:
        precision[year - 2015, year - 2015] += 1 / variance
        pull[year - 2015] += factor / variance
    combined = combine([survey(*one) for one in found], YEARS, np.array([drift]))

    assert combined.factor[:, 0] == pytest.approx(np.linalg.solve(precision, pull), rel=1e-5)
    total = combined.sampling + combined.linkage + combined.drift
    assert total == pytest.approx(np.linalg.inv(precision), rel=1e-3, abs=1e-9)


def coverage(**factors: float) -> pl.DataFrame:
    """Return a table `coverage` of classes by the sexes in their name, M, F or MF."""
    return pl.DataFrame({
        "coverage_class": list(factors), "factor": list(factors.values()),
        "members": [json.dumps([list(cell) for cell in CELLS if cell[0] in name]) for name in factors],
    })  # fmt: skip


def covariance(variances: dict[str, float]) -> pl.DataFrame:
    """Return a table `coverage_covariance` of classes whose errors are independent, alike in every part."""
    pairs = [(left, right, value * (left == right)) for left, value in variances.items() for right in variances]
    frame = pl.DataFrame(pairs, schema=["class_l", "class_r", "value"], orient="row")
    return frame.select("class_l", "class_r", *(pl.col("value").alias(name) for name in PARTS))


COUNTED = pl.DataFrame({
    "sex": ["M", "F", "F"], "age_group": ["16-24"] * 3, "nationality_group": ["British", "British", "EU"],
    "count": [300.0, 75.0, 25.0],
})  # fmt: skip


def test_a_wide_class_of_another_survey_serves_each_narrow_one_with_one_error():
    found = in_classes(2015, coverage(MF=1.2), covariance({"MF": 0.0009}), coverage(M=1.0, F=1.0), COUNTED)

    assert found.factor == pytest.approx([1.2, 1.2])
    assert found.sampling == pytest.approx(np.full((2, 2), 0.0009))


def test_narrow_classes_of_another_survey_serve_a_wide_one_by_their_people():
    """300 men at 1.1 and 100 women at 1.3 make 330 + 130 residents of 400 counted."""
    narrow = covariance({"M": 0.0004, "F": 0.0016})
    found = in_classes(2015, coverage(M=1.1, F=1.3), narrow, coverage(MF=1.0), COUNTED)

    assert found.factor == pytest.approx([460 / 400], rel=1e-4)
    expected = (330 / 460) ** 2 * 0.0004 + (130 / 460) ** 2 * 0.0016
    assert found.linkage[0, 0] == pytest.approx(expected, rel=1e-3)


def test_what_all_surveys_share_does_not_shrink_and_a_class_drifts_as_its_people_do():
    """Declared errors and dependence are whole in each year and between years; women are three quarters British."""
    own, errors = coverage(M=1.1, F=1.2), covariance({"M": 0.0004, "F": 0.0004})
    surveys = [in_classes(year, own, errors, own, COUNTED) for year in (2015, 2017)]
    drift = dict.fromkeys(NATIONALITY_GROUPS, 0.0) | {"EU": 0.04}
    found = factors_by_year(own, errors, surveys, (2016, 2018), drift, COUNTED)
    row = dict.fromkeys(("class_l", "class_r"), "F")
    at = {years: found.covariance.filter(**row, year_l=years[0], year_r=years[1]).row(0, named=True)
          for years in ((2016, 2016), (2016, 2018), (2018, 2018))}  # fmt: skip

    for one in at.values():
        assert one["declared"] == one["dependence"] == pytest.approx(0.0004)
        assert one["covariance"] == pytest.approx(sum(one[name] for name in (*PARTS, "drift")))
    assert at[2016, 2016]["sampling"] == pytest.approx(0.0002, rel=1e-4)
    assert at[2016, 2016]["drift"] == pytest.approx(0.01**2 / 2, rel=1e-2)  # half a step on average from each side
    of_women = found.table.filter(coverage_class="F", year=2018).row(0, named=True)
    assert of_women["standard_error"] == pytest.approx(1.2 * at[2018, 2018]["covariance"] ** 0.5, rel=1e-4)
    assert found.table.filter(coverage_class="M")["standard_error_drift"].to_list() == pytest.approx([0, 0], abs=1e-4)
