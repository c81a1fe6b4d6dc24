"""Calibration: curves that never fall, the rule set that they belong to, and what they change in the tables."""

import datetime as dt
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_timelines import default_rules

from pipeline.errors import UserError
from pipeline.schemas import NATIONALITY_GROUPS, FlowCompleteness
from pipeline.study import digest_of_file, read_study
from pipeline.toml_files import parse, read_toml
from rules.calibration import (
    Calibration,
    Curve,
    as_toml,
    calibrated_migrations,
    calibrated_residents,
    calibrated_stays,
    fitted_curves,
    named_calibration,
    never_falling,
    read_calibration,
)
from rules.calibration_cases import calibration_cases, score_tenths
from rules.completeness import Completeness, Season, completeness_of_flows, fitted_completeness, fitted_seasons

DAY = dt.date(2017, 6, 30)


FLOWS = pl.DataFrame(
    [
        ("immigration", "EU", False, False, 100.0, 110), ("immigration", "British", False, False, 40.0, 50),
        ("immigration", "British", True, False, 60.0, 60), ("immigration", "Irish", False, False, 4.0, 8),
        ("emigration", "EU", False, False, 100.0, 130), ("emigration", "EU", False, True, 100.0, 50),
    ],
    schema=["direction", "nationality_group", "child", "recent", "expected", "true"], orient="row",
).with_columns(quarter=pl.lit(1, pl.Int8))  # fmt: skip
"""Two runs; Irish immigration has too few cases for a ratio of its own, and emigration has them of EU nationals."""


def calibration(*curves: Curve, digest: str = "abc") -> Calibration:
    return Calibration(
        rule_set="mine", rule_set_digest=digest, definition="d", studies=("Synthetic, seed 1",), seeds=(1,),
        curve=curves, completeness=(known := fitted_completeness(FLOWS)), season=fitted_seasons(FLOWS, known),
    )  # fmt: skip


def curve(decision: str, kind: str, predicted: tuple[float, ...], actual: tuple[float, ...]) -> Curve:
    return Curve(decision=decision, kind=kind, cases=100, predicted=predicted, actual=actual)


HALVED = {
    decision: curve(decision, "weeks", (0.0, 1.0), (0.0, 0.5))
    for decision in ("immigration", "emigration", "population")
}


PEOPLE = pl.DataFrame(
    {
        "person_id": [1, 2, 3, 4], "nationality_group": ["EU", "British", "EU", "Irish"],
        "birth_month": [dt.date(1990, 1, 1), dt.date(1980, 1, 1), None, dt.date(2010, 1, 1)],
    }
)  # fmt: skip
"""The last one is a child."""


def test_neighbours_that_fall_are_pooled_by_hand() -> None:
    """0.2 and 0.4 stand; 0.6 of one case falls to 0.3 of three, and both become 0.375, which is below 0.4 of two."""
    found = never_falling(np.array([0.2, 0.4, 0.6, 0.3]), np.array([1.0, 2.0, 1.0, 3.0]))
    assert found == pytest.approx([0.2, 2.3 / 6, 2.3 / 6, 2.3 / 6])


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 50)), min_size=1, max_size=12))
def test_the_nearest_values_that_never_fall(points: list[tuple[float, int]]) -> None:
    """Against the minimax formula: the value at i is the max over a <= i of the min over b >= i of means of a..b."""
    values, weights = (np.array(one, dtype=float) for one in zip(*points, strict=True))
    found = never_falling(values, weights)

    def mean(first: int, last: int) -> float:
        return float(np.average(values[first : last + 1], weights=weights[first : last + 1]))

    count = len(values)
    slow = [max(min(mean(a, b) for b in range(i, count)) for a in range(i + 1)) for i in range(count)]
    assert found == pytest.approx(slow)


def test_a_curve_is_what_became_of_many_decisions() -> None:
    """Decisions that are right half as often as they say; certain ones in nine of ten cases."""
    rng = np.random.default_rng(1)
    stated = np.append(rng.uniform(0.01, 0.99, 40_000), np.ones(4_000))
    right = rng.random(44_000) < np.where(stated < 1, stated / 2, 0.9)
    rows = decisions("emigration", "weeks", stated, right)
    few = rows.head(29).with_columns(kind=pl.lit("registration"))
    found, *divisions = fitted_curves(pl.concat([rows, few]))
    assert [one.key for one in divisions] == [
        ("emigration", "weeks", "removed", None, None, None, None),
        ("emigration", "weeks", "removed", None, False, None, None),
        ("emigration", "weeks", "removed", None, False, False, None),
        ("emigration", "weeks", "removed", None, False, False, "EU"),
    ]  # fmt: skip
    assert (found.decision, found.kind, found.cases) == ("emigration", "weeks", 44_000)
    assert found.at(np.array([0.0, 0.3, 0.8, 1.0])) == pytest.approx([0, 0.15, 0.4, 0.9], abs=0.02)
    assert all(before <= after for before, after in pairwise(found.actual))


def decisions(
    decision: str,
    kind: str,
    stated: np.ndarray,
    right: np.ndarray,
    by: str | None = "removed",
    group: str = "EU",
    *,
    recent: bool = False,
) -> pl.DataFrame:
    return pl.DataFrame(
        {"decision": decision, "kind": kind, "child": False, "provisional": recent, "nationality_group": group,
         "probability": stated, "right": right}
    ).with_columns(dated_by=pl.lit(by, pl.String), trimmed=pl.lit(None, pl.Boolean))  # fmt: skip


def test_a_kind_is_divided_by_what_dates_it_and_by_group() -> None:
    """Of certain departures 80 of 100 happened by the end of a course (EU 72 of 80, others 8 of 20), 30 of 100 by a
    removal. Each is drawn to the wider one as by ten cases: all (110 + 10) / 210; courses (80 + 10 * 4/7) / 110; EU
    (72 + 10 * courses) / 90, after all of them twice more, since none is of a child and none is provisional. Twenty
    others are too few for a curve of their own.
    """
    one = np.ones(100)
    cases = pl.concat(
        [
            decisions("emigration", "listed", one[:80], one[:80].cumsum() <= 72, "course", "EU"),
            decisions("emigration", "listed", one[:20], one[:20].cumsum() <= 8, "course", "British"),
            decisions("emigration", "listed", one, one.cumsum() <= 30, "removed", "British"),
        ]
    )
    found = {(curve.dated_by, *curve.key[4:]): curve.actual[-1] for curve in fitted_curves(cases)}
    of_all = 120 / 210
    courses, removals = (80 + 10 * of_all) / 110, (30 + 10 * of_all) / 110
    grown_up, removed = (80 + 10 * courses) / 110, (30 + 10 * removals) / 110
    final_courses, final_removals = (80 + 10 * grown_up) / 110, (30 + 10 * removed) / 110
    assert found == pytest.approx(
        {
            (None, None, None, None): of_all, ("course", None, None, None): courses,
            ("removed", None, None, None): removals, ("course", False, None, None): grown_up,
            ("removed", False, None, None): removed, ("course", False, False, None): final_courses,
            ("course", False, False, "EU"): (72 + 10 * final_courses) / 90,
            ("removed", False, False, None): final_removals,
            ("removed", False, False, "British"): (30 + 10 * final_removals) / 110,
        },
        abs=1e-5,
    )  # fmt: skip


def test_residents_are_divided_by_whether_the_day_is_recent_and_by_group() -> None:
    """Nothing dates residence. Of those with short stays one in ten lives here, on a recent day one in two."""
    none, one = np.zeros(400), np.zeros(400).astype(bool)
    tenth, half = one.copy(), one.copy()
    tenth[:40], half[:200] = True, True
    cases = pl.concat(
        [
            decisions("population", "short", none, tenth, None),
            decisions("population", "short", none, half, None, recent=True),
        ]
    )
    found = {curve.key[2:]: curve.actual[0] for curve in fitted_curves(cases)}
    divided = [(False, *two) for two in product((None, False, True), (None, "EU")) if two != (None, "EU")]
    assert set(found) == {(None, None, *one) for one in [(None, None, None), *divided]}
    assert found[None, None, False, False, "EU"] == pytest.approx(0.1, abs=0.01)
    assert found[None, None, False, True, "EU"] == pytest.approx(0.5, abs=0.01)


def test_residents_are_divided_by_whether_they_are_on_the_trimmed_list() -> None:
    """Of listed people with signs on both sides of the day all live here, of the others one in two. 400 each."""
    one = np.ones(400)
    trimmed = decisions("population", "listed", one, one > 0, None).with_columns(trimmed=True)
    others = decisions("population", "listed", one, one.cumsum() <= 200, None).with_columns(trimmed=False)
    found = fitted_curves(pl.concat([trimmed, others]))
    residents = pl.DataFrame(
        {
            "person_id": [1, 3, 2], "reference_date": DAY, "family": "a", "published": [True, True, False],
            "decided_by": "listed", "trimmed": [True, False, True], "probability": 1.0,
        }
    )  # fmt: skip
    by_both = calibrated_residents(residents, PEOPLE, calibration(*found), DAY + dt.timedelta(366))
    assert by_both.sort("person_id")["probability"].to_list() == pytest.approx([1.0, 1.0, 0.5], abs=0.01)


def test_children_have_a_curve_of_their_own() -> None:
    """Three of ten arrivals that are registered happened; of children all did. 400 cases each."""
    one = np.ones(400)
    grown_up = decisions("immigration", "listed", one, one.cumsum() <= 120, "from_abroad", "British")
    children = decisions("immigration", "listed", one, one > 0, "from_abroad", "British").with_columns(child=True)
    found = fitted_curves(pl.concat([grown_up, children]))
    moves = pl.DataFrame(
        {
            "person_id": [2, 4, 3], "definition": "d", "date": DAY, "provisional": False, "direction": "immigration",
            "rule_id": "listed", "dated_by": "from_abroad", "probability": 1.0,
        }
    )  # fmt: skip
    calibrated = calibrated_migrations(moves, PEOPLE, calibration(*found), "d").sort("person_id")
    assert calibrated["probability"].to_list() == pytest.approx([0.3, 0.3, 1.0], abs=0.01)  # 3 has no date of birth
    grown = moves.with_columns(date=dt.date(2026, 1, 1))  # the sixteenth birthday of 4, by the month
    assert calibrated_migrations(grown, PEOPLE, calibration(*found), "d")["probability"].max() < 0.4


def test_a_division_takes_what_it_does_not_show_from_the_wider_curve() -> None:
    """Of the kind as a whole half of 0.5 and nine of ten at 1; its EU nationals have cases at 1 alone."""
    half, sure = np.full(4000, 0.5), np.ones(4000)
    cases = pl.concat(
        [
            decisions("population", "listed", half, half.cumsum() <= 1000, None, "British"),
            decisions("population", "listed", sure, sure.cumsum() <= 3600, None, "EU"),
        ]
    )
    of_all, eu = (
        next(one for one in fitted_curves(cases) if one.nationality_group == group) for group in (None, "EU")
    )
    assert eu.predicted == of_all.predicted == (0.0, 0.5, 1.0)
    assert eu.actual == pytest.approx((0.0, 0.5, 0.9), abs=1e-3)


def test_the_finest_curve_that_there_is_calibrates() -> None:
    """Final courses of EU nationals have a curve of their own, other courses one of courses, the rest that of all."""
    curves = [
        Curve(decision="emigration", kind="listed", dated_by=by, child=child, provisional=recent,
              nationality_group=group, cases=100, predicted=(0.0, 1.0), actual=(0.0, actual))
        for by, child, recent, group, actual in (
            (None, None, None, None, 0.5), ("course", None, None, None, 0.8), ("course", False, False, "EU", 0.9)
        )
    ]  # fmt: skip
    moves = pl.DataFrame(
        {
            "person_id": [1, 2, 1, 2], "definition": "d", "date": [DAY + dt.timedelta(days) for days in range(4)],
            "provisional": [False, False, False, True],
            "direction": "emigration", "rule_id": "listed", "dated_by": ["course", "course", "removed", "removed"],
            "probability": [1.0, 1.0, 1.0, 0.5],
        }
    )  # fmt: skip
    found = calibrated_migrations(moves, PEOPLE, calibration(*curves), "d").sort("date")
    assert found["probability"].to_list() == pytest.approx([0.9, 0.8, 0.5, 0.25])
    assert found.columns == moves.columns


def test_each_table_is_calibrated_by_the_kind_of_its_decisions() -> None:
    found = calibration(*HALVED.values())
    moves = pl.DataFrame(
        {
            "person_id": [1, 2, 2, 3], "definition": ["d", "d", "d", "another"], "date": [DAY] * 4,
            "direction": ["immigration", "emigration", "immigration", "immigration"],
            "rule_id": ["weeks", "weeks", "other", "weeks"], "dated_by": "seen", "probability": [1.0, 0.4, 0.4, 0.9],
        }
    )  # fmt: skip
    assert calibrated_migrations(moves, PEOPLE, found, "d")["probability"].to_list() == [0.5, 0.2, 0.4, 0.9]
    stays = pl.DataFrame(
        {
            "person_id": [1, 2, 3, 4], "definition": ["d", "d", "d", "another"], "start": DAY, "stay_rule": "weeks",
            "start_rule": "seen", "provisional": False,
            "starts_by_arrival": [True, False, True, True], "probability": [0.8, 1.0, 0.0, 0.9],
        }
    )  # fmt: skip
    assert calibrated_stays(stays, PEOPLE, found, "d")["probability"].to_list() == [0.4, 1.0, 0.0, 0.9]
    residents = pl.DataFrame(
        {
            "person_id": [1, 1, 2], "reference_date": DAY, "family": ["a", "b", "a"],
            "published": [True, False, True], "decided_by": ["weeks", "weeks", "dead"],
            "trimmed": [True, True, False], "probability": [1.0, 1.0, 0.0],
        }
    )  # fmt: skip
    assert calibrated_residents(residents, PEOPLE, found, DAY)["probability"].to_list() == [0.5, 1.0, 0.0]
    assert calibrated_migrations(moves, PEOPLE, calibration(), "d") is moves  # without curves
    assert calibrated_stays(stays, PEOPLE, calibration(), "d").equals(stays.drop("provisional"))
    assert calibrated_residents(residents, PEOPLE, calibration(), DAY) is residents


def test_a_case_stands_for_as_many_migrations_as_there_were_of_its_group_age_and_time() -> None:
    """Of immigration of British people 110 for 100: 50 for 40 of grown-ups, 60 for 60 of children, each drawn towards
    1.1 as by 100 cases, to 160 / 140 and 170 / 160. Recent ones, of whom nothing is known, have that ratio; others
    are drawn towards it as by 400 cases. Irish people are too few, and have the ratios of all groups.

    The third group of emigration has no case at all, so the ratio of all, 180 for 200, is that of children and
    grown-ups; that of recent cases of grown-ups is drawn towards it as by 400 cases, (50 + 360) / 500, that of others
    likewise, (130 + 360) / 500, and children have none.
    """
    times = (False, True)

    def found(direction: str) -> dict[tuple[str, bool, bool], float]:
        return {one.key[1:]: one.migrations_per_case for one in fitted_completeness(FLOWS) if one.key[0] == direction}

    def of_past(true: int, expected: int, of_age: float) -> float:
        return (true + 400 * of_age) / (expected + 400)

    british = {False: 160 / 140, True: 170 / 160}
    of_all = {False: (168 + 100 * 228 / 204) / 244, True: (60 + 100 * 228 / 204) / 160}
    assert found("immigration") == pytest.approx(
        {
            ("British", False, False): of_past(50, 40, british[False]), ("British", False, True): british[False],
            ("British", True, False): of_past(60, 60, british[True]), ("British", True, True): british[True],
            **{("EU", child, time): 1.1 for child, time in product(times, times)},
            **{(group, child, True): of_all[child] for group, child in product(("Irish", "non_EU"), times)},
            **{(group, False, False): of_past(168, 144, of_all[False]) for group in ("Irish", "non_EU")},
            **{(group, True, False): of_past(60, 60, of_all[True]) for group in ("Irish", "non_EU")},
        },
        abs=1e-6,
    )  # fmt: skip
    assert found("emigration") == pytest.approx(
        {
            (group, child, time): 0.9 if child else (0.98, 0.82)[time]
            for group, child, time in product(NATIONALITY_GROUPS, times, times)
        },
        abs=1e-6,
    )
    table = calibration(HALVED["emigration"]).flow_completeness(dt.date(2019, 12, 31))
    FlowCompleteness.validate(table, cast=True)
    emigration = table.filter(direction="emigration", nationality_group="EU", child=False, quarter=1)
    assert emigration.select("from_date", "migrations_per_case").rows() == [
        (dt.date.min, 0.98), (dt.date(2018, 7, 1), 0.82)
    ]  # fmt: skip
    uncalibrated = calibration().model_copy(update={"completeness": (), "season": ()})
    assert uncalibrated.flow_completeness(DAY)["migrations_per_case"].unique().to_list() == [1.0]


def test_a_quarter_gains_what_its_neighbours_lose() -> None:
    """Of EU emigrants 100 are expected in each quarter, of a completeness of 0.5; 40, 60, 50 and 50 left. By 400
    cases drawn towards 1, the ratios are (40 + 400) / 450, (60 + 400) / 450, 1 and 1. Of Irish 20 are expected in the
    first and 10 in the fourth quarter, and 28 left, which is too few: with all, 60, 50, 50 and 55 are expected, and
    54, 60, 50 and 64 left. All groups of immigration have no case, and no season.
    """
    of = {"direction": "emigration", "child": False, "recent": False}
    flows = pl.DataFrame(
        [("EU", 1, 100.0, 40), ("EU", 2, 100.0, 60), ("EU", 3, 100.0, 50), ("EU", 4, 100.0, 50),
         ("Irish", 1, 20.0, 14), ("Irish", 4, 10.0, 14)],
        schema={"nationality_group": pl.String, "quarter": pl.Int8, "expected": pl.Float64, "true": pl.Int64},
        orient="row",
    ).with_columns(**{name: pl.lit(value) for name, value in of.items()})  # fmt: skip
    half = [Completeness(**of, nationality_group=group, migrations_per_case=0.5) for group in NATIONALITY_GROUPS]
    found = {one.key: one.migrations_per_case for one in fitted_seasons(flows, half)}
    assert [found["emigration", "EU", quarter] for quarter in (1, 2, 3, 4)] == pytest.approx(
        [440 / 450, 460 / 450, 1, 1], abs=1e-6
    )
    level, expected, true = 228 / 215, np.array([60, 50, 50, 55]), np.array([54, 60, 50, 64])
    drawn = (true + 400 * level) / (expected + 400)
    drawn = drawn / ((expected * drawn).sum() / expected.sum())
    assert [found["emigration", "Irish", quarter] for quarter in (1, 2, 3, 4)] == pytest.approx(drawn, abs=1e-6)
    assert {value for key, value in found.items() if key[0] == "immigration"} == {1.0}

    spring = Season(direction="emigration", nationality_group="EU", quarter=2, migrations_per_case=1.02)
    table = completeness_of_flows(half, [spring], DAY).filter(direction="emigration", nationality_group="EU")
    grown_up = table.filter(pl.col("from_date") == dt.date.min, child=False).sort("quarter")
    assert grown_up["migrations_per_case"].to_list() == [0.5, 0.51, 0.5, 0.5]


def study(folder: Path, calibration: str) -> Path:
    path = folder / "study.toml"
    path.write_text(
        f'name = "A study"\ndata_date = 2019-12-31\n[rules]\ncalibration = "{calibration}"\n'
        '[[extract]]\nname = "pds"\nfiles = ["pds.csv"]\n'
    )
    return path


def test_a_calibration_is_read_back_and_belongs_to_one_rule_set(tmp_path: Path) -> None:
    made = calibration(HALVED["emigration"], HALVED["population"])
    (tmp_path / "made.toml").write_text(as_toml(made))
    of_study = read_study(study(tmp_path, "made.toml"))
    found, file = read_calibration(of_study, "mine", "abc", "d")
    assert found == made
    assert file == f"made.toml {digest_of_file(tmp_path / 'made.toml')}"
    with pytest.raises(
        UserError, match=r"made.toml: made with the rule set mine abc, and .*study.toml uses mine def"
    ):
        read_calibration(of_study, "mine", "def", "d")
    with pytest.raises(UserError, match=r"by the definition 'd' mean, and .*study.toml publishes 'weeks'"):
        read_calibration(of_study, "mine", "abc", "weeks")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("actual = [0.0, 0.5]", "actual = [0.5, 0.0]"), "'actual' must never fall"),
        (("actual = [0.0, 0.5]", "actual = [0.5]"), "must have as many values"),
        (("predicted = [0.0, 1.0]", "predicted = [0.0, 1.5]"), "probabilities lie between 0 and 1"),
        (("kind =", "sort ="), "unknown key 'sort'"),
        (('group = "Irish"', 'group = "EU"'), "must have four entries for each direction"),
        (("migrations_per_case = 1.1\n", "migrations_per_case = 11\n"), "migrations_per_case"),
        (("quarter = 3\n", "quarter = 4\n"), "must have an entry for each direction, nationality group and quarter"),
        (("child = false\n", ""), r"(?s)'completeness.0.child' is missing.*make it again: `sojourn evaluate"),
    ],
)
def test_mistakes_in_a_calibration(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "made.toml").write_text(as_toml(calibration(HALVED["emigration"])).replace(*change))
    with pytest.raises(UserError, match=message):
        read_calibration(read_study(study(tmp_path, "made.toml")), "mine", "abc", "d")


def test_a_study_without_a_calibration_has_none_and_an_unknown_file_is_a_mistake(tmp_path: Path) -> None:
    path = study(tmp_path, "no_such")
    with pytest.raises(UserError, match=r"unknown calibration 'no_such'"):
        read_calibration(read_study(path), "mine", "abc", "d")
    path.write_text(path.read_text().replace('[rules]\ncalibration = "no_such"\n', ""))
    found, file = read_calibration(read_study(path), "mine", "abc", "d")
    assert (found.curve, file) == ((), "uncalibrated")


def compared() -> pl.DataFrame:
    """Two migrations, one of which did not happen; one missed; two residents, one of them invented."""
    return pl.DataFrame(
        {
            "measure": ["emigration"] * 3 + ["population"] * 2,
            "time": [DAY] * 5,
            "person": [1, None, 3, 1, None],
            "person_id": [10, 20, None, 10, 20],
            "date": [DAY, DAY, None, None, None],
            "rule_id": ["weeks", "weeks", None, None, None],
            "dated_by": ["seen", "seen", None, None, None],
            "provisional": [False, True, None, None, None],
            "is_true": [True, False, True, True, False],
            "probability": [0.95, 0.92, 0.0, 1.0, 0.25],
        }
    )


def test_probabilities_by_tenths_by_hand() -> None:
    found = score_tenths(compared())
    assert found.rows() == [
        ("emigration", 0.9, 2, 0.935, 0.5, 0.42445),
        ("population", 0.2, 1, 0.25, 0.0, 0.0625),
        ("population", 0.9, 1, 1.0, 1.0, 0.0),
    ]


def test_people_who_were_given_no_probability_are_cases_too() -> None:
    """Clusters 30 and 31 are one true resident whom the run excludes, once; 40 is nobody; 10 and 20 are as above."""
    residents = pl.DataFrame(
        {
            "person_id": [10, 20, 30, 31, 40], "reference_date": [DAY] * 5,
            "decided_by": ["weeks", "weeks", "away", "away", "away"], "probability": [1.0, 0.25, 0.0, 0.0, 0.0],
            "trimmed": [True, False, False, False, False],
        }
    )  # fmt: skip
    true_person = pl.DataFrame({"person_id": [10, 30, 31], "person": [1, 3, 3]})
    truth = pl.DataFrame({"person": [1, 3], "reference_date": [DAY, DAY]})
    births = [dt.date(1980, 1, 1), dt.date(2010, 1, 1), None, None, None]
    people = pl.DataFrame(
        {
            "person_id": [10, 20, 30, 31, 40], "nationality_group": ["EU", "EU", *["British"] * 3],
            "birth_month": births,
        }
    )  # fmt: skip
    found = calibration_cases(compared(), residents, people, true_person, truth, DAY + dt.timedelta(366))
    divisions = ("dated_by", "trimmed", "child", "provisional", "nationality_group")
    assert set(found.filter(decision="emigration").select(divisions).rows()) == {
        ("seen", None, False, False, "EU"), ("seen", None, True, True, "EU")
    }  # fmt: skip
    assert set(found.filter(decision="population").select(divisions).rows()) == {
        (None, True, False, False, "EU"), (None, False, True, False, "EU"), (None, False, False, False, "British")
    }  # fmt: skip
    assert found.filter(decision="emigration").select("kind", "probability", "right").rows() == [
        ("weeks", 0.95, True), ("weeks", 0.92, False)
    ]  # fmt: skip
    assert sorted(found.filter(decision="population").select("kind", "probability", "right").rows()) == [
        ("away", 0.0, False), ("away", 0.0, False), ("away", 0.0, True), ("weeks", 0.25, False), ("weeks", 1.0, True)
    ]  # fmt: skip


def test_the_calibration_that_ships_is_of_the_rules_that_ship() -> None:
    """After any change of `long_term_2019`, `make calibration` makes it anew."""
    found = parse(Calibration, read_toml(named_calibration("long_term_2019")), "")
    rules = default_rules()
    assert (found.rule_set_digest, found.definition) == (rules.digest, rules.people.published)
    assert (len(found.studies), set(found.seeds) & set(range(1001, 2000))) == (16, set())
    assert {one.decision for one in found.curve} == {"immigration", "emigration", "population"}
