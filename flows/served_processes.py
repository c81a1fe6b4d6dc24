"""Processes of a Prefect server and its worker, which end with `sojourn serve`, and all that they have started."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from flows.prefect_settings import HIDDEN_FROM_OTHERS
from pipeline.disk import open_log
from pipeline.errors import UserError

MARK = "SOJOURN_SERVED_BY"
SECONDS_TO_END = 15.0


class Environment(dict[str, str]):
    """The environment of all processes of one server, with a mark by which those that they start are found."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__({MARK: uuid4().hex, **variables})

    def with_more(self, more: dict[str, str]) -> "Environment":
        """Return this environment with more variables, and the same mark."""
        return Environment({**self, **more})


class ServedProcess:
    """A command of Prefect in a process of its own, with its output in a log; Ctrl-C in the terminal passes it by."""

    def __init__(self, name: str, arguments: list[str], environment: Environment, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with open_log(self.log) as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments
                [sys.executable, "-m", "prefect", *arguments],
                env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                umask=HIDDEN_FROM_OTHERS,
            )  # fmt: skip

    @property
    def number(self) -> int:
        """The number of the process."""
        return self._process.pid

    def has_succeeded(self) -> bool:
        """Return whether the process has ended with status 0."""
        return self._process.poll() == 0

    def check_not_failed(self) -> None:
        """Raise `UserError` if the process has ended with another status than 0."""
        if self._process.poll():
            raise self._ended()

    def check_running(self) -> None:
        """Raise `UserError` if the process has ended, with any status."""
        if self._process.poll() is not None:
            raise self._ended()

    def _ended(self) -> UserError:
        return UserError(
            f"Prefect's {self.name} ended with status {self._process.returncode}: see {self.log}. "
            "Correct what it says, and start again."
        )

    def end(self) -> None:
        """End the process, by force if it does not end when asked."""
        if self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def end_all(environment: Environment, but: ServedProcess | None = None) -> None:
    """End all processes of a server and its worker, flow runs above all: asked first, then by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + SECONDS_TO_END
        asked: set[int] = set()
        while (left := _processes_of(environment) - {but.number if but else 0}) and time.monotonic() < until:
            for one in left - asked:
                with suppress(ProcessLookupError):
                    os.kill(one, number)
            asked |= left
            time.sleep(0.2)


def _processes_of(environment: Environment) -> set[int]:
    """Return the numbers of the processes with the mark of an environment; none where a system does not show them."""
    mark = f"{MARK}={environment[MARK]}".encode()
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                found.add(int(path.parent.name))
    return found - {os.getpid()}
