"""Calibration: curves that never fall, the rule set that they belong to, and what they change in the tables."""

import datetime as dt
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_timelines import default_rules

from pipeline.errors import UserError
from pipeline.schemas import FlowCompleteness
from pipeline.study import digest_of_file, read_study
from pipeline.toml_files import parse, read_toml
from rules.calibration import (
    Calibration,
    Curve,
    as_toml,
    calibrated_migrations,
    calibrated_residents,
    calibrated_stays,
    fitted_completeness,
    fitted_curves,
    named_calibration,
    never_falling,
    read_calibration,
)
from rules.calibration_cases import calibration_cases, score_tenths

DAY = dt.date(2017, 6, 30)


FLOWS = pl.DataFrame(
    [
        ("immigration", "EU", 100.0, 110), ("immigration", "British", 40.0, 50), ("immigration", "British", 60.0, 60),
        ("immigration", "Irish", 4.0, 8), ("emigration", "EU", 100.0, 90),
    ],
    schema=["direction", "nationality_group", "expected", "true"], orient="row",
)  # fmt: skip
"""Two runs; Irish immigration has too few cases for a ratio of its own, and emigration has them of EU nationals."""


def calibration(*curves: Curve, digest: str = "abc") -> Calibration:
    return Calibration(
        rule_set="mine", rule_set_digest=digest, definition="d", studies=("Synthetic, seed 1",), seeds=(1,),
        curve=curves, completeness=fitted_completeness(FLOWS),
    )  # fmt: skip


def curve(decision: str, kind: str, predicted: tuple[float, ...], actual: tuple[float, ...]) -> Curve:
    return Curve(decision=decision, kind=kind, cases=100, predicted=predicted, actual=actual)


HALVED = {
    decision: curve(decision, "weeks", (0.0, 1.0), (0.0, 0.5))
    for decision in ("immigration", "emigration", "population")
}


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
    rows = pl.DataFrame({"decision": "emigration", "kind": "weeks", "probability": stated, "right": right})
    few = rows.head(29).with_columns(kind=pl.lit("registration"))
    (found,) = fitted_curves(pl.concat([rows, few]))
    assert (found.decision, found.kind, found.cases) == ("emigration", "weeks", 44_000)
    assert found.at(np.array([0.0, 0.3, 0.8, 1.0])) == pytest.approx([0, 0.15, 0.4, 0.9], abs=0.02)
    assert all(before <= after for before, after in pairwise(found.actual))


def test_each_table_is_calibrated_by_the_kind_of_its_decisions() -> None:
    found = calibration(*HALVED.values())
    moves = pl.DataFrame(
        {
            "person_id": [1, 2, 2, 3], "definition": ["d", "d", "d", "another"], "date": [DAY] * 4,
            "direction": ["immigration", "emigration", "immigration", "immigration"],
            "rule_id": ["weeks", "weeks", "other", "weeks"], "probability": [1.0, 0.4, 0.4, 0.9],
        }
    )  # fmt: skip
    assert calibrated_migrations(moves, found, "d")["probability"].to_list() == [0.5, 0.2, 0.4, 0.9]
    stays = pl.DataFrame(
        {
            "person_id": [1, 2, 3, 4], "definition": ["d", "d", "d", "another"], "start": DAY, "stay_rule": "weeks",
            "starts_by_arrival": [True, False, True, True], "probability": [0.8, 1.0, 0.0, 0.9],
        }
    )  # fmt: skip
    assert calibrated_stays(stays, found, "d")["probability"].to_list() == [0.4, 1.0, 0.0, 0.9]
    residents = pl.DataFrame(
        {
            "person_id": [1, 1, 2], "reference_date": DAY, "family": ["a", "b", "a"],
            "published": [True, False, True], "decided_by": ["weeks", "weeks", "dead"],
            "probability": [1.0, 1.0, 0.0],
        }
    )  # fmt: skip
    assert calibrated_residents(residents, found)["probability"].to_list() == [0.5, 1.0, 0.0]
    assert calibrated_migrations(moves, calibration(), "d") is moves  # without curves
    assert calibrated_stays(stays, calibration(), "d") is stays
    assert calibrated_residents(residents, calibration()) is residents


def test_a_case_stands_for_as_many_migrations_as_there_were_of_its_group() -> None:
    """Of all immigration 228 for 204; the third group of emigration has no case at all, so the ratio of all."""
    found = {(one.direction, one.nationality_group): one.migrations_per_case for one in fitted_completeness(FLOWS)}
    assert found == pytest.approx(
        {
            ("immigration", "EU"): 1.1, ("immigration", "British"): 1.1,
            ("immigration", "Irish"): 228 / 204, ("immigration", "non_EU"): 228 / 204,
            ("emigration", "EU"): 0.9, ("emigration", "British"): 0.9, ("emigration", "Irish"): 0.9,
            ("emigration", "non_EU"): 0.9,
        }, abs=1e-6,
    )  # fmt: skip
    table = calibration(HALVED["emigration"]).flow_completeness()
    FlowCompleteness.validate(table, cast=True)
    assert table["migrations_per_case"].to_list() == [1.1, 1.117647, 1.1, 1.117647, 0.9, 0.9, 0.9, 0.9]
    uncalibrated = calibration().model_copy(update={"completeness": ()})
    assert uncalibrated.flow_completeness()["migrations_per_case"].unique().to_list() == [1.0]


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
        (('group = "Irish"', 'group = "EU"'), "must have one entry for each direction and nationality group"),
        (("migrations_per_case = 1.1\n", "migrations_per_case = 11\n"), "migrations_per_case"),
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
            "rule_id": ["weeks", "weeks", None, None, None],
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
        }
    )  # fmt: skip
    true_person = pl.DataFrame({"person_id": [10, 30, 31], "person": [1, 3, 3]})
    truth = pl.DataFrame({"person": [1, 3], "reference_date": [DAY, DAY]})
    found = calibration_cases(compared(), residents, true_person, truth)
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
    assert (len(found.studies), set(found.seeds) & set(range(1001, 2000))) == (24, set())
    assert {one.decision for one in found.curve} == {"immigration", "emigration", "population"}
