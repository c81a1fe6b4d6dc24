"""Whether a study delivers the sources without which a group of people would be measured wrongly."""

from collections.abc import Collection
from pathlib import Path

from pipeline.errors import UserError
from rules.model import RuleSet


def check_delivered_sources(rule_set: RuleSet, delivered: Collection[str], study_file: Path) -> None:
    """Raise `UserError` if people can be in a group whose stay rule lacks evidence that it cannot do without.

    `delivered` are the sources that the study has files of. A group without any delivered evidence is empty, and
    needs nothing.
    """
    source_of = {rule.id: rule.source for rule in rule_set.evidence.rules}
    stay_rules = {rule.id: rule for rule in rule_set.people.stays}
    for group in rule_set.people.definition.groups:
        if group.evidence and not {source_of[one] for one in group.evidence} & set(delivered):
            continue
        rule = stay_rules[group.stay]
        for key in rule.indispensable:
            sources = {source_of[one] for one in getattr(rule, key)}
            if not sources & set(delivered):
                raise UserError(
                    f"{study_file}: the study has no files of {' or '.join(sorted(sources))}, but people of the "
                    f"group '{group.id}' are measured by the stay rule '{rule.id}', which needs its '{key}'. Add an "
                    f"[[extract]] for it, or measure the group by another rule in {rule_set.path}."
                )
