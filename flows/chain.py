"""The chain: all stages in order, in one loop over the store, with Prefect or without it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from estimation.stages import ACCOUNT, COUNT
from flows.progress import NullListener, ProgressListener
from flows.study_assumptions import PUBLISH_WITH_ASSUMPTIONS as PUBLISH
from linkage.stages import LINK
from pipeline.ingest.stages import INGEST
from pipeline.stage import Stage, StageContext, StageRecord, StageResult, StudyPart
from pipeline.store import Store, made_from, stage_key
from pipeline.study import Study
from publication.run_folder import show_publication
from rules.stages import EVIDENCE, STAYS

STAGES: tuple[Stage, ...] = (INGEST, LINK, EVIDENCE, STAYS, COUNT, ACCOUNT, PUBLISH)
LINKING: tuple[Stage, ...] = (INGEST, LINK)
"""The stages that files of any kind go through: what comes after them knows what the files mean."""


@dataclass(frozen=True)
class StageRun:
    """One stage with all that its run needs; called, it runs the stage or finds that its result is intact.

    `records` are those of the stages that it reads, in their order.
    """

    stage: Stage
    part: StudyPart
    records: Mapping[str, StageRecord]
    store: Store
    threads: int
    listener: ProgressListener

    def __call__(self) -> StageRecord:
        """Return the record of the stage, and report it to the listener."""
        key = stage_key(self.stage, self.part, [record.key for record in self.records.values()])
        record = self.store.run_or_reuse(self.stage.name, key, self._work, made_from(self.stage, self.part))
        self.listener.finished(record)
        return record

    def _work(self, out: Path) -> StageResult:
        context = StageContext(
            study=self.part,
            folders={name: record.folder for name, record in self.records.items()},
            out=out,
            threads=self.threads,
            report=lambda message: self.listener.progress(self.stage.name, message),
            records=self.records,
        )
        return self.stage.run(context)


def declared_parts(study: Study, run: Path, stages: Sequence[Stage] = STAGES) -> dict[str, StudyPart]:
    """Return, by stage, the part of the study that it declares.

    Everything that a study names is read here, before the first stage: a mistake in it is reported at once, not
    after minutes of work.
    """
    return {stage.name: stage.part.of(study, run) for stage in stages}


def run_chain(
    study: Study,
    run: Path,
    *,
    threads: int = 2,
    listener: ProgressListener | None = None,
    execute: Callable[[StageRun], StageRecord] = StageRun.__call__,
    given: Mapping[str, StageRecord] | None = None,
    stages: Sequence[Stage] = STAGES,
) -> dict[str, StageRecord]:
    """Run stages in order and show the publication, if it is one, in the run folder; returns the record of each.

    `run` is the run folder, made if need be. A stage with an intact result is not computed again. `execute` calls
    one stage: as it is, or as a task of Prefect. `given` are records of stages whose stored results are taken as they
    are, whatever code computed them. `stages` are those of the chain up to one of them.
    """
    store, records = Store(run), dict(given or {})
    with store.locked():
        parts = declared_parts(study, run, stages)
        for stage in (one for one in stages if one.name not in records):
            upstream = {name: records[name] for name in stage.reads}
            one = StageRun(stage, parts[stage.name], upstream, store, threads, listener or NullListener())
            records[stage.name] = execute(one)
        if PUBLISH.name in records:
            show_publication(records[PUBLISH.name], run)
    return records
