"""The Prefect flow of the whole chain: one task a stage, each showing its counts and its tables as artifacts.

A thin shell: every task runs the plain stage of `flows.chain`, under the same keys, in the same store.
"""

import logging
from contextvars import ContextVar
from pathlib import Path

from flows.prefect_settings import settle

settle(Path.cwd())  # settings that the command, or the user, has made already stay as they are

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_link_artifact, create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.states import Failed, State  # noqa: E402

from flows.audience import Audience, Nobody  # noqa: E402
from flows.chain import STAGES, run_stage  # noqa: E402
from flows.publish import publish  # noqa: E402
from pipeline.errors import UserError  # noqa: E402
from pipeline.store import StageRecord, Store  # noqa: E402
from pipeline.study import read_study  # noqa: E402

MISTAKE = "UserError"  # name of the state of a task that failed by a mistake that the user can mend
LISTENER: ContextVar[Audience] = ContextVar("listener")
STAGE_OF = {stage.name: stage for stage in STAGES}


def _show(record: StageRecord, tables: Path) -> None:
    """Leave two artifacts of a stage: its counts as a table, and a link to what it wrote."""
    rows = [{"count": name, "value": value} for name, value in record.counts.items()]
    create_table_artifact(key=f"{record.stage}-counts", table=rows, description=record.sentence)
    create_link_artifact(
        key=f"{record.stage}-tables", link=tables.resolve().as_uri(), link_text=f"{record.stage} tables"
    )


@task(name="stage", task_run_name="{name}", cache_policy=NO_CACHE)
def stage_task(name: str, study: Path, run: Path, keys: dict[str, str], threads: int) -> StageRecord | State:
    """Run one stage of the chain; a user's mistake is a failed task that says so in one paragraph."""
    try:
        record = run_stage(STAGE_OF[name], read_study(study), run, keys, threads, LISTENER.get())
    except UserError as error:
        return Failed(name=MISTAKE, message=str(error))
    _show(record, record.folder)
    return record


@task(name="publish", cache_policy=NO_CACHE)
def publish_task(study: Path, run: Path, records: dict[str, StageRecord]) -> StageRecord | State:
    """Place the tables, write manifest and report."""
    try:
        record = publish(read_study(study), run, records, LISTENER.get())
    except UserError as error:
        return Failed(name=MISTAKE, message=str(error))
    _show(record, run / "tables")
    return record


@flow(name="sojourn-quarterly-estimates", flow_run_name="{study}", validate_parameters=False)
def estimates(study: Path, run: Path, threads: int = 2) -> State | dict[str, StageRecord]:
    """Run every stage on a study, in order; what stands already is not computed again."""
    if LISTENER.get(None) is None:
        LISTENER.set(Nobody())
    records: dict[str, StageRecord] = {}
    with Store(Path(run)).locked():
        for name in STAGE_OF:
            keys = {done: record.key for done, record in records.items()}
            state = stage_task(name, study, run, keys, threads, return_state=True)
            if state.is_failed():
                return state
            records[name] = state.result()
        state = publish_task(study, run, records, return_state=True)
        if state.is_failed():
            return state
        records["publish"] = state.result()
    return records


def quarterly_estimates(study: Path, run: Path, threads: int, audience: Audience) -> dict[str, StageRecord]:
    """Run the Prefect flow here and now, telling `audience`; raises the `UserError` of a failed stage."""
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    LISTENER.set(audience)
    state = estimates(study, run, threads, return_state=True)
    if state.name == MISTAKE:
        raise UserError(state.message or "a stage failed")
    return state.result()
