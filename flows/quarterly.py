"""The Prefect flow of the quarterly estimates: one task per stage of the chain, with artifacts.

A thin shell: the loop, the stages, their keys and their store are those of `flows.chain`.
"""

import logging
import os
from contextvars import ContextVar
from pathlib import Path

from flows.prefect_settings import settle

settle(Path.cwd())  # keeps settings that the command or the user has already made

import httpx  # noqa: E402
from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_link_artifact, create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.client.orchestration import get_client  # noqa: E402

from flows.chain import StageRun, run_chain  # noqa: E402
from flows.progress import NullListener, ProgressListener  # noqa: E402
from pipeline.errors import UserError  # noqa: E402
from pipeline.stage import StageRecord  # noqa: E402
from pipeline.study import read_study  # noqa: E402

LISTENER: ContextVar[ProgressListener] = ContextVar("listener")


def run_as_task(one: StageRun) -> StageRecord:
    """Run one stage as a Prefect task of its name, with two artifacts: its counts, and a link to what it wrote.

    The task takes no parameters: what a stage needs, which may include a key, must not reach Prefect.
    """
    name = one.stage.name

    @task(name=name, task_run_name=name, cache_policy=NO_CACHE)
    def stage_task() -> StageRecord:
        record = one()
        rows: list[dict[str, object]] = [{"count": one, "value": value} for one, value in record.counts.items()]
        rows += [{"count": f"{skip.step}: not measured", "value": skip.reason} for skip in record.skips]
        create_table_artifact(key=f"{name}-counts", table=rows, description=record.sentence)
        link = record.folder.resolve().as_uri()
        create_link_artifact(key=f"{name}-tables", link=link, link_text=f"{name} tables")
        return record

    return stage_task()


@flow(name="sojourn-quarterly-estimates", flow_run_name="{study}", validate_parameters=False)
def estimates(study: Path, run: Path, threads: int = 2) -> dict[str, StageRecord]:
    """Run every stage on a study, in order; a stage with an intact result is not computed again."""
    return run_chain(
        read_study(Path(study)),
        Path(run),
        threads=threads,
        listener=LISTENER.get(NullListener()),
        execute=run_as_task,
    )


def quarterly_estimates(study: Path, run: Path, threads: int, listener: ProgressListener) -> dict[str, StageRecord]:
    """Run the Prefect flow here and now, with its progress reported to `listener`; raises what a stage raises.

    Raises `UserError` if the Prefect server does not answer, or no longer does.
    """
    # Prefect would print every failure twice, with tracebacks; the caller reports it once
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    LISTENER.set(listener)
    try:
        _check_server()
        return estimates(study, run, threads)
    except httpx.HTTPError as error:  # only Prefect uses HTTP
        fault = str(error) or type(error).__name__
    raise _unreachable(fault)


def _check_server() -> None:
    """Raise `UserError` if the server that PREFECT_API_URL names, or else a temporary one, does not answer."""
    try:
        with get_client(sync_client=True) as client:
            fault = client.api_healthcheck()
    except RuntimeError as error:
        # the temporary server did not start: Prefect's message ends with all that the server printed
        fault = str(error).partition(" stdout:")[0]
    if fault is not None:
        raise _unreachable(str(fault) or type(fault).__name__)


def _unreachable(fault: str) -> UserError:
    if os.environ.get("PREFECT_API_URL"):
        return UserError(
            f"PREFECT_API_URL: the Prefect server that it names does not answer ({fault}). Start that server, "
            "correct the address, or unset PREFECT_API_URL: a temporary server is then started."
        )
    return UserError(f"Prefect's temporary server does not answer ({fault}). Run again, or without --prefect.")
