"""Calibration: what the probabilities of a rule set turned out to mean in training studies whose truth is known.

A calibration is a TOML file that a study names. For each kind of decision it has a curve that never falls: of the
decisions that were given a probability, the share that was right (isotonic regression: Barlow, Bartholomew, Bremner
and Brunk 1972; for calibration: Zadrozny and Elkan 2002). Kinds are divided by what dates a migration, by whether a
resident is on the trimmed list, by whether the person is a child, by whether later data may change the decision, and
by nationality group, where there are enough cases: the end of a course is a departure of nearly all EU students and
of few British ones, though no rule doubts it; a child who is registered as come from abroad is a surer arrival than
a grown-up, who may have been away for a while alone; people with signs on both sides of a day live here more surely
than others whom the same sign decided; and of the people whose stays were all too short, more live here on a day so
recent that the visitors of then may still stay. A calibration belongs to the rule set by which it was made alone.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.schemas import GROWN_UP_AGE
from pipeline.stage import StudyFile
from pipeline.study import Study
from pipeline.toml_files import Frozen, parse, read_toml
from rules.completeness import (
    DIRECTIONS,
    EACH_COMPLETENESS,
    EACH_SEASON,
    Completeness,
    Season,
    completeness_of_flows,
)
from rules.rule_file import SETS

CALIBRATIONS = SETS / "calibrations"
TRAINING_ERRORS = "training_errors"
"""How the names of the files beside them begin that have the errors of the training studies."""
PRIOR_CASES = 10.0
"""Each point of a curve is drawn towards the stated probability, or that of the curve of the kind that it divides, as
if so many more cases had been right as often."""
MINIMUM_CASES = 30
"""A kind of decision with fewer cases has no curve: its probabilities stay as they are, or are those of the kind that
it divides."""
TENTHS = 10
DIVISIONS = ("dated_by", "trimmed", "child", "provisional", "nationality_group")
"""What divides a kind of decision, each division within the one before it.

No evidence dates residence, and only residents may be on the trimmed list, of people with signs on both sides of the
day."""
NO_TRIMMED_LIST = pl.lit(None, pl.Boolean)
"""Of migrations."""
PROVISIONAL_DAYS = 365
"""Residence on a day so recent, at the data date, is provisional."""


class Curve(Frozen):
    """How often decisions of one kind were right: `actual` at each `predicted` probability, of so many `cases`.

    `decision` is immigration, emigration or population; `kind` the stay rule, or the sign or exclusion that decided;
    `dated_by` the evidence rule that dates a migration, `trimmed` whether a resident is on the trimmed list, `child`
    whether the person was younger than `GROWN_UP_AGE`, `provisional` whether later data may change the decision and
    `nationality_group` that of the person, if the curve is of a division.
    """

    decision: str
    kind: str
    dated_by: str | None = None
    trimmed: bool | None = None
    child: bool | None = None
    provisional: bool | None = None
    nationality_group: str | None = None
    cases: int = Field(ge=1)
    predicted: tuple[float, ...] = Field(min_length=1)
    actual: tuple[float, ...] = Field(min_length=1)

    @property
    def key(self) -> tuple[str | bool | None, ...]:
        """Whose probabilities the curve is about: decision, kind, and the divisions, None where it is of all."""
        return self.decision, self.kind, *(getattr(self, one) for one in DIVISIONS)

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
    season: tuple[Season, ...] = ()

    @model_validator(mode="after")
    def _all_flows(self) -> "Calibration":
        if self.curve and sorted(one.key for one in self.completeness) != sorted(EACH_COMPLETENESS):
            raise ValueError(
                "'completeness' must have four entries for each direction and nationality group: of children and "
                "grown-ups, of each recent migrations and others"
            )
        if self.curve and sorted(one.key for one in self.season) != sorted(EACH_SEASON):
            raise ValueError("'season' must have an entry for each direction, nationality group and quarter")
        return self

    def flow_completeness(self, data_date: date) -> pl.DataFrame:
        """Return `migrations_per_case` by `completeness_of_flows`; 1 without a calibration."""
        return completeness_of_flows(self.completeness, self.season, data_date)

    def of(self, decision: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a table with calibrated `probability` in the rows of one decision, each by the finest curve it has.

        The table has `kind` and `DIVISIONS`.
        """
        own = {one.key: one for one in self.curve if one.decision == decision}
        probability = frame["probability"].to_numpy().copy()
        rows_of = frame.select("kind", *DIVISIONS, row=pl.int_range(pl.len())).group_by(
            "kind", *DIVISIONS, maintain_order=True
        )
        for (kind, *divisions), rows in rows_of:
            for divided in range(len(DIVISIONS), -1, -1):
                key = (decision, kind, *divisions[:divided], *[None] * (len(DIVISIONS) - divided))
                if key in own:
                    row = rows["row"].to_numpy()
                    probability[row] = own[key].at(probability[row])
                    break
        return frame.with_columns(probability=pl.Series(probability))


def calibrated_migrations(
    migrations: pl.DataFrame, people: pl.DataFrame, calibration: Calibration, definition: str
) -> pl.DataFrame:
    """Return migrations with calibrated probabilities by the published definition; as they are without a curve.

    `people` has the `nationality_group` and `birth_month` of each `person_id`. Other definitions count other things,
    which no curve was fitted to.
    """
    if not calibration.curve:
        return migrations
    published = pl.col("definition") == definition
    provisional = pl.col("provisional") if "provisional" in migrations.columns else pl.lit(value=False)
    own = _divisible(migrations.filter(published), people, "rule_id", "date", pl.col("dated_by"), provisional)
    found = [calibration.of(direction, own.filter(pl.col("direction") == direction)) for direction in DIRECTIONS]
    return pl.concat([migrations.filter(~published), *(one.select(migrations.columns) for one in found)]).sort(
        "person_id", "definition", "date", "direction"
    )


def calibrated_stays(
    stays: pl.DataFrame, people: pl.DataFrame, calibration: Calibration, definition: str
) -> pl.DataFrame:
    """Return stays with calibrated probabilities by the published definition: those that began by an arrival.

    `stays` has, beside its published columns, whether a stay is `provisional`; the result has not.
    """
    provisional, stays = stays.select("provisional"), stays.drop("provisional")
    if not calibration.curve:
        return stays
    arrived = (pl.col("definition") == definition) & pl.col("starts_by_arrival") & (pl.col("probability") > 0)
    own = _divisible(
        stays.hstack(provisional).filter(arrived), people, "stay_rule", "start", pl.col("start_rule"),
        pl.col("provisional"),
    )  # fmt: skip
    found = calibration.of("immigration", own)
    return pl.concat([found.select(stays.columns), stays.filter(~arrived)]).sort("person_id", "definition", "start")


def calibrated_residents(
    residents: pl.DataFrame, people: pl.DataFrame, calibration: Calibration, data_date: date
) -> pl.DataFrame:
    """Return residents with calibrated probabilities in the published family, the one that can be compared."""
    if not calibration.curve:
        return residents
    nothing = pl.lit(None, pl.String)
    own = _divisible(
        residents.filter("published"), people, "decided_by", "reference_date", nothing, is_recent(data_date),
        pl.col("trimmed"),
    )  # fmt: skip
    found = calibration.of("population", own)
    return pl.concat([found.select(residents.columns), residents.filter(~pl.col("published"))]).sort(
        "person_id", "reference_date", "family"
    )


def is_recent(data_date: date) -> pl.Expr:
    """Return whether residence on `reference_date` is provisional."""
    return pl.lit(data_date) - pl.col("reference_date") <= pl.duration(days=PROVISIONAL_DAYS)


def with_divisions_of_people(frame: pl.DataFrame, people: pl.DataFrame, day: str) -> pl.DataFrame:
    """Return a table of decisions with the `nationality_group` of each `person_id`, and whether it was a `child`.

    `people` has `person_id, nationality_group, birth_month`, and `day` names the column of the day that is decided
    about. Who has no month of birth is no child.
    """
    of_person = people.select(
        "person_id",
        pl.col("nationality_group").cast(pl.String),
        grown_up=pl.col("birth_month").dt.offset_by(f"{GROWN_UP_AGE}y"),
    )
    return (
        frame.join(of_person, on="person_id", how="left", maintain_order="left")
        .with_columns(child=(pl.col(day) < pl.col("grown_up")).fill_null(value=False))
        .drop("grown_up")
    )


def _divisible(
    frame: pl.DataFrame,
    people: pl.DataFrame,
    kind: str,
    day: str,
    dated_by: pl.Expr,
    provisional: pl.Expr,
    trimmed: pl.Expr = NO_TRIMMED_LIST,
) -> pl.DataFrame:
    """Return a table with the `kind` of its decisions and what divides kinds, by people and the `day` of each."""
    return with_divisions_of_people(frame, people, day).with_columns(
        kind=pl.col(kind).cast(pl.String), dated_by=dated_by.cast(pl.String), provisional=provisional, trimmed=trimmed
    )


def fitted_curves(cases: pl.DataFrame) -> tuple[Curve, ...]:
    """Return a curve for each decision and kind of `cases`, and for each of their divisions with enough of them.

    `cases` has `decision, kind, probability`, `DIVISIONS` (`dated_by` null of residents, `trimmed` of migrations) and
    whether `right`.
    """
    return tuple(
        sorted(_divided(cases), key=lambda one: tuple("" if part is None else str(part) for part in one.key))
    )


def _divided(
    cases: pl.DataFrame, keys: tuple[str, ...] = ("decision", "kind"), wider: Curve | None = None
) -> Iterator[Curve]:
    """Yield the curves of cases by `keys`, each followed by those of its divisions, which are drawn towards it."""
    for key, rows in cases.group_by(keys):
        if rows.height < MINIMUM_CASES:
            continue
        predicted, actual = _curve(rows["probability"].to_numpy(), rows["right"].cast(pl.Float64).to_numpy(), wider)
        own = Curve(**dict(zip(keys, key, strict=True)), cases=rows.height, predicted=predicted, actual=actual)
        yield own
        left = [one for one in DIVISIONS if one not in keys and rows[one].null_count() == 0]
        if left:
            yield from _divided(rows, (*keys, left[0]), own)


def _curve(
    probability: np.ndarray, right: np.ndarray, wider: Curve | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the points of a curve: a point for 0, one for 1 and one for each tenth in between that has cases.

    Where only the curve of the `wider` kind has cases in a tenth, its point stands.
    """
    tenth = _tenth(probability)
    present = np.unique(tenth)
    cases = np.array([(tenth == one).sum() for one in present], dtype=float)
    mean = np.array([probability[tenth == one].mean() for one in present])
    share = np.array([right[tenth == one].sum() for one in present])
    expected = mean if wider is None else wider.at(mean)
    drawn = (share + PRIOR_CASES * expected) / (cases + PRIOR_CASES)
    if wider is not None:
        at, value = np.array(wider.predicted), np.array(wider.actual)
        of_wider = ~np.isin(_tenth(at), present)
        order = np.argsort(np.append(mean, at[of_wider]))
        mean, drawn = np.append(mean, at[of_wider])[order], np.append(drawn, value[of_wider])[order]
        cases = np.append(cases, np.zeros(of_wider.sum()))[order]
    points, values = mean.round(6).tolist(), never_falling(drawn, cases + PRIOR_CASES).round(6).tolist()
    if points[0] > 0:
        points, values = [0.0, *points], [0.0, *values]
    if points[-1] < 1:
        points, values = [*points, 1.0], [*values, 1.0]
    return tuple(points), tuple(values)


def _tenth(probability: np.ndarray) -> np.ndarray:
    """Return the tenth of each probability: -1 for 0 and `TENTHS` for 1."""
    inside = np.floor(probability * TENTHS)
    return np.where(probability <= 0, -1, np.where(probability >= 1, TENTHS, inside))


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
        lines += ["", "[[curve]]", f'decision = "{one.decision}"', f'kind = "{one.kind}"']
        divisions = [(name, getattr(one, name)) for name in DIVISIONS if getattr(one, name) is not None]
        lines += [
            f"{name} = {str(value).lower()}" if isinstance(value, bool) else f'{name} = "{value}"'
            for name, value in divisions
        ]
        lines += [f"cases = {one.cases}"]
        lines += [f"predicted = {listed(one.predicted)}", f"actual = {listed(one.actual)}"]
    for one in calibration.completeness:
        lines += ["", "[[completeness]]", f'direction = "{one.direction}"']
        lines += [
            f'nationality_group = "{one.nationality_group}"',
            f"child = {str(one.child).lower()}",
            f"recent = {str(one.recent).lower()}",
            f"migrations_per_case = {one.migrations_per_case}",
        ]
    for one in calibration.season:
        lines += [
            "",
            "[[season]]",
            f'direction = "{one.direction}"',
            f'nationality_group = "{one.nationality_group}"',
        ]
        lines += [f"quarter = {one.quarter}", f"migrations_per_case = {one.migrations_per_case}"]
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
        known = {one.stem for one in CALIBRATIONS.glob("*.toml") if not one.stem.startswith(TRAINING_ERRORS)}
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
    try:
        found = parse(Calibration, read_toml(path), str(path))
    except UserError as error:
        raise UserError(
            f"{error}\nIf another version of Sojourn made the file, make it again: `sojourn evaluate RUN ... "
            "--write-calibration FILE`."
        ) from None
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
