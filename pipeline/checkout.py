"""Which commit of Sojourn, and which lock file, this process runs from: what another person checks out."""

import subprocess
from functools import cache

from pipeline.store import ROOT
from pipeline.study import digest_of_file

LOCK = "requirements.lock"
CHANGED = " with changes"


@cache
def commit() -> str:
    """Return the commit of the checkout, followed by `CHANGED` if files of it were changed since; "" without one."""
    top = _git("rev-parse", "--show-toplevel")
    if top is None or top.strip() != str(ROOT):
        return ""
    name, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    if name is None:
        return ""
    return name.strip() + (CHANGED if changed is None or changed.strip() else "")


@cache
def lock_digest() -> str:
    """Return the SHA-256 of the lock file from which the libraries were installed; "" where there is none."""
    return digest_of_file(ROOT / LOCK) if (ROOT / LOCK).is_file() else ""


def _git(*arguments: str) -> str | None:
    """Return what git prints of the checkout; None without git, or outside a repository."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607 - the user's own git
            capture_output=True, text=True, check=True, timeout=20,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
