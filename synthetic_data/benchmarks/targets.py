"""Targets: the published figures of `targets.toml`, with which the simulated country is compared; tolerances.

The tolerance is computed: the rounding of the published figure, plus four standard errors of a study of this size.
The standard errors come from many seeds (`standard_errors.py`), because members of a household move together, so that
a formula for independent people would be wrong.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from math import sqrt
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import Field, model_validator

from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen, parse, read_toml
from synthetic_data.benchmarks.counting import MeasuredFigure, NotMeasurableError
from synthetic_data.benchmarks.measures.by_name import MEASURES
from synthetic_data.benchmarks.observed_study import ObservedStudy
from synthetic_data.country.tables import table

STANDARD_ERRORS = 4
SPREAD_RESIDENTS = 100_000
"""The size of study for which `target_standard_errors.csv` has the standard errors."""
LARGE_STUDY, MANY_EVENTS, LARGEST_SHARE = 1_000_000, 3_600, 0.05
"""In a large study no figure based on many events may differ by more than this share of it."""
ENGLAND_AND_WALES = "England and Wales"


class Share(Frozen):
    """The share of England and Wales in figures for another geography, and why it is assumed."""

    value: float = Field(gt=0)
    says: str = Field(min_length=1)


class Country(Frozen):
    """The number of people whom the residents of a study represent on a day, and where it comes from."""

    residents: int = Field(gt=0)
    on: date
    says: str = Field(min_length=1)


class Target(Frozen):
    """One published figure: what it is, its source, and how to measure the same in a study."""

    name: str = Field(pattern="^[a-z][a-z0-9_]*$")
    title: str
    says: str
    published: float
    unit: Literal["persons", "events", "share", "days"]
    period: str
    geography: str
    source: str
    confirmed: Literal["yes", "from memory"]
    rounding: float = Field(ge=0)
    scale: str | None = None
    measure: str
    given: dict[str, Any]

    @model_validator(mode="after")
    def _names_its_share(self) -> "Target":
        if self.geography in {"United Kingdom", "England"} and self.scale is None:
            raise ValueError(f"'{self.name}' is a figure of {self.geography}: 'scale' must name a [share]")
        return self

    @model_validator(mode="after")
    def _can_be_measured(self) -> "Target":
        if self.measure not in MEASURES:
            raise ValueError(str(unknown("measure", self.measure, MEASURES, f"target '{self.name}'")))
        try:
            inspect.signature(MEASURES[self.measure]).bind(None, **self.given)
        except TypeError as error:
            raise ValueError(f"'{self.name}' gives '{self.measure}' wrong arguments: {error}") from None
        return self


class Targets(Frozen):
    """All targets, with the country that a study represents and the shares that figures name."""

    country: Country
    share: dict[str, Share]
    target: tuple[Target, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Targets":
        names = [one.name for one in self.target]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two targets are called '{twice[0]}'; each needs a name of its own")
        for one in self.target:
            if one.scale is not None and one.scale not in self.share:
                raise ValueError(str(unknown("share", one.scale, self.share, f"target '{one.name}'")))
        return self


@dataclass(frozen=True)
class Result:
    """One target compared with a study; `value` is None, and `note` says why, if it cannot be measured.

    `published`, `value` and `tolerance` are on the scale of the published figure.
    """

    target: Target
    value: float | None
    events: int | None
    tolerance: float
    met: bool
    note: str = ""


def read_targets(path: Path | None = None) -> Targets:
    """Return the targets of a TOML file, by default those of Sojourn; raises `UserError` if the file is wrong."""
    path = path or Path(str(resources.files("synthetic_data.benchmarks") / "targets.toml"))
    data = read_toml(path)
    targets = [_merged(group, figure) for group in data.pop("group", []) for figure in group.get("figures", [])]
    return parse(Targets, {**data, "target": targets}, str(path))


def _merged(group: Mapping[str, Any], figure: Mapping[str, Any]) -> dict[str, Any]:
    """Return a figure with the keys of its group that it lacks; filters and arguments are merged."""
    target = {name: value for name, value in {**group, **figure}.items() if name not in {"figures", "where"}}
    where = {**group.get("where", {}), **figure.get("where", {})}
    target["given"] = {**group.get("given", {}), **figure.get("given", {})}
    if where:
        target["given"]["where"] = where
    if "published" in target:
        target.setdefault("rounding", rounding(target["published"]))
    return target


def rounding(published: float) -> float:
    """Return half a unit of the last digit that is not zero: 0.47 gives 0.005, 7,400,000 gives 50,000."""
    exponent = Decimal(str(published)).normalize().as_tuple().exponent
    return float(Decimal(5).scaleb(int(exponent) - 1))


def standard_errors() -> pl.DataFrame:
    """Return `target_standard_errors.csv`: `name, standard_error, mean, seeds, residents`, one row a target."""
    text = (resources.files("synthetic_data.benchmarks") / "target_standard_errors.csv").read_bytes()
    return pl.read_csv(text, null_values="")


def compare(study: ObservedStudy, targets: Targets) -> list[Result]:
    """Return the comparison of every target with a study, in the order of the file."""
    residents = study_residents(study, targets.country)
    errors = {row["name"]: row["standard_error"] for row in standard_errors().to_dicts()}
    results = []
    for target in targets.target:
        error = errors.get(target.name)
        try:
            found = _scaled(MEASURES[target.measure](study, **target.given), target, targets, residents)
        except NotMeasurableError as reason:
            allowed = tolerance(target, error or 0.0, residents, 0)
            results.append(Result(target, None, None, allowed, met=False, note=f"cannot be shown: {reason}"))
            continue
        allowed = tolerance(target, error or 0.0, residents, found.events)
        note = "" if error is not None else "its standard error is not known: the tolerance is its rounding alone"
        met = abs(found.value - target.published) <= allowed
        results.append(Result(target, found.value, found.events, allowed, met=met, note=note))
    return results


def measured_values(study: ObservedStudy, targets: Targets) -> dict[str, float | None]:
    """Return the value of every target in a study, on the scale of the published figure, or None."""
    return {one.target.name: one.value for one in compare(study, targets)}


def tolerance(target: Target, standard_error: float, residents: int, events: int) -> float:
    """Return how far a study may differ: rounding plus four standard errors, at most 5% in a large study.

    `standard_error` is that of a study of 100,000 residents, on the scale of the published figure. The limit of 5%
    applies to studies of a million residents or more and figures based on 3,600 events or more, unless the figure is
    rounded more coarsely.
    """
    allowed = target.rounding + STANDARD_ERRORS * standard_error * sqrt(SPREAD_RESIDENTS / residents)
    if residents >= LARGE_STUDY and events >= MANY_EVENTS:
        return max(target.rounding, min(allowed, LARGEST_SHARE * abs(target.published)))
    return allowed


def study_residents(study: ObservedStudy, country: Country) -> int:
    """Return the residents of a study on the day of the country; raises `UserError` unless it covers all regions."""
    people = study.residents(country.on)
    if people.is_empty():
        raise UserError(f"{study.study.path}: it has no residents on {country.on}, so it represents no country.")
    of_all = study.truth("people")
    if "region" in of_all.columns:
        areas = table("areas")
        missing = areas.filter(~areas["area"].is_in(of_all["region"].unique().to_list()))["name"].to_list()
        if missing:
            raise UserError(
                f"{study.study.path}: it has no residents in {', '.join(missing)}, and the figures are of the whole "
                f"of {ENGLAND_AND_WALES}. Simulate all regions to compare a study with them."
            )
    return len(people)


def _scaled(found: MeasuredFigure, target: Target, targets: Targets, residents: int) -> MeasuredFigure:
    """Return a measured figure on the scale of the published one.

    A number is scaled up to England and Wales, and from there to the geography of the figure. A part of England and
    Wales has a smaller share of a larger geography than of them.
    """
    share = targets.share[target.scale].value if target.scale else 1.0
    if target.unit in {"persons", "events"}:
        return MeasuredFigure(found.value * targets.country.residents / residents / share, found.events)
    return MeasuredFigure(found.value * share, found.events)
