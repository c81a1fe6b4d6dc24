"""The trimming curve: which depth is enough, how deep classes go, and how certain its steps are."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from estimation.coverage.estimate import estimate_coverage
from estimation.coverage.linkage_error import LinkageError
from estimation.coverage.trimming_curve import depth_that_is_enough
from pipeline.study import CoverageSettings

PERFECT = LinkageError(1.0, 0.0, 0.0, 0.0)
PLACE = (pl.lit("F").alias("sex"), pl.lit("25-44").alias("age_group"))
RESIDENTS, ANSWERING = 4_000, 0.8
ON_LISTS = (0.9, 0.8, 0.4, 0.2)
"""The share of residents on the list of each depth."""


def steps(*of_each: tuple[float, float]) -> pl.DataFrame:
    rows = [(0, None, None), *((depth, *one) for depth, one in enumerate(of_each, 1))]
    schema = {"depth": pl.Int32, "difference": pl.Float64, "difference_standard_error": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("of_each", "enough"),
    [
        (((-50.0, 10.0), (-9.0, 10.0), (-80.0, 10.0)), 1),
        (((-50.0, 10.0), (-11.0, 10.0), (8.0, 10.0)), 2),
        (((-50.0, 10.0), (40.0, 10.0), (-30.0, 10.0)), 1),
        (((-50.0, 10.0), (-40.0, 10.0), (-30.0, 10.0)), 3),
        (((5.0, 10.0), (-40.0, 10.0), (-30.0, 10.0)), 0),
        (((-50.0, 10.0), (0.0, 0.0), (0.0, 0.0)), 1),
    ],
)
def test_the_first_depth_whose_next_step_is_no_fall_beyond_its_standard_error_is_enough(of_each, enough):
    assert depth_that_is_enough(steps(*of_each)) == enough


def one_survey(
    seed: int, wrong: int, asked: float = 1.0, group: str = "British"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the list, with `wrong` people of depth 0 who have left, and the survey of a share of all postcodes."""
    draw = np.random.default_rng(seed)
    depth = np.searchsorted(-np.array(ON_LISTS), -draw.random(RESIDENTS)) - 1
    on_list = depth >= 0
    of_list = np.concatenate([depth[on_list], np.zeros(wrong, dtype=int)])
    listed = pl.DataFrame(
        {
            "trimming_depth": of_list,
            "age": 30,
            "share": 1.0,
            "probability": 1.0,
            "people": 1.0,
            "people_error": 0.0,
            "nationality_group": group,
        }
    ).with_columns(*PLACE)
    cluster = np.arange(RESIDENTS) // 10
    sampled = np.isin(cluster, draw.choice(RESIDENTS // 10, round(asked * RESIDENTS / 10), replace=False))
    found = sampled & (draw.random(RESIDENTS) < ANSWERING)
    surveyed = pl.DataFrame({
        "stratum": "A", "cluster": cluster.astype(str), "weight": 1 / asked, "age": 30, "share": 1.0,
        "nationality_group": group, "known": on_list, "listed": on_list, "counted": on_list * 1.0,
        "trimming_depth": np.maximum(depth, 0), "people": 1.0,
    }).with_columns(*PLACE).filter(pl.Series(found))  # fmt: skip
    return listed, surveyed


def curve_of(listed: pl.DataFrame, surveyed: pl.DataFrame, depth: int = 1, **settings: int) -> pl.DataFrame:
    options = CoverageSettings(**{"minimum_matches": 50, "replicates": 100, **settings})
    counted = listed.with_columns(count=pl.lit(1.0), squares=pl.lit(1.0))
    return estimate_coverage(counted, listed, surveyed, listed.height, PERFECT, options, 1, depth).curve


def total(curve: pl.DataFrame) -> dict[str, np.ndarray]:
    of_all = curve.filter(pl.col("nationality_group") == "all").sort("depth")
    return {name: of_all[name].to_numpy() for name in of_all.columns}


def test_wrong_people_make_the_curve_fall_until_they_are_trimmed_off():
    """400 of 4,000 listed have left: N is a ninth too high by the full list, and right by every other."""
    curve = total(curve_of(*one_survey(1, wrong=400)))

    assert curve["listed"][0] == pytest.approx(4_000, abs=80)
    assert curve["listed"][1:] == pytest.approx(np.array(ON_LISTS[1:]) * RESIDENTS, abs=100)
    assert curve["estimated"][0] / RESIDENTS == pytest.approx(1 + 0.1 / 0.9, abs=0.015)
    assert curve["estimated"][1:] / RESIDENTS == pytest.approx(1, abs=0.03)
    assert curve["difference"][1] == pytest.approx(curve["estimated"][1] - curve["estimated"][0])
    assert curve["difference"][1] < -5 * curve["difference_standard_error"][1]
    assert curve["chosen"].sum() == curve["used"].sum() == 1
    assert curve["used"].tolist() == [False, True, False, False]
    assert not curve["chosen"][0]


@pytest.mark.parametrize("asked", [1.0, 0.25])
def test_steps_between_lists_of_residents_alone_are_as_large_as_their_standard_errors(asked):
    """Over 60 surveys: of a whole country, where only who answers is left to chance, and of a quarter of it."""
    z = []
    for seed in range(60):
        curve = total(curve_of(*one_survey(seed, wrong=0, asked=asked)))
        z.append(curve["difference"][1:] / curve["difference_standard_error"][1:])
    spread = np.std(z, axis=0)

    assert (np.abs(np.mean(z, axis=0)) < 0.45).all()
    assert ((spread > 0.75) & (spread < 1.3)).all()


def test_a_class_without_enough_matches_stays_at_the_depth_before():
    """With 1,000 matches needed, of which depth 2 has some 1,280 and depth 3 some 640, none goes to 3."""
    curve = total(curve_of(*one_survey(2, wrong=0), minimum_matches=1_000))

    assert curve["listed"][3] == curve["listed"][2] < curve["listed"][1]
    assert (curve["difference"][3], curve["difference_standard_error"][3]) == (0, 0)


def test_groups_add_up_to_all():
    lists = [one_survey(seed, wrong=10, group=group) for seed, group in ((3, "British"), (4, "EU"))]
    curve = curve_of(*(pl.concat(one) for one in zip(*lists, strict=True)))
    sums = curve.group_by("depth", pl.col("nationality_group") == "all").agg(pl.col("listed", "estimated").sum())

    for _, both in sums.group_by("depth"):
        assert both["listed"][0] == both["listed"][1]
        assert both["estimated"][0] == pytest.approx(both["estimated"][1])


def test_the_factors_are_those_of_the_depth_used():
    listed, surveyed = one_survey(5, wrong=200)
    options = CoverageSettings(minimum_matches=50, replicates=20, reference_date=date(2015, 6, 30))
    for depth in range(4):
        found = estimate_coverage(
            listed.with_columns(count=pl.lit(1.0), squares=pl.lit(1.0)),
            listed,
            surveyed,
            listed.height,
            PERFECT,
            options,
            1,
            depth,
        )
        curve = total(found.curve)
        assert curve["used"].tolist() == [one == depth for one in range(4)]
        assert found.table["estimated"].sum() == pytest.approx(curve["estimated"][depth])
        assert found.table["matches"].sum() == curve["matches"][depth]
        assert found.curve["survey_date"].unique().to_list() == [date(2015, 6, 30)]
