"""Every name in a rule set, checked against the contracts and against the other rules before anything runs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from pipeline.errors import UserError, unknown
from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import NATIONALITY_GROUPS, SEXES
from rules.evidence_sql import columns_of, compiled_rule
from rules.families.by_age import ByAge
from rules.fields import Thing, names_in
from rules.language.compiler import ValueType
from rules.model import FAMILY, MOTHER, NATIONALITY, Attribute, AttributeId, RuleSet
from rules.parameters import Parameter, each_parameter

FIXED_GROUPS = {"sex": ("sex", SEXES), NATIONALITY: ("nationality group", NATIONALITY_GROUPS)}
"""The attributes by which tables are divided, and what they are called: a person is in one of these groups."""


def check_references(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Raise `UserError` for the first name in a rule set that does not exist."""
    _check_codes(rule_set, contracts)
    evidence, people = rule_set.evidence, rule_set.people
    for rule in evidence.rules:
        compiled_rule(rule, evidence, contracts, rule_set.place("evidence", rule.id))
    known = {rule.id for rule in evidence.rules}
    for where, names in _evidence_named(rule_set):
        for name in names:
            if name not in known:
                raise unknown("evidence rule", name, known, where)
    _check_stay_rules(rule_set)
    _check_household(rule_set, contracts)
    for missing in sorted(set(get_args(AttributeId)) - {one.id for one in people.attributes}):
        raise UserError(f"{rule_set.path}: no attribute rule '{missing}', which the table of people needs. Add one.")
    _check_signs(rule_set)
    _check_families(rule_set)
    _check_parameters(rule_set)
    for attribute in people.attributes:
        _check_attribute(attribute, rule_set, contracts)
    _check_nationality(rule_set, contracts)


def _check_stay_rules(rule_set: RuleSet) -> None:
    """Check the stay rules that groups name, the definitions that stay rules name, and the id of the composite."""
    people = rule_set.people
    spells, residence = ({rule.id for rule in rules} for rules in (people.spell_rules, people.crossings_rules))
    groups = [
        *((rule_set.place("group", group.id), group) for group in people.definition.groups),
        *(
            (f"{rule_set.place('stay', rule.id)}, group '{group.id}'", group)
            for rule in people.group_rules
            for group in rule.groups
        ),
    ]
    for where, group in groups:
        if group.stay in residence:
            raise UserError(
                f"{where}: the stay rule '{group.stay}' looks at crossings alone, and has no spells for another "
                "rule to complete. Give the group another rule; a study publishes this one by its key 'definition'."
            )
        if group.stay not in spells:
            raise unknown("stay rule", group.stay, spells, where)
    for rule in people.crossings_rules:
        others = (people.definition.id, *sorted(spells))
        if rule.others_by is not None and rule.others_by not in others:
            raise unknown("definition", rule.others_by, others, f"{rule_set.place('stay', rule.id)}, key 'others_by'")
    if people.definition.id in {rule.id for rule in people.stays}:
        raise UserError(
            f"{rule_set.path}, [definition]: the id '{people.definition.id}' is also that of a stay rule. "
            "Give the composite a name of its own."
        )


def _check_household(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Check that the stay rules by which children follow their family make spells, and that its sources exist."""
    household = rule_set.people.household
    if household is None:
        return
    where = f"{rule_set.path}, [household], key"
    spells = {rule.id for rule in rule_set.people.spell_rules}
    for name in household.follows:
        if name not in spells:
            raise unknown("stay rule", name, spells, f"{where} 'follows'")
    for source in household.homes:
        if source not in contracts:
            raise unknown("source", source, contracts, f"{where} 'homes'")


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
                yield f"{rule_set.place(kind, rule.id)}, key '{key}'", names
    for rule in people.group_rules:
        for group in rule.groups:
            for key, names in names_in(group, "evidence rule"):
                yield f"{rule_set.place('stay', rule.id)}, group '{group.id}', key '{key}'", names
    for section in ("household", "nationality"):
        rules = getattr(people, section)
        for key, names in names_in(rules, "evidence rule") if rules is not None else ():
            yield f"{rule_set.path}, [{section}], key '{key}'", names


def _check_signs(rule_set: RuleSet) -> None:
    """Refuse a sign by overlap with evidence of single days, which would count as intervals without an end."""
    of_a_day = {rule.id for rule in rule_set.evidence.rules if rule.end_date is None}
    for sign in rule_set.people.signs:
        if sign.at == "overlap":
            for name in sign.evidence:
                if name in of_a_day:
                    raise UserError(
                        f"{rule_set.place('resident', sign.id)}: at = 'overlap' needs evidence with an "
                        f"'end_date', which '{name}' has not, so it would count for ever. Write at = 'start'."
                    )


def _check_families(rule_set: RuleSet) -> None:
    """Check the names of signs and exclusions in the families of residence rules, and that of the published one."""
    people = rule_set.people
    known: dict[Thing, set[str]] = {
        "sign": {one.id for one in people.signs}, "exclusion": {one.id for one in people.exclusions},
    }  # fmt: skip
    for family in people.families:
        where = rule_set.place("resident_family", family.id)
        named = [
            (thing, key, name)
            for rule in (family, *(family.bands if isinstance(family, ByAge) else ()))
            for thing in known
            for key, names in names_in(rule, thing)
            for name in names
        ]
        for thing, key, name in named:
            if name not in known[thing]:
                raise unknown(thing, name, known[thing], f"{where}, key '{key}'")
    families = {one.id for one in people.families}
    if people.published_family not in families:
        raise unknown("family", people.published_family, families, f"{rule_set.path}, key 'published_family'")


def _check_parameters(rule_set: RuleSet) -> None:
    """Require that no two parameters have one id: rules of two kinds that have parameters need names of their own."""
    found: dict[str, Parameter] = {}
    for parameter in each_parameter(rule_set):
        if found.setdefault(parameter.id, parameter) != parameter:
            raise UserError(
                f"{rule_set.path}: two rules of the same id have a parameter '{parameter.id}'. Give one of them "
                "another id, so that each parameter has a name of its own."
            )


def _check_nationality(rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    """Check the places that are certain, which are some of those that are read, and the columns of who asks."""
    where = f"{rule_set.path}, [nationality], key"
    read = next(one for one in rule_set.people.attributes if one.id == NATIONALITY).read
    places = [place for place in read if place not in (MOTHER, FAMILY)]
    for place in rule_set.people.nationality.certain:
        if place not in places:
            raise unknown("place", place, places, f"{where} 'certain'")
    for place in rule_set.people.nationality.asked_now:
        _check_place(place, "text", contracts, f"{where} 'asked_now'")


def _check_place(
    place: str, wanted: ValueType, contracts: Mapping[str, SourceContract], where: str
) -> frozenset[str] | None:
    """Return the codes of the column that a place names, which must exist and have the type that is wanted."""
    extracts = {name: one for contract in contracts.values() for name, one in contract.extracts.items()}
    extract, _, column = place.partition(".")
    if extract not in extracts:
        raise unknown("extract", extract, extracts, where)
    columns = columns_of(extracts[extract])
    if column not in columns:
        raise unknown("column", column, columns, f"{where}, in '{place}'")
    if columns[column].type != wanted:
        raise UserError(f"{where}: '{place}' is a {columns[column].type}, but a {wanted} is needed here.")
    return columns[column].codes


def _check_attribute(attribute: Attribute, rule_set: RuleSet, contracts: Mapping[str, SourceContract]) -> None:
    where, lists = rule_set.place("attribute", attribute.id), rule_set.people.lists
    wanted: ValueType = "date" if attribute.id == "birth_month" else "text"
    for place in attribute.read:
        if place == FAMILY and rule_set.people.household is None:
            raise UserError(
                f"{rule_set.place('attribute', attribute.id)}, key 'read': '{FAMILY}' needs the table [household], "
                "which says who lives together. Write it, or leave this place out."
            )
        if place in (MOTHER, FAMILY):
            continue
        codes = _check_place(place, wanted, contracts, where)
        if attribute.id in FIXED_GROUPS and attribute.groups is None:
            _check_values_are_groups(codes, attribute, f"{where}, in '{place}'")
    _check_groups(attribute, where)
    for place in attribute.only:
        if place not in attribute.read:
            raise unknown("place", place, attribute.read, f"{where}, key 'only'")
    trusted = [("only", name) for names in attribute.only.values() for name in names]
    grouped = [("groups", name) for name in (attribute.groups.lists.values() if attribute.groups else ())]
    for key, name in trusted + grouped:
        if name not in lists:
            raise unknown("list", name, lists, f"{where}, key '{key}'")


def _check_groups(attribute: Attribute, where: str) -> None:
    """Require that every group that an attribute rule names is one of those by which the tables are divided."""
    groups, default = attribute.groups, attribute.default
    if attribute.id == "birth_month" and (groups is not None or default is not None):
        raise UserError(f"{where}: a month of birth has no 'groups' and no 'default'. Remove the key.")
    if attribute.id not in FIXED_GROUPS:
        return
    kind, valid = FIXED_GROUPS[attribute.id]
    if attribute.id == NATIONALITY and default is not None:
        raise UserError(
            f"{where}: nobody has a {kind} by default. Remove the key: [nationality] says how likely each group is "
            "for people of whom no place tells."
        )
    if attribute.id != NATIONALITY and default is None:
        raise UserError(f"{where}: the key 'default' is missing. Everybody has a {kind}: {', '.join(valid)}.")
    named = [] if default is None else [("default", default)]
    if groups is not None:
        named += [*(("groups", name) for name in groups.lists), ("groups", groups.otherwise)]
    for key, name in named:
        if name not in valid:
            raise unknown(kind, name, valid, f"{where}, key '{key}'")


def _check_values_are_groups(codes: frozenset[str] | None, attribute: Attribute, where: str) -> None:
    """Require of a column whose values are not mapped to groups that they are groups themselves."""
    kind, valid = FIXED_GROUPS[attribute.id]
    others = [] if codes is None else sorted(codes - set(valid))
    if codes is None or others:
        found = f"values such as '{others[0]}' are" if others else "any text is possible, so it is"
        raise UserError(f"{where}: {found} not a {kind} ({', '.join(valid)}). Map the values with 'groups'.")
