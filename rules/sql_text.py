"""Values and lists of names as SQL text."""

from collections.abc import Sequence
from datetime import date

ListValue = str | int | float | date


def quoted(value: ListValue | bool) -> str:
    """Return a value as an SQL literal; a quote inside a text is doubled."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def among(column: str, names: Sequence[str]) -> str:
    """Return the SQL condition that a column is one of some names; never true for an empty list."""
    return f"{column} IN ({', '.join(quoted(name) for name in names)})" if names else "false"


def position_in(names: Sequence[str], column: str) -> str:
    """Return SQL for the position of a column's value in a list of names, from 0: its precedence."""
    branches = " ".join(f"WHEN {quoted(name)} THEN {position}" for position, name in enumerate(names))
    return f"CASE {column} {branches} END" if branches else "0"
