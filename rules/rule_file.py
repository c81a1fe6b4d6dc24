"""A rule file as it is written, with what it takes from the set that it extends, before anything in it is checked.

A set that `extends` another states only what differs. Rules are merged by `id` and keys by name, so that the merged
set obeys the same rules as if it had been written in full. A new rule comes after those of the base, or where its key
`before` says; `without` names rules of the base that the set does not have. Whoever gives a parameter another `value`
says where that comes from: `source_of_value` and `later` of the base belong to the value that it had.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import UserError, unknown
from pipeline.merged_tables import by_id, by_key, by_name
from pipeline.toml_files import read_toml

SETS = Path(__file__).parent / "sets"
ENTRIES = ("evidence", "stay", "resident", "resident_family", "attribute")
"""The lists of rules of a file; groups are those of its definition."""
SECTIONS = ("definition", "unfinished", "household", "nationality", "possibly_one")
"""What a file states once, and by keys."""
GROUP = "group"
Table = dict[str, Any]


@dataclass(frozen=True)
class RuleFile:
    """What a file states, merged with its base; `written_in` is the last file that states each rule, by kind and id.

    `base` is the file that it extends, if it extends one.
    """

    path: Path
    data: Table
    base: "RuleFile | None" = None
    written_in: Mapping[tuple[str, str], Path] = field(default_factory=dict)

    def place(self, kind: str, rule: str) -> str:
        """Return where a rule is written, for messages."""
        file = self.written_in.get((kind, rule), self.path)
        extended = "" if file == self.path else f" (extended by {self.path.name})"
        return f"{file}{extended}, {kind} rule '{rule}'"


def set_names() -> list[str]:
    """Return the names of the sets that come with the package."""
    return sorted(one.stem for one in SETS.glob("*.toml"))


def named_set(name: str, folder: Path, where: str) -> Path:
    """Return the file of a set: one of the package by its name, or a path ending in `.toml` relative to `folder`."""
    if name.endswith(".toml"):
        return folder / Path(name).expanduser()
    path = SETS / f"{name}.toml"
    if not path.is_file():
        raise unknown("rule set", name, set_names(), where)
    return path


def read_rule_file(path: Path, extended_by: tuple[Path, ...] = ()) -> RuleFile:
    """Return a rule file merged with the sets that it extends; raises `UserError` if one of them cannot be read."""
    if path.resolve() in extended_by:
        chain = " extends ".join(str(one) for one in (*extended_by, path))
        raise UserError(f"{path}, key 'extends': {chain}, so neither begins. Remove one 'extends'.")
    own = read_toml(path)
    extends = own.pop("extends", None)
    if extends is None:
        return RuleFile(path, own, written_in=dict.fromkeys(_rules(own), path))
    where = f"{path}, key 'extends'"
    if not isinstance(extends, str):
        raise UserError(f"{where}: the name of one rule set is needed here (found {extends!r}).")
    base = read_rule_file(named_set(extends, path.parent, where), (*extended_by, path.resolve()))
    for key in ("id", "title", "says"):
        if key not in own:
            raise UserError(f"{path}: the key '{key}' is missing. A set that extends another has its own.")
    if own["id"] == base.data.get("id"):
        raise UserError(f"{path}, key 'id': '{own['id']}' is the id of the set that it extends. Give it its own.")
    without = own.pop("without", {})
    _check_overrides(base.data, own, path)
    merged = _merged(_without(base, without, path), own, path)
    return RuleFile(path, merged, base, {**base.written_in, **dict.fromkeys(_rules(own), path)})


def _rules(data: Table) -> list[tuple[str, str]]:
    groups = data["definition"].get(GROUP, []) if isinstance(data.get("definition"), dict) else []
    listed = {**{kind: data.get(kind, []) for kind in ENTRIES}, GROUP: groups}
    return [
        (kind, str(entry.get("id")))
        for kind, entries in listed.items()
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, dict)
    ]


def _without(base: RuleFile, without: Any, path: Path) -> Table:
    """Return what the base states, without the rules that the file leaves out."""
    where, kinds = f"{path}, [without]", (*ENTRIES, GROUP)
    if not isinstance(without, dict) or not all(isinstance(names, list) for names in without.values()):
        raise UserError(f'{where}: it has lists of ids by kind of rule. Write without = {{ resident = ["an_id"] }}.')
    data, stated = deepcopy(base.data), set(_rules(base.data))
    for kind, names in without.items():
        if kind not in kinds:
            raise unknown("kind of rule", kind, kinds, where)
        for name in names:
            if (kind, name) not in stated:
                raise unknown(f"{kind} rule of the base", str(name), [one for k, one in stated if k == kind], where)
        holder = data["definition"] if kind == GROUP else data
        holder[kind] = [entry for entry in holder[kind] if entry["id"] not in names]
    return data


def _check_overrides(base: Table, own: Table, path: Path) -> None:
    """Raise `UserError` for what is neither a rule or parameter of the base nor, without a sentence, a new one."""
    for kind in ENTRIES:
        known = _by_id(base.get(kind))
        for name, entry in _by_id(own.get(kind)).items():
            if name in known:
                _check_parameters(known[name], entry, f"{path}, {kind} rule '{name}'")
            elif "says" not in entry and "before" not in entry:
                raise unknown(f"{kind} rule", name, known, f"{path}, [[{kind}]]")
    for key in SECTIONS:
        if isinstance(base.get(key), dict) and isinstance(own.get(key), dict):
            _check_parameters(base[key], own[key], f"{path}, [{key}]")
    _check_parameters(base, own, str(path))


def _check_parameters(base: Table, own: Table, where: str) -> None:
    known, stated = (one.get("parameters", {}) for one in (base, own))
    if not isinstance(known, dict) or not isinstance(stated, dict):
        return
    for name, entry in stated.items():
        if name not in known and isinstance(entry, dict) and "says" not in entry:
            raise unknown("parameter", name, known, f"{where}, [parameters]")


def _by_id(entries: Any) -> dict[str, Table]:
    if not isinstance(entries, list):
        return {}
    return {str(entry.get("id")): entry for entry in entries if isinstance(entry, dict)}


def _merged(base: Table, own: Table, path: Path) -> Table:
    merged = by_key(base, own)
    for kind in ENTRIES:
        if kind in own:
            merged[kind] = _in_order(by_id(base.get(kind, []), own[kind], _rule), base.get(kind, []), kind, path)
    for key in ("lists", "reasons"):
        if key in own:
            merged[key] = by_key(base.get(key, {}), own[key])
    if "parameters" in own:
        merged["parameters"] = by_name(base.get("parameters", {}), own["parameters"], _parameter)
    for key in SECTIONS:
        if key in own:
            merged[key] = _rule(base.get(key, {}), own[key])
    if isinstance(own.get("definition"), dict) and GROUP in own["definition"]:
        groups = base.get("definition", {}).get(GROUP, [])
        merged["definition"][GROUP] = _in_order(by_id(groups, own["definition"][GROUP], _rule), groups, GROUP, path)
    return merged


def _rule(base: Any, own: Any) -> Any:
    """Merge one rule: keys, parameters and predicates by name; a key may become a parameter, or cease to be one."""
    merged = by_key(base, own)
    if not isinstance(base, dict) or not isinstance(own, dict):
        return merged
    for one in ("band", GROUP):
        if isinstance(own.get(one), list):
            merged[one] = by_id(base.get(one, []), own[one], _rule)
    if "other_rows" in own:
        merged["other_rows"] = by_key(base.get("other_rows", {}), own["other_rows"])
    if "parameters" in base or "parameters" in own:
        parameters = by_name(base.get("parameters", {}), own.get("parameters", {}), _parameter)
        if isinstance(parameters, dict):
            merged["parameters"] = {name: one for name, one in parameters.items() if name not in own}
            for name in own.get("parameters", {}):
                if name in base and name not in own:
                    merged.pop(name, None)
    return merged


def _parameter(base: Any, own: Any) -> Any:
    if isinstance(base, dict) and isinstance(own, dict) and "value" in own:
        base = {key: value for key, value in base.items() if key not in ("value", "later", "source_of_value")}
    return by_key(base, own)


def _in_order(entries: Any, base: Any, kind: str, path: Path) -> Any:
    """Return rules in their order; one with the key `before` stands before the rule that it names."""
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return entries
    ordered = [entry for entry in entries if "before" not in entry]
    known = {str(entry.get("id")) for entry in base}
    for entry in entries:
        if "before" in entry:
            follower = str(entry["before"])
            if follower not in known:
                raise unknown(
                    f"{kind} rule", follower, known, f"{path}, {kind} rule '{entry.get('id')}', key 'before'"
                )
            place = [one.get("id") for one in ordered].index(follower)
            ordered.insert(place, {key: value for key, value in entry.items() if key != "before"})
    return ordered
