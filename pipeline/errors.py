"""Errors of the user, reported in one paragraph: what is wrong, where, and how to correct it."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """An error that the user can correct; the command prints it without a traceback and exits with status 2."""


def first_line(error: BaseException) -> str:
    """Return the first line of a library's message: what follows is often a paragraph on options of the library."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def unknown(kind: str, name: str, valid: Iterable[str], where: str) -> UserError:
    """Return the error for a `name` that is not among `valid`, with the nearest valid name.

    `kind` says what the name should be ("column", "key"), `where` names the file and the place in it.
    """
    names = sorted(str(one) for one in valid)
    nearest = get_close_matches(name, names, n=1)
    hint = f"Did you mean '{nearest[0]}'?" if nearest else f"Valid: {', '.join(names)}."
    return UserError(f"{where}: unknown {kind} '{name}'. {hint}")
