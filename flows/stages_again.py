"""Stages of a run computed again beside it, from its stored results or from others in their place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.disk import make_folder
from pipeline.errors import UserError
from pipeline.stage import Stage, StageContext, StageRecord
from pipeline.store import Store
from pipeline.study import Study


def computed_again(
    stage: Stage[Any], study: Study, run: Path, records: Mapping[str, StageRecord], out: Path
) -> StageRecord:
    """Compute a stage in the new folder `out` from the results in `records`, and return its record."""
    make_folder(out)
    context = StageContext(
        study=stage.part.of(study, run),
        folders={name: record.folder for name, record in records.items()},
        out=out,
        records=records,
    )
    result = stage.run(context)
    return StageRecord(
        stage.name,
        "",
        out,
        result.counts,
        result.sentence,
        result.warnings,
        0.0,
        {},
        reused=False,
        facts=result.facts,
        skips=result.skips,
    )


def stored_result(run: Path, stage: str, key: str) -> StageRecord:
    """Return what a stage of a run has stored under its key; raises `UserError` if it is missing or changed."""
    found = Store(run).finished(stage, key)
    if found is None:
        raise UserError(f"{run}: the stored results of the stage '{stage}' are missing. Run `sojourn run` again.")
    return found
