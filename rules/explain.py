"""What the rules say about a path of decisions: the sentences of the rules, and the groups that apply to a person."""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.model import PersonRules, RuleSet
from rules.parameters import Parameter


@dataclass(frozen=True)
class AppliedGroup:
    """A group of the composite definition that applies to a person: its stay rule, and the evidence that it needs.

    `pieces` is the number of pieces of that evidence, by evidence rule; empty for the group of everyone else.
    """

    group: str
    says: str
    stay_rule: str
    pieces: Mapping[str, int]


def groups_that_apply(rules: PersonRules, pieces: Mapping[str, int]) -> list[AppliedGroup]:
    """Return the groups that apply to a person, in order; the first measures, the next one completes.

    `pieces` is the number of pieces of evidence by evidence rule. A definition that is one stay rule has no groups.
    """
    if rules.published != rules.definition.id:
        return []
    found = []
    for group in rules.definition.groups:
        own = {rule: pieces[rule] for rule in group.evidence if pieces.get(rule)}
        if own or not group.evidence:
            found.append(AppliedGroup(group.id, group.says, group.stay, own))
    return found


def threshold_parameters(rules: PersonRules) -> dict[str, tuple[str | None, str | None]]:
    """Return, by stay rule, the ids of the parameters that the days of a stay and of an absence must exceed.

    A definition that follows residence through crossings has thresholds of its own, and none of these.
    """
    return {rule.id: (_id_of(rule, "more_than_days"), _id_of(rule, "absent_more_than_days")) for rule in rules.stays}


def _id_of(rule: object, key: str) -> str | None:
    parameter = getattr(rule, key, None)
    return parameter.id if isinstance(parameter, Parameter) else None


def sentences(rule_set: RuleSet) -> dict[str, str]:
    """Return what every rule of a rule set says, by its id, with the source of the method where it gives one."""
    people = rule_set.people
    sourced = {one.id: f"{one.says} ({one.source_of_rule})" for one in (*rule_set.evidence.rules, *people.stays)}
    plain = {
        one.id: one.says
        for one in (people.definition, *people.definition.groups, *people.residents, *people.families)
    }
    return sourced | plain
