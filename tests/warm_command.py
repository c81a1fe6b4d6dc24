"""The command in a process of its own that need not load libraries: it is forked from one that has loaded them.

A user waits a second for the libraries at each command; hundreds of tests should not. What a process reads when it
starts (variables of Python and of the locale, code that runs first) needs a real start: `conftest.sojourn` decides.
"""

import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from drawn_once import drawn_once

_AT_START = ("PYTHON", "LC_", "LANG", "OPENBLAS_", "OMP_", "MALLOC_", "LD_", "HOME")
"""Beginnings of the variables that only the start of a process reads."""

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["warm_libraries"])


def needs_a_start(env: dict[str, str]) -> bool:
    """Return whether a variable is read when a process starts, and never again."""
    return any(name.startswith(_AT_START) for name in env)


def warm(arguments: list[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Run the command in a forked process; return its exit status and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        printed = [Path(folder) / name for name in ("out", "err")]
        process = _FORKING.Process(target=_command, args=(arguments, {**os.environ, **env}, os.getcwd(), printed))
        process.start()
        process.join()
        status = process.exitcode
        texts = [path.read_text(encoding="utf-8", errors="replace") if path.exists() else "" for path in printed]
        process.close()
    return status, *texts


def _command(arguments: list[str], env: dict[str, str], folder: str, printed: list[Path]) -> None:
    for number, path in enumerate(printed, start=1):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open until the process ends
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = ["sojourn", *arguments]
    from flows.cli import main
    from publication.charts import svg

    svg._rendered = drawn_once(svg._rendered)
    main(arguments)
