"""What the sources that a study delivers allow: whether people can be measured from them, and since when."""

from collections.abc import Mapping

from pipeline.ingest.contracts import SourceContract
from pipeline.stage import Skip
from rules.model import EvidenceRules, RuleSet
from rules.sql_text import quoted


def without_evidence(rules: EvidenceRules, delivered: Mapping[str, SourceContract], step: str) -> Skip | None:
    """Return why a step is skipped if no evidence rule reads any of the delivered sources, else None."""
    if {rule.source for rule in rules.rules} & set(delivered):
        return None
    return Skip(step, f"no evidence rule of the study's rule set reads any of its sources ({', '.join(delivered)})")


def without_stays(rule_set: RuleSet, delivered: Mapping[str, SourceContract]) -> Skip | None:
    """Return why stays are skipped if they cannot be measured from the delivered sources, else None.

    That is so without any evidence, and if people can be in a group whose stay rule lacks evidence that it cannot do
    without. A group without any delivered evidence is empty, and needs nothing.
    """
    skip = without_evidence(rule_set.evidence, delivered, "stays")
    if skip is not None:
        return skip
    source_of = {rule.id: rule.source for rule in rule_set.evidence.rules}
    extract_of = {rule.id: rule.extract for rule in rule_set.evidence.rules}
    stay_rules = {rule.id: rule for rule in rule_set.people.stays}
    for group in rule_set.people.definition.groups:
        if group.evidence and not {source_of[one] for one in group.evidence} & set(delivered):
            continue
        rule = stay_rules[group.stay]
        for key in rule.indispensable:
            sources = {source_of[one] for one in getattr(rule, key)}
            if not sources & set(delivered):
                reason = (
                    f"the study has no files of {' or '.join(sorted(sources))}, and people of the group '{group.id}' "
                    f"are measured by the stay rule '{rule.id}', which needs its '{key}'"
                )
                return Skip("stays", reason, tuple(sorted({extract_of[one] for one in getattr(rule, key)})))
    return None


def covered_from(contracts: Mapping[str, SourceContract]) -> str:
    """Return SQL with the columns `source, covers_from`: the first day that all extracts of a source cover.

    It is null where no contract of the source's extracts gives such a day.
    """
    days = {
        source: max((one.covers_from for one in contract.extracts.values() if one.covers_from), default=None)
        for source, contract in contracts.items()
    }
    rows = ", ".join(f"({quoted(source)}, {quoted(day) if day else 'NULL::DATE'})" for source, day in days.items())
    return f"SELECT * FROM (VALUES {rows}) AS covered(source, covers_from)"
