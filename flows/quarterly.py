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

from flows.chain import STAGES, run_stage, slices  # noqa: E402
from flows.progress import Audience, Nobody  # noqa: E402
from flows.publish import publish  # noqa: E402
from pipeline.store import StageRecord, Store  # noqa: E402
from pipeline.study import read_study  # noqa: E402

LISTENER: ContextVar[Audience] = ContextVar("listener")
STAGE_OF = {stage.name: stage for stage in STAGES}


def _show(record: StageRecord, tables: Path) -> None:
    """Leave two artifacts of a stage: its counts as a table, and a link to what it wrote."""
    rows = [{"count": name, "value": value} for name, value in record.counts.items()]
    create_table_artifact(key=f"{record.stage}-counts", table=rows, description=record.sentence)
    link = tables.resolve().as_uri()
    create_link_artifact(key=f"{record.stage}-tables", link=link, link_text=f"{record.stage} tables")


@task(name="stage", task_run_name="{name}", cache_policy=NO_CACHE)
def stage_task(name: str, study: Path, run: Path, depends: str, keys: dict[str, str], threads: int) -> StageRecord:
    """Run one stage of the chain under its key."""
    record = run_stage(STAGE_OF[name], read_study(study), run, depends, keys, threads, LISTENER.get())
    _show(record, record.folder)
    return record


@task(name="publish", task_run_name="publish", cache_policy=NO_CACHE)
def publish_task(study: Path, run: Path, records: dict[str, StageRecord]) -> StageRecord:
    """Place the tables, write manifest and report."""
    record = publish(read_study(study), run, records, LISTENER.get())
    _show(record, run / "tables")
    return record


@flow(name="sojourn-quarterly-estimates", flow_run_name="{study}", validate_parameters=False)
def estimates(study: Path, run: Path, threads: int = 2) -> dict[str, StageRecord]:
    """Run every stage on a study, in order; what stands already is not computed again."""
    if LISTENER.get(None) is None:
        LISTENER.set(Nobody())
    study, run = Path(study), Path(run)
    records: dict[str, StageRecord] = {}
    with Store(run).locked():
        depends = slices(read_study(study))
        for name in STAGE_OF:
            keys = {done: record.key for done, record in records.items()}
            records[name] = stage_task(name, study, run, depends[name], keys, threads)
        records["publish"] = publish_task(study, run, records)
    return records


def quarterly_estimates(study: Path, run: Path, threads: int, audience: Audience) -> dict[str, StageRecord]:
    """Run the Prefect flow here and now, telling `audience`; raises what a stage raises."""
    # Prefect would print every failure twice, with tracebacks; whoever calls tells it once
    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    LISTENER.set(audience)
    return estimates(study, run, threads)
