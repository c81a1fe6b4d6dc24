"""Errors of the user, reported in one paragraph: what is wrong, where, and how to correct it."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """An error that the user can correct; the command prints it without a traceback and exits with status 2."""


class RemoteError(Exception):
    """The cause of an error in another process: its traceback as text, and the file and line where it was raised."""

    def __init__(self, formatted_traceback: str, filename: str, lineno: int | None) -> None:
        super().__init__(formatted_traceback, filename, lineno)
        self.formatted_traceback, self.filename, self.lineno = formatted_traceback, filename, lineno

    def __str__(self) -> str:
        return self.formatted_traceback


def unknown(kind: str, name: str, valid: Iterable[str], where: str) -> UserError:
    """Return the error for a `name` that is not among `valid`, with the nearest valid name.

    `kind` says what the name should be ("column", "key"), `where` names the file and the place in it.
    """
    names = sorted(str(one) for one in valid)
    nearest = get_close_matches(name, names, n=1)
    hint = f"Did you mean '{nearest[0]}'?" if nearest else f"Valid: {', '.join(names)}."
    return UserError(f"{where}: unknown {kind} '{name}'. {hint}")
