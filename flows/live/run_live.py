"""The verb `run --live`: write a run beside the live one, audit it, and publish it in its place."""

from collections.abc import Callable, Mapping
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
Compute = Callable[[Path, Terminal], Mapping[str, StageRecord]]


def run_live(study: Study, folder: Path, compute: Compute) -> int:
    """Compute a study in a folder of live runs and make the run the live one, if it passes its checks.

    `compute` fills a run folder. A run of the same study, inputs and code resumes; one that is live already is not
    computed again. Whatever stops a run is noted in the history with its reason, and what is live stays so. Returns
    the exit status: 0 if the run is live, 1 if its checks forbid it.
    """
    runs = LiveRuns(folder)
    runs.prepare()
    run = runs.run_of(run_id_of(study, runs.folder / "run"), datetime.now(UTC).date())
    runs.note_unfinished(but=run.name)
    live = runs.folder / runs.live if runs.live else None
    if runs.has_been_live(run.name):
        return _live_again(runs, run, live)
    terminal = Terminal(run / "run.log")
    try:
        compute(run, terminal)
        faults = faults_of(run, live)
    except BaseException as error:
        if run.is_dir():
            runs.failed(run.name, _reason(error))
        raise
    if faults:
        runs.failed(run.name, f"failed its checks: {'; '.join(faults)}")
        for fault in faults:
            terminal.print_line(f"  check    {fault}")
        terminal.print_line(f"  not live {typed(run)}{_still(live)}")
        return FAILED
    _publish(runs, run, live, terminal)
    return 0


def run_id_of(study: Study, run: Path) -> str:
    """Return the id that a run of a study in a folder will have: it follows from the keys of its stages."""
    parts, keys = declared_parts(study, run, STAGES), {}
    for stage in STAGES:
        keys[stage.name] = stage_key(stage, parts[stage.name], [keys[name] for name in stage.reads])
    return digest(keys)[:12]


def _live_again(runs: LiveRuns, run: Path, live: Path | None) -> int:
    """Report that a run is live already, or make one live again that was superseded; it is not touched."""
    terminal = Terminal()
    if faults := faults_of(run, live):
        raise UserError(
            f"{run}: went live, and can no longer be: {'; '.join(faults)}. Restore the folder from a copy; "
            "or move it away, and run again to make it anew from the same study."
        )
    if run == live:
        terminal.print_line(f"  live     {typed(run)}: nothing has changed since it went live")
        return 0
    _publish(runs, run, live, terminal)
    return 0


def _publish(runs: LiveRuns, run: Path, live: Path | None, terminal: Terminal) -> None:
    runs.go_live(run.name, _why_superseded(run, live))
    terminal.print_line(f"  live     {typed(run)}" + (f", in the place of {live.name}" if live else ""))


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


def _still(live: Path | None) -> str:
    return f"; {live.name} stays live" if live else ""
