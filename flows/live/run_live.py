"""The verb `run --live`: write a run beside the live one, audit it, and publish it in its place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.again.difference import first_difference
from flows.chain import STAGES, declared_parts
from flows.live.audit import faults_of
from flows.live.live_runs import LiveRuns
from flows.terminal import Terminal, typed
from pipeline.errors import UserError
from pipeline.stage import StageRecord
from pipeline.store import digest, stage_key
from pipeline.study import Study
from publication.run_folder import read_manifest

FAILED = 1
Compute = Callable[[Path], Mapping[str, StageRecord]]


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its folder, the one that was live before (perhaps itself), and what forbids it to go live."""

    run: Path
    before: Path | None
    faults: Sequence[str] = ()

    @property
    def is_unchanged(self) -> bool:
        """Whether the run was live already."""
        return self.run == self.before

    def in_words(self, named: Callable[[Path], str]) -> str:
        """Return which run is live now, as one line; `named` names the folder of this run."""
        before = self.before.name if self.before else None
        if self.faults:
            return f"  not live {named(self.run)}" + (f"; {before} stays live" if before else "")
        if self.is_unchanged:
            return f"  live     {named(self.run)}: nothing has changed since it went live"
        return f"  live     {named(self.run)}" + (f", in the place of {before}" if before else "")


def run_live(study: Study, folder: Path, compute: Compute) -> int:
    """Do what `go_live` does and print it; returns the exit status: 0 if the run is live, 1 if it failed checks."""
    outcome = go_live(study, folder, compute)
    terminal = Terminal()
    for fault in outcome.faults:
        terminal.print_line(f"  check    {fault}")
    terminal.print_line(outcome.in_words(typed))
    return FAILED if outcome.faults else 0


def go_live(study: Study, folder: Path, compute: Compute) -> Outcome:
    """Compute a study in a folder of live runs and make the run the live one, if it passes its checks.

    `compute` fills a run folder. A run of the same study, inputs and code resumes; one that is live already is not
    computed again. Whatever stops a run is noted in the history with its reason, and what is live stays so.
    """
    runs = LiveRuns(folder)
    runs.prepare()
    run = runs.run_of(run_id_of(study, runs.folder / "run"), datetime.now(UTC).date())
    runs.note_unfinished(but=run.name)
    live = runs.folder / runs.live if runs.live else None
    if runs.has_been_live(run.name):
        return _live_again(runs, run, live)
    try:
        compute(run)
        faults = faults_of(run, live)
    except BaseException as error:
        if run.is_dir():
            runs.failed(run.name, _reason(error))
        raise
    if faults:
        runs.failed(run.name, f"failed its checks: {'; '.join(faults)}")
        return Outcome(run, live, faults)
    runs.go_live(run.name, _why_superseded(run, live))
    return Outcome(run, live)


def run_id_of(study: Study, run: Path) -> str:
    """Return the id that a run of a study in a folder will have: it follows from the keys of its stages."""
    parts, keys = declared_parts(study, run, STAGES), {}
    for stage in STAGES:
        keys[stage.name] = stage_key(stage, parts[stage.name], [keys[name] for name in stage.reads])
    return digest(keys)[:12]


def _live_again(runs: LiveRuns, run: Path, live: Path | None) -> Outcome:
    """Return that a run is live already, or make one live again that was superseded; it is not touched."""
    if faults := faults_of(run, live):
        raise UserError(
            f"{run}: went live, and can no longer be: {'; '.join(faults)}. Restore the folder from a copy; "
            "or move it away, and run again to make it anew from the same study."
        )
    if run != live:
        runs.go_live(run.name, _why_superseded(run, live))
    return Outcome(run, live)


def _why_superseded(run: Path, live: Path | None) -> str:
    """Return in what the new run differs first from the one before it."""
    now, before = read_manifest(run), read_manifest(live) if live else None
    difference = first_difference(before, now) if now and before else None
    return "" if difference is None else f"{difference.stage}: {'; '.join(difference.reasons)}"


def _reason(error: BaseException) -> str:
    """Return why a run failed; of a fault of the program only its kind, since its text can quote a row."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "was stopped; the same command resumes it"
    return f"failed: {type(error).__name__}"
