"""The flow that replays deliveries in order and says how figures were revised: one sub-flow a delivery."""

from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State

from flows.revisions import by_data_date, mean_revisions, revisions
from flows.scheduled.outcomes import ended, raise_unless_completed
from flows.scheduled.parameters import QuarterlyRun, RevisionReplay
from flows.scheduled.quarterly import quarterly
from flows.scheduled.run_artifacts import leave_table
from flows.variants.estimates import published_estimates
from pipeline.schemas import ALL
from pipeline.study import read_study
from pipeline.tables import write_text


@flow(name="revision-replay", flow_run_name="{replay.label}", persist_result=False)
def revision_replay(replay: RevisionReplay) -> State:
    """Estimate studies of several data dates one after the other, and compare what they say of the same periods."""
    return ended(lambda: replayed(replay))


def replayed(replay: RevisionReplay) -> str:
    """Run the studies, write `revisions.csv` in the folder, and leave the mean revisions; returns what was done."""
    out, runs = Path(replay.out), {}
    for day, study in by_data_date([read_study(Path(one)) for one in replay.studies]).items():
        runs[day] = out / str(day)
        run = QuarterlyRun(
            study=str(study.path), out=str(runs[day]), threads=replay.threads, key_block=replay.key_block
        )
        raise_unless_completed(quarterly(run, return_state=True), str(study.path))  # ty: ignore[no-matching-overload]
    table = revisions({day: published_estimates(run / "tables") for day, run in runs.items()})
    write_text(table.write_csv(), out / "revisions.csv")
    leave_table("revisions", mean_revisions(table, ALL), f"first to latest estimate; all of them in {out}")
    return f"{len(runs)} deliveries, from {min(runs)} to {max(runs)}"
