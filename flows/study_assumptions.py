"""The numbers that one study rests on, as its rules and its settings declare them: they are published with its run.

Those of the code, which are the same for every study, are in the register (`sojourn assumptions`). A rule set says
the source of a parameter itself; `assumptions.toml` says that of a setting.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel

from pipeline.study import CoverageSettings, FlowErrors, LinkageSettings, Study
from pipeline.toml_files import read_toml
from publication.stages import PUBLISH, PublishStudy
from rules.model import PersonRules
from rules.parameters import parameters_in
from rules.rule_set import RuleSet, read_rule_set

REGISTER = Path(__file__).with_name("assumptions.toml")
SETTINGS: dict[str, type[BaseModel]] = {
    "linkage": LinkageSettings, "coverage": CoverageSettings, "flow_errors": FlowErrors,
}  # fmt: skip
DEFAULTS: dict[str, dict[str, object]] = {
    section: {name: field.default for name, field in model.model_fields.items()}
    for section, model in SETTINGS.items()
}
OWN_CHOICE = "Sojourn"
"""How the source of a value begins that no publication gives."""
MOVED_BY = {
    "stays": "stays, hence immigration, emigration and the population",
    "definition": "which rule measures a stay, hence immigration and emigration",
    "unfinished": "immigration and emigration of the latest years, and their intervals",
    "household": "members of households whose own records are silent",
    "possibly_one": "migrations of people who may be counted twice, most of them emigrations",
    "nationality": "groups of nationality; no total",
    "residents": "the population",
    "families": "the population by another family of rules",
    "attributes": "attributes of people; no total",
}
"""What the parameters of a part of the rules on people move."""


@dataclass(frozen=True)
class Assumption:
    """One declared number: where it stands, its value, what it says, its source with its quality, what it moves."""

    part: str
    name: str
    value: str
    says: str
    quality: str
    source: str
    moves: str


@cache
def register() -> dict[str, Any]:
    """Return what `assumptions.toml` says."""
    return read_toml(REGISTER)


def of_rule_set(rule_set: RuleSet) -> Iterator[Assumption]:
    """Yield the parameters of a rule set, those of the sets that it extends included, by their ids."""
    moved = _moved_by_parameters(rule_set.people)
    for name, one in sorted(rule_set.parameters.items()):
        low, high = one.range
        yield Assumption(
            part=f"rules: {rule_set.id}",
            name=name,
            value=f"{', '.join(map(str, one.values.values()))} {one.unit} ({low} to {high})",
            says=one.says,
            quality="assumed" if one.source_of_value.startswith(OWN_CHOICE) else "published",
            source=one.source_of_value,
            moves="; ".join(moved.get(name, ["what counts as evidence, hence all figures"])),
        )


def _moved_by_parameters(people: PersonRules) -> dict[str, list[str]]:
    """Return, by the id of a parameter, what the parts of the rules on people that use it move."""
    moved: dict[str, list[str]] = {}
    for part, moves in MOVED_BY.items():
        found = getattr(people, part)
        for one in found if isinstance(found, tuple) else (found,):
            for name in parameters_in(one) if one is not None else ():
                if moves not in moved.setdefault(name, []):
                    moved[name].append(moves)
    return moved


def of_settings(settings: Mapping[str, Mapping[str, object]]) -> Iterator[Assumption]:
    """Yield the numbers of the sections of a study; `settings` are the values of each section, by name."""
    for section, chosen in settings.items():
        for name, about in register()["settings"][section].items():
            part = "linkage: settings of a study" if section == "linkage" else "estimation: settings of a study"
            yield described(part, f"[{section}] {name}", _as_text(chosen[name]), about)


def _as_text(number: object) -> str:
    """Return a number of a study, or one for each group."""
    if isinstance(number, BaseModel):
        return ", ".join(f"{group} {value}" for group, value in number.model_dump().items())
    return str(number)


def described(part: str, name: str, value: str, about: dict[str, str]) -> Assumption:
    """Return an assumption of which `about` has what it says, its quality, its source and what it moves."""
    return Assumption(part, name, value, about["says"], about["quality"], about["source"], about["moves"])


def of_study(study: Study) -> list[Assumption]:
    """Return what a study declares: the parameters of its rule set, and its settings.

    A setting that is not the default is the study's own assumption, whose source the study alone can say.
    """
    chosen = {section: dict(getattr(study, section)) for section in SETTINGS}
    by_default = {one.name: one.value for one in of_settings(DEFAULTS)}
    settings = [
        one
        if one.value == by_default[one.name]
        else replace(one, quality="assumed", source=f"the study, in place of {by_default[one.name]}")
        for one in of_settings(chosen)
    ]
    return [*of_rule_set(read_rule_set(study)), *settings]


class PublishedStudy(PublishStudy):
    """The part of a study that is published, with its assumptions: only this package knows all that declare some."""

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study."""
        rows = tuple(asdict(one) for one in of_study(study))
        return super().of(study, run).model_copy(update={"assumptions": rows})


class PublishedTables(PublishedStudy):
    """The part of a study that is published as tables alone, for those who read no report of it."""

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        """Return this part of a study."""
        return super().of(study, run).model_copy(update={"report": False})


PUBLISH_WITH_ASSUMPTIONS = replace(PUBLISH, part=PublishedStudy)
PUBLISH_TABLES = replace(PUBLISH, part=PublishedTables)
