"""The first stage in which two runs differ, and why: from their manifests, nothing is computed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.chain import STAGES

INPUT, CONTRACT, RULE, KEY, STUDY = "input", "contract", "rule", "key", "study"
KINDS = {
    "deliveries": INPUT, "areas": INPUT, "area_lookup": INPUT, "name_variants": INPUT, "model_files": INPUT,
    "contracts": CONTRACT, "key_id": KEY, "rules": RULE, "rule_set": RULE, "rule_set_digest": RULE,
    "rule_set_extends": RULE, "extracts": RULE,
}  # fmt: skip
"""What a field that a stage declares is; any other is a setting of the study."""
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """The first stage that differs: why, as far as it was made from other things, and which of its tables differ."""

    stage: str
    reasons: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """One sentence for a terminal."""
        why = "; ".join(self.reasons) or "it was made from the same things"
        if not self.tables:
            return f"stage {self.stage} differs ({why}), and its tables are the same"
        more = f" and {len(self.tables) - 1} more" if len(self.tables) > 1 else ""
        return f"the first stage that differs is {self.stage}: {why}. Its tables that differ: {self.tables[0]}{more}"


def first_difference(one: Manifest, other: Manifest) -> Difference | None:
    """Return the first stage, in the order of the chain, that was made from other things or has other tables."""
    for name in (stage.name for stage in STAGES if stage.name in one["stages"] or stage.name in other["stages"]):
        here, there = one["stages"].get(name), other["stages"].get(name)
        if here is None or there is None:
            return Difference(name, ("only one of the runs has this stage",), ())
        tables = tuple(_different_tables(here, there, one, other))
        if here["key"] != there["key"] or tables:
            return Difference(name, tuple(reasons(here, there, one, other)), tables)
    return None


def same_tables(one: Manifest, other: Manifest) -> bool:
    """Return whether two runs have the same tables, byte for byte."""
    return _digests(one) == _digests(other)


def _digests(manifest: Manifest) -> dict[str, str]:
    return {name: output["sha256"] for name, output in manifest["outputs"].items()}


def _different_tables(here: Manifest, there: Manifest, one: Manifest, other: Manifest) -> list[str]:
    written = sorted({*here.get("wrote", ()), *there.get("wrote", ())})
    ours, theirs = _digests(one), _digests(other)
    return [name for name in written if ours.get(f"tables/{name}") != theirs.get(f"tables/{name}")]


def reasons(here: Manifest, there: Manifest, one: Manifest, other: Manifest) -> list[str]:
    """Return what a stage of the first run was made from, and that of the second one was not, in words."""
    ours, theirs = here.get("made_from") or {}, there.get("made_from") or {}
    if here["key"] != there["key"] and not (ours and theirs):
        return ["one of the runs does not say what it was made from; an earlier version made it"]
    found: dict[str, list[str]] = {}
    for name in sorted({*ours, *theirs}):
        if ours.get(name) == theirs.get(name):
            continue
        what, _, field = name.partition(" ")
        kind = KINDS.get(field, STUDY) if what == "study" else what
        found.setdefault(kind, []).extend(_named(kind, field, ours.get(name), theirs.get(name), one, other))
    return [f"{kind} ({', '.join(dict.fromkeys(names))})" if names else kind for kind, names in found.items()]


def _named(kind: str, field: str, ours: str | None, theirs: str | None, one: Manifest, other: Manifest) -> list[str]:
    """Return the names of what differs in one field."""
    if kind == "library":
        return [f"{field} {ours or 'absent'}, {theirs or 'absent'}"]
    if kind == "code":
        return [commit for commit in (one.get("commit"), other.get("commit")) if commit]
    if field == "deliveries":
        return _different_files(one, other)
    if kind == RULE:
        return [f"{run['rule_set']['id']} {run['rule_set']['digest'][:12]}" for run in (one, other)]
    return [field]


def _different_files(one: Manifest, other: Manifest) -> list[str]:
    """Return the input files of two runs that differ; the way a study names equal files can differ too."""
    ours, theirs = ({file["file"]: file["sha256"] for file in run["inputs"]} for run in (one, other))
    changed = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return changed or ["how the study names its files"]
