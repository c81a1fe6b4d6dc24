"""Reading a rule set: one TOML file that a methodologist edits, checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import SourceContract
from pipeline.ingest.study_contracts import known_contracts
from pipeline.study import Study
from pipeline.toml_files import Frozen, parse
from rules.evidence_sql import names_in_expressions
from rules.families import FAMILY_FORMS
from rules.families.by_age import Band
from rules.forms import FORMS
from rules.groups import Group
from rules.model import (
    RESIDENT_FORMS,
    Attribute,
    Definition,
    EvidenceRule,
    ExtendedSet,
    Household,
    Nationality,
    PersonRules,
    PossiblyOneRule,
    RuleSet,
    Unfinished,
)
from rules.parameters import Parameter
from rules.references import check_references
from rules.rule_file import GROUP, RuleFile, named_set, read_rule_file

Model = TypeVar("Model", bound=BaseModel)
Parameters = dict[str, Parameter]


def rule_set_path(study: Study) -> Path:
    """Return the file of the study's rule set: one of the package by its file name, or a path ending in `.toml`."""
    if study.rule_set.endswith(".toml"):
        return study.resolve(study.rule_set)
    return named_set(study.rule_set, study.folder, f"{study.path}, key 'rule_set'")


def read_rule_set(study: Study) -> RuleSet:
    """Return the study's rule set; raises `UserError` that names the file, the rule and the nearest valid name."""
    return read_rules(rule_set_path(study), known_contracts(study))


def person_rules_of(rule_set: RuleSet, study: Study) -> PersonRules:
    """Return the person rules with the definition that the study publishes; raises `UserError` if there is none."""
    people = rule_set.people
    published = people.definition.id if study.definition is None else study.definition
    if published not in people.definitions:
        raise unknown(
            f"definition of {rule_set.path}", published, people.definitions, f"{study.path}, key 'definition'"
        )
    for rule in people.crossings_rules:
        if rule.id == published and not rule.counts_residence:
            raise UserError(
                f"{study.path}, key 'definition': '{published}' counts moves that are no changes of residence, so no "
                "population follows from it. Publish a definition of residence; the moves by this one are in the "
                "table 'migrations' all the same."
            )
        if rule.id == published and rule.others_by is None:
            raise UserError(
                f"{study.path}, key 'definition': '{published}' measures nobody without a record of the border, and "
                "flows of all others would be 0. Name the definition that measures them, as 'others_by' of the rule."
            )
    return people.model_copy(update={"published": published})


def read_rules(path: Path, contracts: Mapping[str, SourceContract]) -> RuleSet:
    """Return the rules in a file, every name in them checked against `contracts` and against each other.

    The sets that it extends are checked first, each by itself, so that a mistake is reported where it is written.
    """
    return _checked(read_rule_file(path), contracts)


def _checked(file: RuleFile, contracts: Mapping[str, SourceContract]) -> RuleSet:
    bases = ()
    if file.base is not None:
        base = _checked(file.base, contracts)
        bases = (ExtendedSet(id=base.id, digest=base.digest), *base.extends)
    data, path = dict(file.data), file.path
    for key in data:
        if key not in _File.model_fields:  # first, since the table that was meant would be missing
            raise unknown("key", key, _File.model_fields, str(path))
    shared = _parameters(data.pop("parameters", {}), "", f"{path}, [parameters]")
    kinds = ("evidence", "stay", "resident", "resident_family")
    entries = {kind: _listed(file, data.get(kind, []), kind, shared) for kind in kinds}
    rule_set = parse(
        _File,
        {
            **_with_parameters(data, "", shared, str(path)),
            "parameters": shared,
            "evidence": tuple(parse(EvidenceRule, entry, place) for place, entry in entries["evidence"]),
            "stay": _by_form(
                [(place, _with_groups(file, entry, shared, place)) for place, entry in entries["stay"]], FORMS
            ),
            "resident": _by_form(entries["resident"], RESIDENT_FORMS),
            "resident_family": _by_form(
                [(place, _with_bands(file, entry, shared, place)) for place, entry in entries["resident_family"]],
                FAMILY_FORMS,
            ),
            "attribute": tuple(
                parse(Attribute, entry, place)
                for place, entry in _listed(file, data.get("attribute", []), "attribute", shared)
            ),
            "definition": _definition(file, data.pop("definition", {}), shared),
            "unfinished": _section(Unfinished, data.pop("unfinished", {}), "unfinished", shared, path),
            "nationality": _section(Nationality, data.pop("nationality", {}), "nationality", shared, path),
            **{
                name: _section(kind, data.pop(name), name, shared, path)
                for name, kind in OPTIONAL_SECTIONS.items()
                if name in data
            },
        },
        str(path),
    ).rule_set(file, bases)
    check_references(rule_set, contracts)
    evidence = rule_set.evidence
    named = evidence.model_copy(
        update={"parameters": {name: one for name, one in shared.items() if name in names_in_expressions(evidence)}}
    )
    return rule_set.model_copy(update={"evidence": named})


OPTIONAL_SECTIONS: dict[str, type[Frozen]] = {"household": Household, "possibly_one": PossiblyOneRule}
"""The tables that a rule file need not have, each for one idea."""


class _File(Frozen):
    """The top-level keys of a rule file; entries are parsed separately before, so that an error names its rule."""

    id: str
    title: str
    says: str
    deaths: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    lists: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    unfinished: Unfinished
    nationality: Nationality
    household: Household | None = None
    possibly_one: PossiblyOneRule | None = None
    evidence: tuple[EvidenceRule, ...]
    stay: tuple[Any, ...]
    definition: Definition
    resident: tuple[Any, ...]
    resident_family: tuple[Any, ...]
    published_family: str
    attribute: tuple[Attribute, ...] = ()

    def rule_set(self, file: RuleFile, bases: tuple[ExtendedSet, ...]) -> RuleSet:
        people = {
            "lists": self.lists,
            "stays": self.stay,
            "definition": self.definition,
            "published": self.definition.id,
            "unfinished": self.unfinished,
            "household": self.household,
            "possibly_one": self.possibly_one,
            "nationality": self.nationality,
            "deaths": self.deaths,
            "areas": self.areas,
            "reasons": self.reasons,
            "residents": self.resident,
            "families": self.resident_family,
            "published_family": self.published_family,
            "attributes": self.attribute,
        }
        data = {
            "path": file.path,
            "written_in": file.written_in,
            "extends": bases,
            "declared": frozenset(self.parameters),
            "id": self.id,
            "title": self.title,
            "says": self.says,
            "evidence": {"lists": self.lists, "parameters": self.parameters, "rules": self.evidence},
            "people": people,
        }
        return parse(RuleSet, data, str(file.path))


def _listed(file: RuleFile, entries: Any, key: str, shared: Parameters) -> list[tuple[str, dict[str, Any]]]:
    """Return each entry of a list of rules with its place, its parameters among its keys (of evidence: apart)."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{file.path}: '{key}' must be a list of tables. Write [[{key}]], with two brackets.")
    found, ids = [], set()
    for number, entry in enumerate(entries, 1):
        name = entry.get("id")
        place = file.place(key, str(name)) if name else f"{file.path}, {key} rule number {number}"
        if str(name) in ids:
            raise UserError(f"{place}: this id is used twice. Give each {key} rule its own id.")
        ids.add(str(name))
        if key == "evidence":
            own = _parameters(entry.get("parameters", {}), f"{name}.", place)
            found.append((place, {**entry, "parameters": own}))
        else:
            found.append((place, _with_parameters(entry, f"{name}.", shared, place)))
    return found


def _parameters(tables: Any, prefix: str, where: str) -> Parameters:
    """Return the parameters that a rule declares, or those of the whole file (without a prefix)."""
    if not isinstance(tables, dict):
        raise UserError(f"{where}: 'parameters' must be a table, with one table for each parameter.")
    found = {}
    for name, table in tables.items():
        place = f"{where}, parameter '{name}'"
        data = {**table, "id": f"{prefix}{name}"} if isinstance(table, dict) else table
        found[name] = parse(Parameter, data, place)
    return found


def _with_parameters(entry: Mapping[str, Any], prefix: str, shared: Parameters, where: str) -> dict[str, Any]:
    """Return the keys of a rule, among them the parameters that it declares or names."""
    keys = {key: value for key, value in entry.items() if key != "parameters"}
    for key, value in keys.items():
        if isinstance(value, str) and value.startswith("$"):
            if value[1:] not in shared:
                raise unknown("parameter", value[1:], shared, f"{where}, key '{key}'")
            keys[key] = shared[value[1:]]
    for name, parameter in _parameters(entry.get("parameters", {}) if prefix else {}, prefix, where).items():
        if name in keys:
            raise UserError(f"{where}: '{name}' is both a key and a parameter. Remove one of them.")
        keys[name] = parameter
    return keys


def _by_form(entries: list[tuple[str, dict[str, Any]]], forms: Mapping[str, type[Model]]) -> tuple[Model, ...]:
    """Return entries of several models; the key `form` of an entry says which."""
    found = []
    for place, entry in entries:
        form = entry.get("form")
        if form is None:
            raise UserError(f"{place}: the key 'form' is missing. Choose one of {', '.join(forms)}.")
        if form not in forms:
            raise unknown("form", str(form), forms, place)
        found.append(parse(forms[form], entry, place))
    return tuple(found)


def _with_bands(file: RuleFile, entry: dict[str, Any], shared: Parameters, place: str) -> dict[str, Any]:
    """Return a family of residence rules with its bands of age, if it has any, read as rules of their own."""
    if "band" not in entry:
        return entry
    bands = tuple(
        parse(Band, band, f"{place}, band '{band.get('id')}'")
        for _, band in _listed(file, entry["band"], "band", shared)
    )
    return {**{key: value for key, value in entry.items() if key != "band"}, "bands": bands}


def _with_groups(file: RuleFile, entry: dict[str, Any], shared: Parameters, place: str) -> dict[str, Any]:
    """Return a stay rule with the groups of its spells, if it has any, read as rules of their own."""
    if GROUP not in entry:
        return entry
    groups = tuple(
        parse(Group, group, f"{place}, group '{group.get('id')}'")
        for _, group in _listed(file, entry[GROUP], GROUP, shared)
    )
    return {**{key: value for key, value in entry.items() if key != GROUP}, "groups": groups}


def _definition(file: RuleFile, data: Any, shared: Parameters) -> Definition:
    if not isinstance(data, dict):
        raise UserError(
            f"{file.path}: 'definition' must be a table. Write [definition], and [[definition.group]] below."
        )
    groups = tuple(parse(Group, entry, place) for place, entry in _listed(file, data.get(GROUP, []), GROUP, shared))
    where = f"{file.path}, [definition]"
    keys = _with_parameters(data, f"{data.get('id')}.", shared, where)
    return parse(Definition, {**{key: value for key, value in keys.items() if key != GROUP}, "groups": groups}, where)


def _section(model: type[Frozen], data: Any, key: str, shared: Parameters, path: Path) -> Frozen:
    if not isinstance(data, dict):
        raise UserError(f"{path}: '{key}' must be a table. Write [{key}].")
    where = f"{path}, [{key}]"
    return parse(model, _with_parameters(data, f"{key}.", shared, where), where)
