"""Every name in a rule set, held against the contracts and against the other rules before anything runs."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import Extract, SourceContract
from rules.language import Field, Kind, compiled
from rules.model import MOTHER, Attribute, EvidenceRule, FirstToLast, Lists, RuleSet, Sign

KINDS: dict[str, Kind] = {
    "text": "text", "code": "text", "date": "date", "integer": "number", "decimal": "number", "boolean": "boolean",
}  # fmt: skip
REFERENCES = {
    "births", "arrivals", "departures", "permissions", "activity", "enrolments", "signs", "registrations", "listings",
    "removals",
}  # fmt: skip


def columns_of(extract: Extract) -> dict[str, Field]:
    """Return the columns that rules may read in the records of an extract, with their kinds and codes."""
    columns = {
        name: Field(KINDS[column.type], frozenset(column.codes.values()) if column.codes else None)
        for name, column in extract.attributes.items()
    }
    if extract.has_date_of_birth:
        columns["birth_month"] = Field("date")
    if extract.has_postcode:
        columns["area"] = Field("text")
    return columns


def extract_of(rule: EvidenceRule, contracts: Mapping[str, SourceContract], where: str) -> Extract:
    """Return the extract that a rule reads; raises `UserError` with the nearest name."""
    if rule.source not in contracts:
        raise unknown("source", rule.source, contracts, where)
    extracts = contracts[rule.source].extracts
    if rule.extract not in extracts:
        raise unknown(f"extract of '{rule.source}'", rule.extract, extracts, where)
    return extracts[rule.extract]


def rule_as_sql(
    rule: EvidenceRule, lists: Lists, contracts: Mapping[str, SourceContract], file: Path | None = None
) -> dict[str, str]:
    """Return the expressions of an evidence rule as SQL over the records of its extract, by key of the rule.

    Raises `UserError` that begins with `file`, if it is given, and the rule.
    """
    where = f"{f'{file}, ' if file else ''}evidence rule '{rule.id}'"
    columns = columns_of(extract_of(rule, contracts, where))
    wanted: list[tuple[str, str | None, Kind]] = [
        ("date", rule.date, "date"),
        ("end_date", rule.end_date, "date"),
        ("when", rule.when, "boolean"),
        ("unless.earlier", rule.unless.earlier if rule.unless else None, "boolean"),
        ("value", rule.value, "number"),
        ("code", rule.code, "text"),
        ("known_on", rule.known_on, "date"),
    ]
    return {
        key: compiled(text, columns, lists, f"{where}, key '{key}'", kind)
        for key, text, kind in wanted
        if text is not None
    }


def check_names(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Raise `UserError` for the first name in a rule set that nothing bears."""
    _check_lists(rule_set, contracts)
    for rule in rule_set.evidence.rules:
        rule_as_sql(rule, rule_set.evidence.lists, contracts, rule_set.path)
    known = {rule.id for rule in rule_set.evidence.rules}
    for where, names in _references(rule_set):
        for name in names:
            if name not in known:
                raise unknown("evidence rule", name, known, where)
    stays = {rule.id for rule in rule_set.people.stays}
    for group in rule_set.people.definition.groups:
        if group.stay not in stays:
            raise unknown("stay rule", group.stay, stays, f"{rule_set.path}, group rule '{group.id}'")
    if rule_set.people.definition.id in stays:
        raise UserError(
            f"{rule_set.path}, [definition]: the id '{rule_set.people.definition.id}' is also that of a stay rule. "
            "Give the composite a name of its own."
        )
    for attribute in rule_set.people.attributes:
        _check_attribute(attribute, rule_set, contracts)


def _check_lists(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Texts in a list, reasons and codes of permissions are codes: one that no contract knows is a slip."""
    codes = {
        code
        for contract in contracts.values()
        for extract in contract.extracts.values()
        for column in extract.columns.values()
        for code in column.codes.values()
    }
    places: list[tuple[str, Iterable[object]]] = [
        *((f"[lists], '{name}'", members) for name, members in rule_set.people.lists.items()),
        ("[reasons]", rule_set.people.reasons),
        *((f"stay rule '{one.id}', key 'given_inside'", one.given_inside) for one in rule_set.people.stays
          if isinstance(one, FirstToLast)),
    ]  # fmt: skip
    for where, members in places:
        for member in members:
            if isinstance(member, str) and member not in codes:
                raise unknown("code", member, codes, f"{rule_set.path}, {where}")


def _references(rule_set: RuleSet) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield each place of a person rule that names evidence rules, and the names."""
    yield f"{rule_set.path}, key 'deaths'", rule_set.people.deaths
    yield f"{rule_set.path}, key 'areas'", rule_set.people.areas
    for stay in rule_set.people.stays:
        for key in sorted(REFERENCES & set(type(stay).model_fields)):
            yield f"{rule_set.path}, stay rule '{stay.id}', key '{key}'", getattr(stay, key)
    for group in rule_set.people.definition.groups:
        yield f"{rule_set.path}, group rule '{group.id}', key 'evidence'", group.evidence
    for one in rule_set.people.residents:
        if isinstance(one, Sign):
            yield f"{rule_set.path}, resident rule '{one.id}', key 'evidence'", one.evidence
            yield f"{rule_set.path}, resident rule '{one.id}', key 'never_with'", one.never_with


def _check_attribute(attribute: Attribute, rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    where = f"{rule_set.path}, attribute rule '{attribute.id}'"
    wanted: Kind = "date" if attribute.id == "birth_month" else "text"
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
        if columns[column].kind != wanted:
            raise UserError(f"{where}: '{place}' is a {columns[column].kind}, but a {wanted} is needed here.")
    for place in attribute.only:
        if place not in attribute.read:
            raise unknown("place", place, attribute.read, f"{where}, key 'only'")
    believed = [("only", name) for names in attribute.only.values() for name in names]
    grouped = [("groups", name) for name in (attribute.groups.lists.values() if attribute.groups else ())]
    for key, name in believed + grouped:
        if name not in rule_set.people.lists:
            raise unknown("list", name, rule_set.people.lists, f"{where}, key '{key}'")
