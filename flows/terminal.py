"""What a run shows: one line per stage, progress on a terminal, plain lines elsewhere; and its log."""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.status import Status

from pipeline.disk import append_line
from pipeline.stage import StageRecord

STAGE_NAMES = ("simulate", "ingest", "link", "evidence", "stays", "count", "account", "publish", "evaluate")


def typed(path: Path) -> str:
    """Return a path as the user can type it here: relative if it is below, quoted if a shell needs that."""
    whole = path.resolve()
    here = Path.cwd()
    return shlex.quote(str(whole.relative_to(here) if whole.is_relative_to(here) else whole))


class Terminal:
    """Prints a line for each finished stage to standard output and writes each to the run's log.

    Progress is shown on one line that disappears, and only on a terminal. Warnings go to standard error, or, with
    `warn=False`, are counted on the line of their stage and written only to the log. Without a log (`evaluate`
    changes nothing in a run) it only prints.
    """

    def __init__(self, log: Path | None = None, *, warn: bool = True, stream: TextIO | None = None) -> None:
        self.console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)
        self.log = log
        self.warn = warn
        self._status: Status | None = None

    def print_line(self, text: str) -> None:
        """Print one line."""
        self._stop_status()
        self.console.print(text, markup=False)

    def progress(self, stage: str, message: str) -> None:
        """Show what a stage is doing now, on a terminal only."""
        if not self.console.is_terminal:
            return
        text = f"{stage}: {message}"
        if self._status is None:
            self._status = self.console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def finished(self, record: StageRecord) -> None:
        """Print the stage's line: number, name, what it found, seconds."""
        number = STAGE_NAMES.index(record.stage) + 1
        seconds = "unchanged" if record.reused else f"{record.seconds:.1f} s"
        warnings = () if record.reused else record.warnings
        number_of_warnings = f"{len(warnings)} warning{'s' * (len(warnings) > 1)}"
        counted = f"; {number_of_warnings} in {self.log.name}" if warnings and self.log and not self.warn else ""
        self.print_line(f"  {number} {record.stage:<9} {record.sentence}{counted}  [{seconds}]")
        for skip in record.skips:
            if skip != record.skip:  # the line of the stage gives the reason of that one
                self.print_line(f"    not measured: {skip.step}, because {skip.reason}")
        for warning in warnings if self.warn else ():
            Console(stderr=True, highlight=False, soft_wrap=True).print(f"    warning: {warning}", markup=False)
        self.log_event(
            stage=record.stage,
            key=record.key,
            reused=record.reused,
            seconds=record.seconds,
            counts=dict(record.counts),
            warnings=list(record.warnings),
            skipped={skip.step: skip.reason for skip in record.skips},
        )

    def log_event(self, **event: object) -> None:
        """Append one event to the run's log, one JSON object per line."""
        if self.log is None:
            return
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        append_line(json.dumps({"time": stamp, **event}, default=str, ensure_ascii=False), self.log)

    def _stop_status(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def close(self) -> None:
        """Remove the progress line."""
        self._stop_status()
