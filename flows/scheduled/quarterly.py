"""The flow of the quarterly estimates: one task a stage of the chain, with artifacts.

A thin shell: the loop, the stages, their keys and their store are those of `flows.chain`.
"""

import logging
from contextvars import ContextVar
from pathlib import Path

import httpx
from prefect import flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from flows.chain import STAGES, StageRun, run_chain
from flows.delivery import check_complete
from flows.live.live_runs import check_not_live
from flows.live.run_live import go_live
from flows.progress import ProgressListener
from flows.run import NAMES_ITSELF, SUPERSEDE, run_folder
from flows.scheduled.key_block import key_of_block
from flows.scheduled.outcomes import CAUGHT, ended
from flows.scheduled.parameters import QuarterlyRun
from flows.scheduled.run_artifacts import Progress, leave_live, leave_run, leave_stage
from flows.scheduled.tasks import WAITS_WHILE_READING, in_task
from flows.terminal import Terminal
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.stage import StageRecord
from pipeline.study import Study, read_study
from publication.words import headlines

LISTENER: ContextVar[ProgressListener | None] = ContextVar("listener", default=None)
RECORDS: ContextVar[dict[str, StageRecord] | None] = ContextVar("records", default=None)
"""Where the caller of the flow finds the records of its stages, if it has put a dictionary there."""


def read_delivery(path: Path) -> Study:
    """Return a study all of whose files are there; raises `LateDeliveryError` that names those which are not."""
    study = read_study(path)
    check_complete(study)
    return study


@flow(name="quarterly-estimates", flow_run_name="{run.label}", persist_result=False)
def quarterly(run: QuarterlyRun) -> State:
    """Estimate migration and population from the files of one study; what is unchanged is not computed again."""
    return ended(lambda: estimated(run))


def estimated(run: QuarterlyRun) -> str:
    """Run every stage on a study as tasks, and let it go live if that is asked; returns the headline of the run."""
    study = in_task("read", lambda: read_delivery(Path(run.study)), WAITS_WHILE_READING)
    with key_of_block(run.key_block, study):
        if run.live is not None:
            return estimated_live(study, run, Path(run.live))
        folder = run_folder(study, Path(run.out) if run.out else None)
        check_not_live(folder, SUPERSEDE)
        _compute(study, folder, run.threads)
    return _headline(folder)


def estimated_live(study: Study, run: QuarterlyRun, runs: Path) -> str:
    """Run every stage in a folder of live runs; returns the headline of the run, which is live.

    Raises `UserError` if its checks forbid it to go live, or if a run folder is named too.
    """
    if run.out is not None:
        raise UserError(f"Live runs: {NAMES_ITSELF} Leave out the run folder.")
    outcome = go_live(study, runs, lambda folder: _compute(study, folder, run.threads))
    leave_live(outcome)
    if outcome.faults:
        raise UserError(f"{outcome.run}: does not go live: {'; '.join(outcome.faults)}.")
    return _headline(outcome.run)


def _compute(study: Study, folder: Path, threads: int) -> dict[str, StageRecord]:
    """Run every stage in a run folder, one task a stage, and leave what the run found."""
    listener = LISTENER.get() or Terminal(folder / "run.log", warn=False)
    progress = Progress(len(STAGES))

    def run_as_task(one: StageRun) -> StageRecord:
        name = one.stage.name
        progress.begins(name)
        record = in_task(name, lambda: _stage(one), WAITS_WHILE_READING if name == INGEST.name else ())
        progress.ended(name)
        return record

    records = run_chain(study, folder, threads=threads, listener=listener, execute=run_as_task)
    if (kept := RECORDS.get()) is not None:
        kept.update(records)
    leave_run(study, folder, records)
    return records


def _headline(folder: Path) -> str:
    found = headlines(folder / "tables")
    return found[0] if found else "No estimates: the study lacks files that they need."


def _stage(one: StageRun) -> StageRecord:
    record = one()
    get_run_logger().info("%s%s", record.sentence, " (unchanged)" if record.reused else "")
    leave_stage(record)
    return record


def quarterly_estimates(study: Path, run: Path, threads: int, listener: ProgressListener) -> dict[str, StageRecord]:
    """Run the flow here and now, with its progress reported to `listener`; raises what a stage raises.

    Raises `UserError` if the Prefect server does not answer, or no longer does.
    """
    # Prefect would print every failure twice, with tracebacks; the caller reports it once
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    LISTENER.set(listener)
    caught: list[BaseException] = []
    records: dict[str, StageRecord] = {}
    CAUGHT.set(caught)
    RECORDS.set(records)
    try:
        _check_server()
        quarterly(QuarterlyRun(study=str(study), out=str(run), threads=threads), return_state=True)  # ty: ignore[no-matching-overload]
    except httpx.HTTPError as error:  # only Prefect uses HTTP
        caught = [error]
    if caught and isinstance(caught[0], httpx.HTTPError):
        raise _unreachable(str(caught[0]) or type(caught[0]).__name__)
    if caught:
        raise caught[0]
    return records


def _check_server() -> None:
    """Raise `UserError` if the server that the user's settings name, or else a temporary one, does not answer."""
    try:
        with get_client(sync_client=True) as client:
            fault = client.api_healthcheck()
    except RuntimeError as error:
        # the temporary server did not start: Prefect's message ends with all that the server printed
        fault = str(error).partition(" stdout:")[0]
    if fault is not None:
        raise _unreachable(str(fault) or type(fault).__name__)


def _unreachable(fault: str) -> UserError:
    if get_current_settings().api.url:
        return UserError(
            f"PREFECT_API_URL: the Prefect server that it names does not answer ({fault}). Start that server, "
            "correct the address, or unset PREFECT_API_URL: a temporary server is then started."
        )
    return UserError(f"Prefect's temporary server does not answer ({fault}). Run again, or without --prefect.")
