"""Weights calibrated to known totals: by hand, against R's figures and a slow loop, and in a coverage factor."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimation.coverage.calibrated_weights import Calibration, calibration_factors, described, kinds_of_people
from estimation.coverage.estimate import estimate_coverage
from estimation.coverage.linkage_error import LinkageError
from pipeline.errors import UserError
from pipeline.study import CoverageSettings, KnownTotal, KnownTotals

# Type (elementary, middle, high), students enrolled, and performance in 1999 and 2000 of the 183 schools of 15
# districts of California, published by its Department of Education; R's package survey 4.1.1 has them among its
# examples. They and the results below are facts; nothing of that package (GPL) is used.
SCHOOLS = """
    H1689,562,608 E288,554,684 E294,528,612 E143,669,710 E307,660,729 E311,673,714 E362,693,759 E263,567,585
    E583,576,625 M886,598,664 M955,619,669 H418,414,443 E574,420,467 M286,404,482 E158,365,496 M372,408,411
    E308,404,494 E358,469,493 M921,601,592 E375,464,550 M962,679,689 M954,594,598 E370,560,628 E596,608,652
    E485,565,628 E254,779,832 E465,739,777 E481,645,709 E425,716,709 E312,710,736 E360,508,561 E323,496,555
    H442,706,696 M508,641,631 E166,545,564 E525,587,602 H388,469,529 E266,423,491 E671,454,510 M343,575,547
    E466,762,814 E516,785,806 E489,682,715 E300,779,785 M728,700,720 E512,890,905 M972,591,617 E619,599,630
    E562,615,629 E358,648,696 E626,454,476 E396,750,757 E571,802,825 E715,534,595 E345,553,552 M850,827,847
    H258,696,714 H170,715,724 H210,687,687 H467,693,723 E117,601,662 E196,730,699 E205,805,807 M233,662,679
    E324,664,691 E370,609,622 E309,748,754 E414,632,655 E303,664,764 E407,758,795 E504,452,505 E371,632,638
    E374,688,733 E631,441,523 E432,480,511 E299,692,710 E500,579,657 E499,586,602 E748,431,490 E356,669,664
    E302,621,651 E594,520,603 E527,680,698 E446,493,511 E436,801,814 E381,658,669 E464,745,711 E462,502,538
    E320,655,705 E437,555,595 E295,484,551 E512,744,762 E343,473,521 E404,701,709 E504,747,780 E411,769,780
    E637,684,722 E555,806,828 E491,698,737 H1585,593,595 H1855,648,661 E385,413,502 M1015,607,614 E483,465,585
    E576,512,582 M1405,618,642 E549,515,536 E352,669,746 E564,648,667 E540,631,629 E290,637,745 E523,657,674
    E379,566,637 E391,662,696 E403,553,632 E613,593,639 E596,710,745 E520,759,789 M1573,615,656 E371,712,789
    H1908,495,517 H2181,443,478 H2106,551,582 E532,556,592 E381,518,587 E624,490,553 E704,433,516 E602,509,535
    E686,541,566 E607,469,481 E209,386,472 E643,512,559 E331,520,610 E641,549,599 E479,531,551 E535,513,554
    E561,550,561 E695,505,505 E426,494,492 E657,451,504 E300,443,487 E612,582,627 E466,440,465 E352,482,529
    E559,578,625 E363,415,436 E558,525,542 E257,526,515 M1243,427,461 M1260,499,528 M1306,479,512 M1344,479,508
    E119,650,670 E818,736,760 E118,613,652 E145,452,546 E486,659,717 E371,691,701 E377,718,748 E265,695,735
    M930,701,699 E336,668,685 E448,812,827 M1023,669,711 E387,639,677 M940,764,759 E525,668,697 E427,725,742
    E390,660,691 E358,635,700 E274,502,551 H2147,668,703 E479,644,676 E441,617,714 E476,790,842 E511,801,824
    E385,687,717 E443,785,836 M696,703,733 E332,619,719 M738,755,817 E425,676,749 E302,733,781
"""
WEIGHT = 33.846996307373
TYPES, PERFORMANCE = {"E": 4421.0, "M": 1018.0, "H": 755.0}, 3_914_069.0
"""Schools of each type in the country, and the sum of performance in 1999."""
PERFECT = LinkageError(1.0, 0.0, 0.0, 0.0)


def schools() -> tuple[np.ndarray, np.ndarray]:
    """Return membership in types (schools, types), and enrolled, performance in 1999 and 2000, (schools, 3)."""
    types = np.array([[one[0] == name for name in TYPES] for one in SCHOOLS.split()], dtype=float)
    return types, np.array([one[1:].split(",") for one in SCHOOLS.split()], dtype=float)


@pytest.mark.parametrize(
    ("method", "by_performance", "enrolled", "performance"),
    [
        ("linear", False, 3_680_892.94511905, 642.3107882116),
        ("raking", False, 3_680_892.94551038, 642.3107882116),
        ("linear", True, 3_638_487.20413188, 665.3090711658),
    ],
)
def test_estimates_of_schools_are_those_of_r(method, by_performance, enrolled, performance):
    members, figures = schools()
    totals = list(TYPES.values())
    if by_performance:
        members, totals = np.column_stack([members, figures[:, 1]]), [*totals, PERFORMANCE]
    weights = WEIGHT * calibration_factors(np.full((1, 183), WEIGHT), members, np.array(totals), method)[0]

    assert weights @ figures[:, 0] == pytest.approx(enrolled, rel=1e-9)
    assert weights @ figures[:, 2] / weights.sum() == pytest.approx(performance, rel=1e-9)


def raked_by_turns(design: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return a table scaled to the sums of its rows and of its columns in turn, until it has both."""
    table = design.copy()
    for _ in range(2_000):
        table *= (rows / table.sum(axis=1))[:, None]
        table *= columns / table.sum(axis=0)
    return table


def margins(rows: int, columns: int) -> np.ndarray:
    """Return the membership of the cells of a table in the totals of its rows and its columns."""
    return np.array([
        [*(at == row for at in range(rows)), *(at == column for at in range(columns))]
        for row in range(rows) for column in range(columns)
    ], dtype=float)  # fmt: skip


@given(
    design=st.lists(st.floats(1, 50), min_size=6, max_size=6),
    rows=st.tuples(st.floats(10, 200), st.floats(10, 200)),
    shares=st.tuples(st.floats(1, 5), st.floats(1, 5), st.floats(1, 5)),
)
def test_raking_by_newton_steps_is_scaling_by_turns(design, rows, shares):
    table = np.array(design).reshape(2, 3)
    columns = np.array(shares) / sum(shares) * sum(rows)
    factors = calibration_factors(table.reshape(1, -1), margins(2, 3), np.array([*rows, *columns]), "raking")

    slow = raked_by_turns(table, np.array(rows), columns)
    assert (factors * table.reshape(1, -1)).reshape(2, 3) == pytest.approx(slow, rel=1e-5)


def test_linear_weights_by_hand():
    """Strata of 10 and 30 by the design are known to be 20 and 15: whoever is in one counts 2, or 0.5."""
    factors = calibration_factors(np.array([[10.0, 30.0]]), np.eye(2), np.array([20.0, 15.0]), "linear")

    assert factors[0] == pytest.approx([2, 0.5])


def country(totals: KnownTotals | None, seed: int = 1) -> dict:
    """Return the row of `coverage`: of two equal strata, A is covered by 95% and B by 70%, and A answers more.

    Everybody asked in A answers, half of those asked in B; the design's weights do not know.
    """
    draw = np.random.default_rng(seed)
    at_home = np.repeat(["A", "B"], 5_000)
    on_list = draw.random(10_000) < np.where(at_home == "A", 0.95, 0.70)
    person = {"sex": pl.lit("F"), "age_group": pl.lit("25-44"), "nationality_group": pl.lit("British")}
    listed = pl.DataFrame(
        {
            "trimming_depth": 1,
            "age": 30,
            "share": [1.0] * int(on_list.sum()),
            "probability": 1.0,
            "people": 1.0,
            "people_error": 0.0,
        }
    )
    cluster = np.arange(10_000) // 20
    found = (cluster % 5 == 0) & (draw.random(10_000) < np.where(at_home == "A", 1.0, 0.5))
    surveyed = pl.DataFrame({
        "stratum": at_home, "cluster": [f"{one:04}" for one in cluster], "weight": 5.0, "age": 30, "share": 1.0,
        "known": on_list, "listed": on_list, "counted": on_list * 1.0, "trimming_depth": on_list * 1, "people": 1.0,
    }).with_columns(**person).filter(pl.Series(found))  # fmt: skip
    listed = listed.with_columns(**person)
    settings = CoverageSettings(minimum_matches=50, known_totals=totals, list_dependence=0.0)
    counted = listed.with_columns(count=pl.lit(1.0), squares=pl.lit(1.0))
    return estimate_coverage(counted, listed, surveyed, listed.height, PERFECT, settings, 1).table.row(0, named=True)


STRATA = KnownTotals(total=(KnownTotal(stratum="A", people=5_000.0), KnownTotal(stratum="B", people=5_000.0)))


@pytest.mark.parametrize("method", ["raking", "linear"])
def test_a_survey_that_is_short_of_one_stratum_is_set_right(method):
    """Without totals the share on the list is near (2 x 95 + 70) / 3 = 86.7%, with them (95 + 70) / 2 = 82.5%."""
    without = country(None)
    known = country(STRATA.model_copy(update={"method": method}))

    assert without["estimated"] == pytest.approx(8_250 / 0.867, rel=0.01)
    assert known["estimated"] == pytest.approx(10_000, rel=2.5 * known["standard_error"])
    assert known["share_missed"] == pytest.approx(0.175, abs=0.02)
    assert known["standard_error_jackknife"] == pytest.approx(known["standard_error_sampling"], rel=0.2)


def test_intervals_of_calibrated_factors_hold():
    """Of many countries: the standard error is that by which estimates differ."""
    rows = [country(STRATA, seed) for seed in range(40)]
    errors = np.array([row["factor"] * row["listed"] - 10_000 for row in rows])
    stated = np.array([row["standard_error_sampling"] * row["listed"] for row in rows])

    assert abs(errors.mean()) < 3 * errors.std() / 40**0.5
    assert np.mean(stated) == pytest.approx(errors.std(), rel=0.3)


def test_totals_of_a_whole_class_change_nothing_in_it():
    everybody = KnownTotals(total=(KnownTotal(people=123.0),))

    with_it, without = ({name: one for name, one in country(known).items() if isinstance(one, float)}
                        for known in (everybody, None))  # fmt: skip

    assert with_it == pytest.approx(without, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("totals", "says"),
    [
        ((KnownTotal(stratum="A", people=5_000.0),), "people of the survey are in no total"),
        ((*STRATA.total, KnownTotal(stratum="C", people=1.0)), "nobody of stratum C is in the survey"),
        ((*STRATA.total, KnownTotal(people=12_000.0)), "no weights of the survey add up to all totals"),
    ],
)
def test_totals_that_cannot_be_are_refused(totals, says):
    with pytest.raises(UserError, match=says):
        country(KnownTotals(total=totals))


def test_people_who_do_not_say_their_stratum_are_in_no_total_of_strata():
    surveyed = pl.DataFrame({"stratum": ["A", None], "sex": "F", "nationality_group": "EU", "age": 30, "share": 1.0})

    with pytest.raises(UserError, match="1 of 2 people of the survey are in no total"):
        kinds_of_people(surveyed, KnownTotals(total=(KnownTotal(stratum="A", people=10.0),)))


def test_linear_weights_below_zero_are_refused_and_raked_ones_are_above():
    """Of 10 in the cells of two by two, all but a few are known to be in the second row and the second column."""
    total = tuple(KnownTotal(people=people) for people in (1.0, 9.0, 1.0, 9.0))
    design = np.array([[6.0, 1.0, 1.0, 2.0]])
    linear, raking = (
        Calibration(KnownTotals(total=total, method=method), margins(2, 2), design) for method in ("linear", "raking")
    )

    with pytest.raises(UserError, match="a weight below 0"):
        linear.factors(lambda figures: figures)
    assert (raking.factors(lambda figures: figures) > 0).all()


def test_a_total_is_described_in_words():
    young = KnownTotal(people=1.0, sex="F", age_from=16, age_to=24, nationality_group="EU")

    assert described(young) == "sex F, ages 16 to 24, EU"
    assert described(KnownTotal(people=1.0, stratum="north", age_from=65)) == "stratum north, ages 65 and over"
    assert described(KnownTotal(people=1.0)) == "all people"
