"""Reading a rule set: one TOML file that a methodologist edits, checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.study_contracts import known_contracts
from pipeline.study import Study
from pipeline.toml_files import Frozen, parse, read_toml
from rules.forms import FORMS
from rules.model import (
    RESIDENT_FORMS,
    Attribute,
    Definition,
    EvidenceRule,
    Family,
    Group,
    PersonRules,
    RuleSet,
    Unfinished,
)
from rules.references import check_references

SETS = Path(__file__).parent / "sets"
Model = TypeVar("Model", bound=BaseModel)


def rule_set_path(study: Study) -> Path:
    """Return the file of the study's rule set: one of the package by its file name, or a path ending in `.toml`."""
    if study.rule_set.endswith(".toml"):
        return study.resolve(study.rule_set)
    path = SETS / f"{study.rule_set}.toml"
    if not path.is_file():
        sets = [one.stem for one in SETS.glob("*.toml")]
        raise unknown("rule set", study.rule_set, sets, f"{study.path}, key 'rule_set'")
    return path


def read_rule_set(study: Study) -> RuleSet:
    """Return the study's rule set; raises `UserError` that names the file, the rule and the nearest valid name."""
    return read_rules(rule_set_path(study), known_contracts(study))


def person_rules_of(rule_set: RuleSet, study: Study) -> PersonRules:
    """Return the person rules with the definition that the study publishes; raises `UserError` if there is none."""
    people = rule_set.people
    published = people.definition.id if study.definition is None else study.definition
    definitions = [people.definition.id, *(rule.id for rule in people.stays)]
    if published not in definitions:
        raise unknown(f"definition of {rule_set.path}", published, definitions, f"{study.path}, key 'definition'")
    return people.model_copy(update={"published": published})


def read_rules(path: Path, contracts: Mapping[str, SourceContract]) -> RuleSet:
    """Return the rules in a file, every name in them checked against `contracts` and against each other."""
    data = read_toml(path)
    definition = data.pop("definition", {})
    rule_set = parse(
        _File,
        {
            **data,
            "evidence": _entries(data, "evidence", EvidenceRule, path),
            "stay": _entries_by_form(data, "stay", FORMS, path),
            "resident": _entries_by_form(data, "resident", RESIDENT_FORMS, path),
            "attribute": _entries(data, "attribute", Attribute, path),
            "definition": _definition(definition, path),
        },
        str(path),
    ).rule_set(path)
    check_references(rule_set, contracts)
    return rule_set


class _File(Frozen):
    """The top-level keys of a rule file; entries are parsed separately before, so that an error names its rule."""

    id: str
    title: str
    says: str
    deaths: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    families_needed: int = 1
    lists: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    unfinished: Unfinished = Unfinished()
    family: Family = Family()
    evidence: tuple[EvidenceRule, ...]
    stay: tuple[Any, ...]
    definition: Definition
    resident: tuple[Any, ...]
    attribute: tuple[Attribute, ...] = ()

    def rule_set(self, path: Path) -> RuleSet:
        people = {
            "lists": self.lists,
            "stays": self.stay,
            "definition": self.definition,
            "published": self.definition.id,
            "unfinished": self.unfinished,
            "family": self.family,
            "deaths": self.deaths,
            "areas": self.areas,
            "reasons": self.reasons,
            "families_needed": self.families_needed,
            "residents": self.resident,
            "attributes": self.attribute,
        }
        data = {
            "path": path,
            "id": self.id,
            "title": self.title,
            "says": self.says,
            "evidence": {"lists": self.lists, "rules": self.evidence},
            "people": people,
        }
        return parse(RuleSet, data, str(path))


def _place(path: Path, key: str, entry: Mapping[str, Any], number: int) -> str:
    name = entry.get("id")
    return f"{path}, {key} rule '{name}'" if name else f"{path}, {key} rule number {number}"


def _listed(data: Mapping[str, Any], key: str, path: Path) -> list[tuple[str, Any]]:
    entries = data.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path}: '{key}' must be a list of tables. Write [[{key}]], with two brackets.")
    places = [(_place(path, key, entry, number), entry) for number, entry in enumerate(entries, 1)]
    ids: set[str] = set()
    for place, entry in places:
        name = str(entry.get("id"))
        if name in ids:
            raise UserError(f"{place}: this id is used twice. Give each {key} rule its own id.")
        ids.add(name)
    return places


def _entries(data: Mapping[str, Any], key: str, model: type[Model], path: Path) -> tuple[Model, ...]:
    return tuple(parse(model, entry, place) for place, entry in _listed(data, key, path))


def _entries_by_form(
    data: Mapping[str, Any], key: str, forms: Mapping[str, type[Model]], path: Path
) -> tuple[Model, ...]:
    """Return entries of several models; the key `form` of an entry says which."""
    found = []
    for place, entry in _listed(data, key, path):
        form = entry.get("form")
        if form is None:
            raise UserError(f"{place}: the key 'form' is missing. Choose one of {', '.join(forms)}.")
        if form not in forms:
            raise unknown("form", str(form), forms, place)
        found.append(parse(forms[form], entry, place))
    return tuple(found)


def _definition(data: Any, path: Path) -> Definition:
    if not isinstance(data, dict):
        raise UserError(f"{path}: 'definition' must be a table. Write [definition], and [[definition.group]] below.")
    groups = _entries(data, "group", Group, path)
    rest = {key: value for key, value in data.items() if key != "group"}
    return parse(Definition, {**rest, "groups": groups}, f"{path}, [definition]")
