"""Calibration: what the probabilities of a rule set turned out to mean in training studies whose truth is known.

A calibration is a TOML file that a study names. For each kind of decision it has a curve that never falls: of the
decisions that were given a probability, the share that was right (isotonic regression: Barlow, Bartholomew, Bremner
and Brunk 1972; for calibration: Zadrozny and Elkan 2002). It belongs to the rule set by which it was made alone.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.stage import StudyFile
from pipeline.study import Study
from pipeline.toml_files import Frozen, parse, read_toml
from rules.rule_file import SETS

CALIBRATIONS = SETS / "calibrations"
TRAINING_ERRORS = "training_errors"
"""The file beside them that has the errors of the training studies."""
PRIOR_CASES = 10.0
"""Each point of a curve is drawn towards the stated probability, as if so many more cases had been right as often."""
MINIMUM_CASES = 30
"""A kind of decision with fewer cases has no curve: its probabilities stay as they are."""
TENTHS = 10
DIRECTIONS = ("immigration", "emigration")


class Curve(Frozen):
    """How often decisions of one kind were right: `actual` at each `predicted` probability, of so many `cases`.

    `decision` is immigration, emigration or population; `kind` the stay rule, or the sign or exclusion that decided.
    """

    decision: str
    kind: str
    cases: int = Field(ge=1)
    predicted: tuple[float, ...] = Field(min_length=1)
    actual: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _never_falls(self) -> "Curve":
        if len(self.predicted) != len(self.actual):
            raise ValueError("'predicted' and 'actual' must have as many values")
        if list(self.predicted) != sorted(set(self.predicted)) or list(self.actual) != sorted(self.actual):
            raise ValueError("'predicted' must rise, and 'actual' must never fall")
        if not all(0 <= value <= 1 for value in (*self.predicted, *self.actual)):
            raise ValueError("probabilities lie between 0 and 1")
        return self

    def at(self, probability: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities: linear between the points of the curve."""
        return np.interp(probability, self.predicted, self.actual).round(6)


class Completeness(Frozen):
    """How many migrations of a nationality group there were for each that calibrated probabilities expect.

    More than 1 where rules miss migrations altogether: a migration that nobody records has no probability.
    """

    direction: str
    nationality_group: str
    migrations_per_case: float = Field(ge=0.5, le=2)


class Calibration(Frozen):
    """The curves of one definition of a rule set, and how complete its flows are.

    `studies` are the names (with the scenario) of the training studies behind it, `seeds` theirs. Without any curve
    probabilities stay as they are, and each case counts as one.
    """

    rule_set: str
    rule_set_digest: str
    definition: str
    studies: tuple[str, ...]
    seeds: tuple[int, ...]
    curve: tuple[Curve, ...]
    completeness: tuple[Completeness, ...] = ()

    @model_validator(mode="after")
    def _all_flows(self) -> "Calibration":
        found = [(one.direction, one.nationality_group) for one in self.completeness]
        if self.curve and sorted(found) != sorted(product(DIRECTIONS, NATIONALITY_GROUPS)):
            raise ValueError("'completeness' must have one entry for each direction and nationality group")
        return self

    def flow_completeness(self) -> pl.DataFrame:
        """Return `direction, nationality_group, migrations_per_case`; 1 without a calibration."""
        known = {(one.direction, one.nationality_group): one.migrations_per_case for one in self.completeness}
        rows = [(*key, known.get(key, 1.0)) for key in product(DIRECTIONS, NATIONALITY_GROUPS)]
        return pl.DataFrame(rows, schema=["direction", "nationality_group", "migrations_per_case"], orient="row")

    def of(self, decision: str, frame: pl.DataFrame, kind: str) -> pl.DataFrame:
        """Return a table with calibrated `probability` in the rows of one decision; `kind` is the column of kinds."""
        found, probability = frame[kind].cast(pl.String).to_numpy(), frame["probability"].to_numpy().copy()
        for one in self.curve:
            if one.decision == decision:
                rows = found == one.kind
                probability[rows] = one.at(probability[rows])
        return frame.with_columns(probability=pl.Series(probability))


def calibrated_migrations(migrations: pl.DataFrame, calibration: Calibration, definition: str) -> pl.DataFrame:
    """Return migrations with calibrated probabilities by the published definition; as they are without a curve.

    Other definitions count other things, which no curve was fitted to.
    """
    if not calibration.curve:
        return migrations
    published = pl.col("definition") == definition
    return pl.concat(
        [
            migrations.filter(~published),
            *(
                calibration.of(direction, migrations.filter(published, pl.col("direction") == direction), "rule_id")
                for direction in DIRECTIONS
            ),
        ]
    ).sort("person_id", "definition", "date", "direction")


def calibrated_stays(stays: pl.DataFrame, calibration: Calibration, definition: str) -> pl.DataFrame:
    """Return stays with calibrated probabilities by the published definition: those that began by an arrival."""
    if not calibration.curve:
        return stays
    arrived = (pl.col("definition") == definition) & pl.col("starts_by_arrival") & (pl.col("probability") > 0)
    return pl.concat(
        [calibration.of("immigration", stays.filter(arrived), "stay_rule"), stays.filter(~arrived)]
    ).sort("person_id", "definition", "start")


def calibrated_residents(residents: pl.DataFrame, calibration: Calibration) -> pl.DataFrame:
    """Return residents with calibrated probabilities in the published family, the one that can be compared."""
    if not calibration.curve:
        return residents
    published = residents.filter("published")
    return pl.concat(
        [calibration.of("population", published, "decided_by"), residents.filter(~pl.col("published"))]
    ).sort("person_id", "reference_date", "family")


def fitted_curves(cases: pl.DataFrame) -> tuple[Curve, ...]:
    """Return a curve for each decision and kind of `cases`: `decision, kind, probability` and whether `right`."""
    found = []
    for (decision, kind), rows in cases.group_by("decision", "kind", maintain_order=False):
        if rows.height >= MINIMUM_CASES:
            predicted, actual = _curve(rows["probability"].to_numpy(), rows["right"].cast(pl.Float64).to_numpy())
            found.append(
                Curve(decision=str(decision), kind=str(kind), cases=rows.height, predicted=predicted, actual=actual)
            )
    return tuple(sorted(found, key=lambda one: (one.decision, one.kind)))


def fitted_completeness(flows: pl.DataFrame) -> tuple[Completeness, ...]:
    """Return how many migrations each case stands for, from `direction, nationality_group, expected, true` of runs.

    A group with fewer than `MINIMUM_CASES` migrations has the ratio of all groups.
    """
    of_group = flows.group_by("direction", "nationality_group").agg(pl.col("expected", "true").sum())
    found = []
    for direction, group in product(DIRECTIONS, NATIONALITY_GROUPS):
        rows = of_group.filter(direction=direction)
        own = rows.filter(nationality_group=group)
        used = own if own["true"].sum() >= MINIMUM_CASES else rows
        expected, true = float(used["expected"].sum()), float(used["true"].sum())
        ratio = round(min(max(true / expected, 0.5), 2.0), 6) if expected > 0 else 1.0
        found.append(Completeness(direction=direction, nationality_group=group, migrations_per_case=ratio))
    return tuple(found)


def _curve(probability: np.ndarray, right: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the points of a curve: a point for 0, one for 1 and one for each tenth in between that has cases."""
    tenth = np.where(probability <= 0, -1, np.where(probability >= 1, TENTHS, np.floor(probability * TENTHS)))
    present = np.unique(tenth)
    cases = np.array([(tenth == one).sum() for one in present], dtype=float)
    mean = np.array([probability[tenth == one].mean() for one in present])
    share = np.array([right[tenth == one].sum() for one in present])
    drawn = (share + PRIOR_CASES * mean) / (cases + PRIOR_CASES)
    points, values = mean.round(6).tolist(), never_falling(drawn, cases + PRIOR_CASES).round(6).tolist()
    if points[0] > 0:
        points, values = [0.0, *points], [0.0, *values]
    if points[-1] < 1:
        points, values = [*points, 1.0], [*values, 1.0]
    return tuple(points), tuple(values)


def never_falling(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the nearest values that never fall: neighbours that fall are pooled (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (last, heavy, many), (before, light, few) = blocks.pop(), blocks.pop()
            blocks.append(((last * heavy + before * light) / (heavy + light), heavy + light, many + few))
    return np.concatenate([np.full(count, value) for value, _, count in blocks])


def as_toml(calibration: Calibration) -> str:
    """Return a calibration as the text of its file."""

    def listed(values: Sequence[object]) -> str:
        return "[" + ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in values) + "]"

    lines = [
        "# What the probabilities of a rule set turned out to mean: made by `sojourn evaluate --write-calibration`.",
        f'rule_set = "{calibration.rule_set}"',
        f'rule_set_digest = "{calibration.rule_set_digest}"',
        f'definition = "{calibration.definition}"',
        f"studies = {listed(calibration.studies)}",
        f"seeds = {listed(calibration.seeds)}",
    ]
    for one in calibration.curve:
        lines += ["", "[[curve]]", f'decision = "{one.decision}"', f'kind = "{one.kind}"', f"cases = {one.cases}"]
        lines += [f"predicted = {listed(one.predicted)}", f"actual = {listed(one.actual)}"]
    for one in calibration.completeness:
        lines += ["", "[[completeness]]", f'direction = "{one.direction}"']
        lines += [
            f'nationality_group = "{one.nationality_group}"',
            f"migrations_per_case = {one.migrations_per_case}",
        ]
    return "\n".join(lines) + "\n"


def calibration_path(study: Study) -> Path | None:
    """Return the file that a study names: one of the package by its name, or a path that ends in `.toml`."""
    name = study.rules.calibration
    if name is None:
        return None
    return study.resolve(name) if name.endswith(".toml") else named_calibration(name)


def named_calibration(name: str) -> Path:
    """Return the file of a calibration that ships; raises `UserError` for an unknown name."""
    path = CALIBRATIONS / f"{name}.toml"
    if not path.is_file():
        known = {one.stem for one in CALIBRATIONS.glob("*.toml")} - {TRAINING_ERRORS}
        raise unknown("calibration", name, known, "the name of a calibration")
    return path


UNCALIBRATED = "uncalibrated"
"""In place of the name of a calibration."""


def read_calibration(study: Study, rule_set: str, digest: str, definition: str) -> tuple[Calibration, str]:
    """Return the calibration that a study names, and the name and SHA-256 of its file.

    Without one that is a calibration without curves, and `UNCALIBRATED`. Raises `UserError` if the file cannot be
    read, or was made with another rule set or for another published definition.
    """
    path = calibration_path(study)
    if path is None:
        nothing = Calibration(
            rule_set=rule_set, rule_set_digest=digest, definition=definition, studies=(), seeds=(), curve=()
        )
        return nothing, UNCALIBRATED
    found = parse(Calibration, read_toml(path), str(path))
    made = (
        "Make a calibration of these rules with `sojourn evaluate RUN --write-calibration FILE`, or leave out the "
        "key 'calibration' of [rules]."
    )
    if found.rule_set_digest != digest:
        raise UserError(
            f"{path}: made with the rule set {found.rule_set} {found.rule_set_digest[:12]}, and {study.path} uses "
            f"{rule_set} {digest[:12]}: what its probabilities mean is not known. {made}"
        )
    if found.definition != definition:
        raise UserError(
            f"{path}: says what probabilities by the definition '{found.definition}' mean, and {study.path} "
            f"publishes '{definition}'. {made}"
        )
    file = StudyFile.read(path)
    return found, f"{file.name} {file.sha256}"
