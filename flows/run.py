"""The verb `run`: a study's extract files become a run folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from flows.live.live_runs import check_not_live
from flows.loading import loading
from flows.terminal import Terminal, typed
from pipeline.disk import make_folder
from pipeline.errors import UserError
from pipeline.stage import StageRecord
from pipeline.store import Store
from pipeline.study import Study, read_study

if TYPE_CHECKING:
    from publication.scores import Scores

SUPERSEDE = "Choose another run folder (--out), or supersede it with `sojourn run STUDY --live RUNS`."
NAMES_ITSELF = "a folder of live runs names the folder of the run itself."


def run_folder(study: Study, out: Path | None) -> Path:
    """Return the run folder: the one named, else `run/` beside the study; never a folder of other files."""
    run = (out if out is not None else study.folder / "run").resolve()
    if run.is_dir() and any(run.iterdir()) and not (run / "store").is_dir():
        raise UserError(
            f"{run}: contains files that are not a run of Sojourn. Choose an empty or a new folder with --out."
        )
    if run.exists() and not run.is_dir():
        raise UserError(f"{run}: is a file, not a folder. Choose another --out.")
    return run


def run_study(path: Path, out: Path | None, *, prefect: bool, threads: int, live: Path | None = None) -> int:
    """Run the chain on a study, print its progress and result, and return the exit status.

    With `live`, a folder of live runs, the run is written there and goes live after its checks.
    """
    check_threads(threads)
    study = read_study(path)
    if live is None:
        run = run_folder(study, out)
        check_not_live(run, SUPERSEDE)
        terminal = Terminal(run / "run.log")
        _run_in(study, run, terminal, prefect=prefect, threads=threads)
        if study.synthetic:
            terminal.print_line(f"  next     sojourn evaluate {typed(run)}")
        return 0
    if out is not None:
        raise UserError(f"--live: {NAMES_ITSELF} Leave out --out.")
    with loading():
        from flows.live.run_live import run_live  # noqa: PLC0415 - it loads much: mistakes of the study come first

    return run_live(
        study, live, lambda run: _run_in(study, run, Terminal(run / "run.log"), prefect=prefect, threads=threads)
    )


def _run_in(study: Study, run: Path, terminal: Terminal, *, prefect: bool, threads: int) -> dict[str, StageRecord]:
    terminal.print_line(banner("run", study))
    if prefect:
        with loading():
            from flows.chain import declared_parts  # noqa: PLC0415 - Prefect is imported only on request
            from flows.prefect_settings import settle  # noqa: PLC0415

        declared_parts(study, run)  # reports every mistake before Prefect starts, which takes ten seconds
        make_folder(Store(run).root)  # a run that is stopped while Prefect starts is a run
        settle(run)
        with loading():
            from flows.scheduled.quarterly import quarterly_estimates  # noqa: PLC0415

        records = quarterly_estimates(study.path, run, threads, terminal)
    else:
        with loading():
            from flows.chain import run_chain  # noqa: PLC0415 - it loads much: mistakes of the study come first

        records = run_chain(study, run, threads=threads, listener=terminal)
    print_result(terminal, run, records)
    return records


def check_threads(threads: int) -> None:
    """Raise `UserError` unless this is a number of threads."""
    if threads < 1:
        raise UserError(f"--threads: {threads} is not a number of threads. Choose 1 or more.")


def banner(verb: str, study: Study) -> str:
    """Return the first line of a run: what runs on which study, and whether its data are synthetic."""
    synthetic = " · SYNTHETIC DATA, NOT STATISTICS" if study.synthetic else ""
    return f"sojourn {verb} · {study.name}{synthetic}"


def print_result(
    terminal: Terminal, run: Path, records: dict[str, StageRecord], scores: "Scores | None" = None
) -> None:
    """Print whether anything was computed, the headline (with its truth, if scores are given), and the report."""
    from estimation.stages import ACCOUNT  # noqa: PLC0415 - for the same reason
    from publication.words import headlines  # noqa: PLC0415

    terminal.close()
    if all(record.reused for record in records.values()):
        terminal.print_line(
            "  Nothing has changed: the results of all stages are reused, nothing was computed again."
        )
    for line in headlines(run / "tables", scores)[:1]:
        terminal.print_line(f"  {line}")
    if records[ACCOUNT.name].skip is not None:
        terminal.print_line("  No estimates: the study lacks files that they need. What it allows is published.")
    terminal.print_line(f"  report   {typed(run / 'report.html')}")
