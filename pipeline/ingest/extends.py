"""A study's own contract: a new source, another contract for a known source, or the differences from one.

Contracts are merged as they are written, before they are checked, so that a contract that extends another obeys the
same rules as if it had been written in full.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from pipeline.errors import UserError, unknown
from pipeline.merged_tables import by_id, by_key, by_name
from pipeline.toml_files import read_toml

Table = dict[str, Any]


def stated_contract(path: Path, known: Mapping[str, Table]) -> tuple[str, Table]:
    """Return the source of a study's contract file, and the whole contract that it states.

    `known` has the contracts so far, by source, as they are written. Raises `UserError` for a source that has a
    contract already, unless the file says that it extends or replaces it.
    """
    data = read_toml(path)
    base, replaces = data.pop("extends", None), data.pop("replaces", False)
    if not isinstance(replaces, bool):
        raise UserError(f"{path}, key 'replaces': it must be true or false (found {replaces!r}).")
    if base is None:
        source = str(data.get("source", ""))
        if replaces and source not in known:
            raise unknown("source", source, known, f"{path}, key 'replaces'")
        if source in known and not replaces:
            raise UserError(
                f"{path}: the source '{source}' already has a contract. Give it another name, or write "
                f'replaces = true to put this one in its place, or extends = "{source}" to state differences alone.'
            )
        return source, data
    if not isinstance(base, str) or base not in known:
        raise unknown("source", str(base), known, f"{path}, key 'extends'")
    if replaces:
        raise UserError(f"{path}: a contract either extends another or replaces it. Remove 'extends' or 'replaces'.")
    if data.get("source", base) != base:
        raise UserError(
            f"{path}, key 'source': a contract that extends '{base}' is about that source. Remove 'source'."
        )
    return base, extended(known[base], data)


def extended(base: Table, own: Table) -> Table:
    """Return a contract with the differences of another: each key that is given replaces that of the base.

    Code lists are merged by code, extracts by name, their columns by name and their versions by `id`. A column that
    gives its `type` is stated in full; one that does not differs in the keys given. `version = []` leaves no version.
    """
    merged = deepcopy(base) | deepcopy({key: value for key, value in own.items() if key not in _MERGED})
    for key, merge in _MERGED.items():
        if key in own:
            merged[key] = by_name(merged.get(key, {}), own[key], merge)
    return merged


def _column(base: Any, own: Any) -> Any:
    return deepcopy(own) if isinstance(own, dict) and "type" in own else by_key(base, own)


def _version(base: Any, own: Any) -> Any:
    merged = by_key(base, own)
    if isinstance(merged, dict) and "columns" in own:
        merged["columns"] = by_name(base.get("columns", {}), own["columns"], by_key)
    return merged


def _extract(base: Any, own: Any) -> Any:
    merged = by_key(base, own)
    if not isinstance(base, dict) or not isinstance(own, dict):
        return merged
    if "columns" in own:
        merged["columns"] = by_name(base.get("columns", {}), own["columns"], _column)
    if own.get("version"):
        merged["version"] = by_id(base.get("version", []), own["version"], _version)
    return merged


_MERGED = {"code_lists": by_key, "extracts": _extract}
