"""Every name in a rule set, checked against the contracts and against the other rules before anything runs."""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import SourceContract
from rules.evidence_sql import columns_of, compiled_keys
from rules.fields import names_in
from rules.language.compiler import ValueType
from rules.model import MOTHER, Attribute, RuleSet


def check_references(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Raise `UserError` for the first name in a rule set that does not exist."""
    _check_codes(rule_set, contracts)
    evidence, people = rule_set.evidence, rule_set.people
    for rule in evidence.rules:
        compiled_keys(rule, evidence.lists, contracts, f"{rule_set.path}, evidence rule '{rule.id}'")
    known = {rule.id for rule in evidence.rules}
    for where, names in _evidence_named(rule_set):
        for name in names:
            if name not in known:
                raise unknown("evidence rule", name, known, where)
    stays = {rule.id for rule in people.stays}
    for group in people.definition.groups:
        if group.stay not in stays:
            raise unknown("stay rule", group.stay, stays, f"{rule_set.path}, group rule '{group.id}'")
    if people.definition.id in stays:
        raise UserError(
            f"{rule_set.path}, [definition]: the id '{people.definition.id}' is also that of a stay rule. "
            "Give the composite a name of its own."
        )
    for attribute in people.attributes:
        _check_attribute(attribute, rule_set, contracts)


def _check_codes(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Check that texts in lists, reasons and codes of permissions are codes that some contract defines."""
    codes = {
        code
        for contract in contracts.values()
        for extract in contract.extracts.values()
        for column in extract.columns.values()
        for code in column.meanings
    }
    places: list[tuple[str, Iterable[object]]] = [
        *((f"[lists], '{name}'", members) for name, members in rule_set.people.lists.items()),
        ("[reasons]", rule_set.people.reasons),
        *(
            (f"stay rule '{rule.id}', key '{key}'", names)
            for rule in rule_set.people.stays
            for key, names in names_in(rule, "code")
        ),
    ]
    for where, members in places:
        for member in members:
            if isinstance(member, str) and member not in codes:
                raise unknown("code", member, codes, f"{rule_set.path}, {where}")


def _evidence_named(rule_set: RuleSet) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield each place of a person rule that names evidence rules, and the names."""
    people = rule_set.people
    for key, names in names_in(people, "evidence rule"):
        yield f"{rule_set.path}, key '{key}'", names
    for kind, rules in (("stay", people.stays), ("group", people.definition.groups), ("resident", people.residents)):
        for rule in rules:
            for key, names in names_in(rule, "evidence rule"):
                yield f"{rule_set.path}, {kind} rule '{rule.id}', key '{key}'", names


def _check_attribute(attribute: Attribute, rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    where, lists = f"{rule_set.path}, attribute rule '{attribute.id}'", rule_set.people.lists
    wanted: ValueType = "date" if attribute.id == "birth_month" else "text"
    extracts = {name: one for contract in contracts.values() for name, one in contract.extracts.items()}
    for place in attribute.read:
        if place == MOTHER:
            continue
        extract, _, column = place.partition(".")
        if extract not in extracts:
            raise unknown("extract", extract, extracts, where)
        columns = columns_of(extracts[extract])
        if column not in columns:
            raise unknown("column", column, columns, f"{where}, in '{place}'")
        if columns[column].type != wanted:
            raise UserError(f"{where}: '{place}' is a {columns[column].type}, but a {wanted} is needed here.")
    for place in attribute.only:
        if place not in attribute.read:
            raise unknown("place", place, attribute.read, f"{where}, key 'only'")
    trusted = [("only", name) for names in attribute.only.values() for name in names]
    grouped = [("groups", name) for name in (attribute.groups.lists.values() if attribute.groups else ())]
    for key, name in trusted + grouped:
        if name not in lists:
            raise unknown("list", name, lists, f"{where}, key '{key}'")
