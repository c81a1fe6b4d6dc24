"""Groups of people, or of their spells, each measured by one stay rule: in order, the last for everybody else."""

from pipeline.toml_files import Frozen
from rules.fields import EvidenceIds, RuleId


class Group(Frozen):
    """People, or spells, measured by one stay rule: those with any of `evidence` (empty: everyone else)."""

    id: RuleId
    says: str
    evidence: EvidenceIds = ()
    stay: str


def exhaustive(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Return groups of which the last is for everyone else; raises `ValueError` if it is not, or another one is."""
    if groups[-1].evidence or not all(group.evidence for group in groups[:-1]):
        raise ValueError("only the last group may, and must, be for everyone else (without 'evidence')")
    return groups
