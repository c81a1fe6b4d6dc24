"""The jackknife of clusters: worked cases, a figure of R's package survey, and the bootstrap of a made-up survey."""

import numpy as np
import polars as pl
import pytest

from estimation.coverage.estimate import estimate_coverage
from estimation.coverage.jackknife import jackknife_covariance, without_each_cluster
from estimation.coverage.linkage_error import LinkageError
from estimation.coverage.lists import Lists
from pipeline.study import CoverageSettings

# Students tested and enrolled at the schools of 15 of 757 districts of California in 2000, added up by district:
# published figures of the California Department of Education, which R's package survey 4.1.1 has among its examples.
# The totals and the standard error below are facts; nothing of that package (GPL) is used.
TESTED = [6047, 12618, 1461, 5935, 7573, 610, 199, 1184, 6431, 12292, 1877, 4895, 22452, 532, 1373]
ENROLLED = [6777, 15038, 1668, 6958, 9025, 683, 274, 1436, 7375, 14968, 2180, 6081, 25814, 680, 1641]


def one_person_each(strata: str) -> pl.DataFrame:
    """Return a survey of one cluster a letter, which is its stratum."""
    return pl.DataFrame({"stratum": list(strata), "cluster": [f"{at:03}" for at in range(len(strata))]})


def lists(surveyed: list[float], matched: list[float]) -> Lists:
    """Return the sums by cluster of one class."""
    total, found = (np.array(one, dtype=float)[:, None, None] for one in (surveyed, matched))
    none = np.zeros(1)
    return Lists(none, none, total, found, found, found, found, none, none, none, none, none + 1)


def standard_error(strata: str, surveyed: list[float], matched: list[float]) -> tuple[float, np.ndarray]:
    """Return the jackknife's standard error of the share matched, and its replicates."""
    clusters = one_person_each(strata)
    left = without_each_cluster(lists(surveyed, matched), clusters)
    shares = left.matched / left.surveyed
    return float(jackknife_covariance(shares, clusters)[0, 0] ** 0.5), shares[:, 0]


def test_a_ratio_of_totals_has_the_error_that_r_gives_it():
    """JK1 of svyratio in R gives 0.0095170851756, of which 1 - 15/757 is left of a country of 757 clusters."""
    error, _ = standard_error("A" * 15, ENROLLED, TESTED)

    assert sum(TESTED) / sum(ENROLLED) == pytest.approx(0.84970874172, abs=1e-11)
    assert error * (1 - 15 / 757) ** 0.5 == pytest.approx(0.0095170851756, abs=1e-12)


def test_the_clusters_left_of_a_stratum_stand_for_the_one_left_out():
    """Of 10, 20, 30 in stratum A and 5, 7 in B: without the first 3/2 x 50, and 12 of B as before."""
    left = without_each_cluster(lists([10, 20, 30, 5, 7], [0, 0, 0, 0, 0]), one_person_each("AAABB"))

    assert left.surveyed[:, 0] == pytest.approx([87, 72, 57, 74, 70])


def test_the_variance_of_a_total_is_that_of_the_textbook_by_stratum():
    """n s^2 of each stratum: for 10, 20, 30 it is 3 x 100, for 5 and 7 it is 2 x 2."""
    clusters = one_person_each("AAABB")
    totals = without_each_cluster(lists([10, 20, 30, 5, 7], [0, 0, 0, 0, 0]), clusters).surveyed

    assert jackknife_covariance(totals, clusters)[0, 0] == pytest.approx(304)


def test_the_variance_of_a_ratio_is_nearly_that_of_its_linear_form():
    """For y / x of n clusters: n / (n - 1) x sum of (y - r x)^2 / X^2 (Cochran 1977, section 6.4)."""
    draw = np.random.default_rng(3)
    surveyed = draw.uniform(10, 20, 400)
    matched = surveyed * draw.uniform(0.8, 1.0, 400)
    error, _ = standard_error("A" * 400, list(surveyed), list(matched))
    residual = matched - surveyed * matched.sum() / surveyed.sum()

    assert error == pytest.approx((400 / 399 * np.sum(residual**2)) ** 0.5 / surveyed.sum(), rel=2e-3)


def test_a_stratum_of_one_cluster_is_taken_with_its_neighbour():
    together, apart = (standard_error(one, [10, 20, 30, 50], [9, 15, 28, 40]) for one in ("ABBB", "AAAA"))

    assert together[0] == apart[0]


def test_a_survey_of_one_cluster_shows_no_error():
    error, shares = standard_error("A", [10], [9])

    assert error == 0
    assert shares.tolist() == [0.9]


def test_it_agrees_with_the_bootstrap_of_a_simulated_survey():
    """Ten people in each of 300 clusters, which differ in how many of theirs are on the list."""
    draw = np.random.default_rng(11)
    on_list = np.repeat(draw.beta(18, 3, 300), 10)
    found = draw.random(3_000) < on_list
    surveyed = pl.DataFrame({
        "stratum": np.repeat(["A", "B", "C"], 1_000), "cluster": np.repeat([f"{at:03}" for at in range(300)], 10),
        "weight": np.repeat([1.0, 2.0, 3.0], 1_000), "age": 30, "share": 1.0,
        "known": found, "listed": found, "counted": found.astype(float),
        "trimming_depth": found.astype(int), "people": 1.0,
    }).with_columns(*PLACE)  # fmt: skip
    listed = pl.DataFrame(
        {
            "trimming_depth": [1] * 9_000,
            "age": 30,
            "share": 1.0,
            "probability": 1.0,
            "people": 1.0,
            "people_error": 0.0,
        }
    ).with_columns(*PLACE)
    settings = CoverageSettings(minimum_matches=50, replicates=2_000)
    row = estimate_coverage(
        listed.with_columns(count=pl.lit(1.0), squares=pl.lit(1.0)),
        listed,
        surveyed,
        9_000,
        LinkageError(1.0, 0.0, 0.0, 0.0),
        settings,
        1,
    ).table.row(0, named=True)

    assert row["standard_error_jackknife"] == pytest.approx(row["standard_error_sampling"], rel=0.05)
    assert row["standard_error_jackknife"] != row["standard_error_sampling"]


PLACE = (pl.lit("F").alias("sex"), pl.lit("25-44").alias("age_group"), pl.lit("British").alias("nationality_group"))
