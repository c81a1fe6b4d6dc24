"""Tables of a file that states only its differences from another, merged with those of the other.

Contracts and rule sets are merged as they are written, before they are checked: a file that extends another obeys the
same rules as if it had been written in full. What is no table, or no list of tables, is left for the model to reject.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Merge = Callable[[Any, Any], Any]


def by_key(base: Any, own: Any) -> Any:
    """Return a table in which each key that `own` gives replaces that of `base`."""
    return deepcopy(base) | deepcopy(own) if isinstance(base, dict) and isinstance(own, dict) else deepcopy(own)


def by_name(base: Any, own: Any, merge: Merge) -> Any:
    """Return two tables of tables as one; tables of the same name are merged by `merge`."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return deepcopy(own)
    both = {name: merge(base[name], table) for name, table in own.items() if name in base}
    return deepcopy(base) | deepcopy(own) | both


def by_id(base: Any, own: Any, merge: Merge) -> Any:
    """Return two lists of tables as one, in the order of `base`, then of `own`; those of the same `id` are merged."""
    if not _are_tables(own) or not _are_tables(base):
        return deepcopy(own)
    own_by_id, base_by_id = ({str(one.get("id")): one for one in tables} for tables in (own, base))
    if len(own_by_id) < len(own):  # an id given twice, or several without: the model says so
        return deepcopy(own)
    return list(by_name(base_by_id, own_by_id, merge).values())


def _are_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)
