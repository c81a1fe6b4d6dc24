"""What is legal in a rule set and probably a mistake: rules that decide nothing, rules that overlap, bare numbers."""

from collections import Counter
from collections.abc import Iterator

from rules.evidence_sql import expressions_of
from rules.families.by_signs import Priority
from rules.fields import names_in
from rules.language.compiler import names_of
from rules.language.impossible import contradicting_comparisons
from rules.model import AnySign, EvidenceRule, PersonRules, RuleSet, Sign

PLAIN_NUMBERS = {"0", "1"}
"""Numbers that need no description: the first of something, none, the day after."""
SHORTEST_SENTENCE = 10


def findings(rule_set: RuleSet) -> list[str]:
    """Return one sentence for each finding, with the file and the rule: unreachable, overlapping, undescribed."""
    return [*_unreachable(rule_set), *_overlapping(rule_set), *_undescribed(rule_set)]


def _unreachable(rule_set: RuleSet) -> Iterator[str]:
    yield from _evidence_never_used(rule_set)
    in_families = {name for one in rule_set.people.families for name in (*one.all_signs, *one.unless)}
    for rule in rule_set.people.residents:
        if rule.id not in in_families:
            yield f"{rule_set.place('resident', rule.id)}: unreachable, because no family of residence names it."
    yield from _conditions_never_met(rule_set)
    yield from _groups_never_reached(rule_set)
    yield from _signs_never_first(rule_set)
    for name in sorted(set(rule_set.declared) - set(rule_set.parameters)):
        yield f"{rule_set.path}, parameter '{name}': unreachable, because no rule names it."
    yield from _lists_never_used(rule_set)


def _evidence_never_used(rule_set: RuleSet) -> Iterator[str]:
    rules = rule_set.evidence.rules
    used = _evidence_used(rule_set.people)
    used |= {one.in_force for rule in rules for one in rule.other_rows.values() if one.in_force}
    for rule in rules:
        where = rule_set.place("evidence", rule.id)
        if rule.id not in used:
            yield f"{where}: unreachable, because no rule on people names it."
        named = _named_in(rule)
        for name in rule.parameters:
            if f"${name}" not in named:
                yield f"{where}: unreachable, because no expression names its parameter '{name}'."
        for name in rule.other_rows:
            if name not in named:
                yield f"{where}: unreachable, because no expression names its predicate '{name}'."


def _conditions_never_met(rule_set: RuleSet) -> Iterator[str]:
    for rule in rule_set.evidence.rules:
        conditions = [
            ("when", rule.when),
            *((f"other_rows.{name}", one.condition) for name, one in rule.other_rows.items()),
        ]
        for key, text in conditions:
            both = contradicting_comparisons(text) if text else None
            if both:
                where = f"{rule_set.place('evidence', rule.id)}, key '{key}'"
                yield f"{where}: unreachable, because no record has {both}."


def _lists_never_used(rule_set: RuleSet) -> Iterator[str]:
    used = {name.removeprefix("$") for rule in rule_set.evidence.rules for name in _named_in(rule)}
    for attribute in rule_set.people.attributes:
        used |= {name for names in attribute.only.values() for name in names}
        used |= set(attribute.groups.lists.values()) if attribute.groups else set()
    for name in rule_set.people.lists:
        if name not in used:
            yield f"{rule_set.path}, list '{name}': unreachable, because no rule names it."


def _evidence_used(people: PersonRules) -> set[str]:
    of_spells = (group for rule in people.group_rules for group in rule.groups)
    rules = [
        people, people.nationality, *people.stays, *people.definition.groups, *of_spells, *people.residents,
    ]  # fmt: skip
    return {name for rule in rules for _, names in names_in(rule, "evidence rule") for name in names}


def _named_in(rule: EvidenceRule) -> set[str]:
    """Return what the expressions of an evidence rule name; parameters and lists with a dollar."""
    found: set[str] = set()
    for _, text in expressions_of(rule):
        with_dollar, names, _ = names_of(text)
        found |= {f"${name}" for name in with_dollar} | names
    return found


def _groups_never_reached(rule_set: RuleSet) -> Iterator[str]:
    before: set[str] = set()
    for group in rule_set.people.definition.groups:
        if group.evidence and set(group.evidence) <= before:
            yield (
                f"{rule_set.place('group', group.id)}: unreachable, because everybody with its evidence is in "
                "a group before it."
            )
        before |= set(group.evidence)


def _signs_never_first(rule_set: RuleSet) -> Iterator[str]:
    known = {one.id: one for one in rule_set.people.signs}
    for family in rule_set.people.families:
        if not isinstance(family, Priority):
            continue
        for place, name in enumerate(family.signs):
            for before in family.signs[:place]:
                if _covers(known[before], known[name]):
                    yield (
                        f"{rule_set.place('resident_family', family.id)}: the sign '{name}' never decides, because "
                        f"'{before}', which comes first, is there whenever it is."
                    )


def _covers(first: Sign, later: Sign) -> bool:
    """Return whether everybody with the later sign has the first one too, by what their keys say."""
    if not isinstance(first, AnySign) or first.at != later.at:
        return False
    restricted = (first.never_with and set(first.never_with) - set(later.never_with)) or (
        first.below_age is not None and first.below_age != later.below_age
    )
    same_window = first.months_before == later.months_before
    after = first.months_after == later.months_after or later.months_after is None
    return not restricted and same_window and after and set(later.evidence) <= set(first.evidence)


def _overlapping(rule_set: RuleSet) -> Iterator[str]:
    """Find evidence rules that take the same fact from the same records under two names."""
    seen: dict[tuple, str] = {}
    for rule in rule_set.evidence.rules:
        what = (rule.source, rule.extract, rule.kind, rule.date, rule.when, str(rule.other_rows))
        if what in seen:
            yield (
                f"{rule_set.place('evidence', rule.id)}: overlaps with '{seen[what]}', which reads the same kind of "
                "evidence from the same records."
            )
        seen.setdefault(what, rule.id)
    for rule in rule_set.people.stays:
        for key, names in names_in(rule, "evidence rule"):
            for name, times in Counter(names).items():
                if times > 1:
                    yield f"{rule_set.place('stay', rule.id)}, key '{key}': '{name}' is named {times} times."


def _undescribed(rule_set: RuleSet) -> Iterator[str]:
    people = rule_set.people
    kinds = {
        "evidence": rule_set.evidence.rules, "stay": people.stays, "group": people.definition.groups,
        "resident": people.residents, "resident_family": people.families, "attribute": people.attributes,
    }  # fmt: skip
    for kind, rules in kinds.items():
        for rule in rules:
            says, source = rule.says, getattr(rule, "source_of_rule", None)
            if len(says) < SHORTEST_SENTENCE or not says.endswith("."):
                yield f"{rule_set.place(kind, rule.id)}, key 'says': undescribed. Write a sentence with a full stop."
            if source is not None and not source.strip():
                yield f"{rule_set.place(kind, rule.id)}, key 'source_of_rule': undescribed. Say where it comes from."
    for name, parameter in rule_set.parameters.items():
        if len(parameter.says) < SHORTEST_SENTENCE or not parameter.says.endswith("."):
            yield f"{rule_set.path}, parameter '{name}': undescribed. Write a sentence with a full stop."
    for rule in rule_set.evidence.rules:
        for key, text in expressions_of(rule):
            for number in names_of(text)[2]:
                if number not in PLAIN_NUMBERS:
                    yield (
                        f"{rule_set.place('evidence', rule.id)}, key '{key}': the number {number} in \"{text}\" is "
                        "undescribed. Declare a parameter, and name it with a dollar."
                    )
