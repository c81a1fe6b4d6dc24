"""The folder of live runs: which run is live, which ones were, and which ones failed their checks.

`RUNS/latest` has the name of the live run, and `RUNS/history.csv` a line for every run that went live or failed. Both
are replaced as a whole, the history first; where a machine stopped in between, the next command catches up.
"""

import csv
import io
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline import disk
from pipeline.errors import UserError, first_line
from pipeline.tables import write_text

LATEST, HISTORY, LOCK = "latest", "history.csv", ".lock"
UNFINISHED = "was ended before its checks; the same command resumes it"
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")


@dataclass(frozen=True)
class HistoryRow:
    """One run of the history: when it went live (empty if it failed), by which run it was superseded, and why."""

    run: str
    went_live: str = ""
    superseded_by: str = ""
    reason: str = ""


COLUMNS = [field.name for field in fields(HistoryRow)]


class LiveRuns:
    """A folder of runs, of which at most one is live."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def prepare(self) -> None:
        """Make the folder; raises `UserError` if it contains anything else than live runs."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--live {self.folder}: is a file, not a folder. Choose another.")
        disk.make_folder(self.folder)
        # by all names, not by one file: a machine that stops can lose any of them
        if not any(map(_is_ours, self.folder.iterdir())) and any(self.folder.iterdir()):
            raise UserError(
                f"--live {self.folder}: contains files that are not live runs. Choose an empty or a new folder."
            )

    @property
    def live(self) -> str | None:
        """The name of the live run, None before the first."""
        try:
            return (self.folder / LATEST).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    @property
    def exists(self) -> bool:
        """Whether this is a folder of live runs, by its files."""
        return (self.folder / HISTORY).is_file() or (self.folder / LATEST).is_file()

    def all_but_live(self) -> list[Path]:
        """Return the folders of the runs that are not live: superseded, failed or stopped."""
        found = [path for path in sorted(self.folder.iterdir()) if _NAME.fullmatch(path.name)]
        return [path for path in found if path.name != self.live]

    def history(self) -> list[HistoryRow]:
        """Return the history, in the order in which runs went live or failed; raises `UserError` if it is damaged."""
        path = self.folder / HISTORY
        try:
            rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"{path}: cannot be read ({first_line(error)}). Restore it from a copy.") from None
        if not rows or rows[0] != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
            raise UserError(f"{path}: is not a history ({', '.join(COLUMNS)}). Restore it from a copy.")
        return [HistoryRow(*row) for row in rows[1:]]

    def run_of(self, run_id: str, today: date) -> Path:
        """Return the folder of the run with an id: the one that exists, whatever its day, else a new one of today."""
        existing = [path for path in sorted(self.folder.glob(f"*-{run_id}")) if _NAME.fullmatch(path.name)]
        return existing[-1] if existing else self.folder / f"{today.isoformat()}-{run_id}"

    def has_been_live(self, run: str) -> bool:
        """Return whether a run is live, or was."""
        return any(row.run == run and row.went_live for row in self.history())

    def go_live(self, run: str, reason: str) -> str | None:
        """Make a run the live one and return the name of the one before; `reason` says why that is superseded."""
        with self._locked():
            rows, before = self.history(), self.live
            kept = [row for row in rows if not (row.run == run and not row.went_live)]
            kept = [
                replace(row, superseded_by=run, reason=reason) if row.went_live and not row.superseded_by else row
                for row in kept
            ]
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._write_history([*kept, HistoryRow(run, went_live=now)])
            write_text(f"{run}\n", self.folder / LATEST)
        return before

    def failed(self, run: str, reason: str) -> None:
        """Note that a run failed, and why; what is live stays so."""
        with self._locked():
            rows = [row for row in self.history() if not (row.run == run and not row.went_live)]
            self._write_history([*rows, HistoryRow(run, reason=" ".join(reason.split()))])

    def note_unfinished(self, but: str) -> None:
        """Note runs that were ended, the machine with them perhaps, before they could say why they failed."""
        with self._locked():
            known = {row.run for row in self.history()} | {but}
            found = sorted(path.name for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
            lost = [HistoryRow(name, reason=UNFINISHED) for name in found if name not in known]
            if lost:
                self._write_history([*self.history(), *lost])

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Wait for other commands that change the folder, then finish what a stopped machine left half done."""
        with disk.locked(self.folder / LOCK, wait=True):
            disk.remove_half_written([self.folder])
            newest = next((row.run for row in self.history() if row.went_live and not row.superseded_by), None)
            if newest is not None and newest != self.live:
                write_text(f"{newest}\n", self.folder / LATEST)
            yield

    def _write_history(self, rows: list[HistoryRow]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *map(astuple, rows)])
        write_text(text.getvalue(), self.folder / HISTORY)


def _is_ours(path: Path) -> bool:
    """Return whether a file or folder of live runs is one that Sojourn makes."""
    own = path.name in {LATEST, HISTORY, LOCK} or path.name.startswith(disk.ASIDE)
    return own or _NAME.fullmatch(path.name) is not None


def check_not_live(run: Path, instead: str) -> None:
    """Raise `UserError` if a run is live or was: it is never changed; `instead` says what to do."""
    run = run.resolve()
    if _NAME.fullmatch(run.name) and LiveRuns(run.parent).has_been_live(run.name):
        raise UserError(f"{run}: is live, or was, and is never changed, only superseded. {instead}")
