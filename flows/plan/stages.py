"""Which stages of a study would be computed again in a run folder, and why: from keys and records alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.again.difference import reasons
from flows.chain import STAGES, declared_parts
from pipeline.checkout import commit
from pipeline.ingest.stages import INGEST, IngestStudy
from pipeline.stage import StageRecord, StudyPart
from pipeline.store import RECORD, Store, made_from, stage_key
from pipeline.study import Study
from publication.run_folder import read_manifest
from rules.stages import STAYS, StaysStudy

NEVER = "no finished run is in this folder"
MISSING = "its stored result is missing or damaged"
OTHER_VERSION = "what it was made from then is not known"


@dataclass(frozen=True)
class PlannedStage:
    """A stage: the record of its result, if that is there to be reused, else why it is computed again."""

    name: str
    record: StageRecord | None
    why: tuple[str, ...]

    @property
    def reused(self) -> bool:
        """Whether the stage would not be run."""
        return self.record is not None


def planned_stages(study: Study, run: Path) -> list[PlannedStage]:
    """Return what would become of each stage of the chain; raises `UserError` for every mistake in the study.

    The files of the study are read once, for their digests; nothing is computed and nothing is written.
    """
    store, parts, manifest = Store(run), declared_parts(study, run), read_manifest(run)
    keys: dict[str, str] = {}
    for stage in STAGES:
        keys[stage.name] = stage_key(stage, parts[stage.name], [keys[one] for one in stage.reads])
    now = _as_manifest(parts, keys)
    planned: list[PlannedStage] = []
    again: set[str] = set()
    for stage in STAGES:
        record = store.finished(stage.name, keys[stage.name])
        if record is not None:
            planned.append(PlannedStage(stage.name, record, ()))
            continue
        then = _made_last(stage.name, store, manifest)
        own = (NEVER,) if manifest is None or then is None else tuple(_why(stage.name, then, now, manifest))
        upstream = [one for one in stage.reads if one in again and own != (NEVER,)]
        why = own + ((f"after {', '.join(upstream)}",) if upstream else ())
        planned.append(PlannedStage(stage.name, None, why))
        again.add(stage.name)
    return planned


def _made_last(name: str, store: Store, manifest: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the record of a stage in the last run; the manifest says it of all but the stage that writes it."""
    if manifest is not None and name in manifest["stages"]:
        return manifest["stages"][name]
    records = sorted((store.root / name).glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime_ns)
    try:
        return json.loads(records[-1].read_text(encoding="utf-8")) if records else None
    except ValueError:
        return None


def _why(name: str, then: Mapping[str, Any], now: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is another than in the last run, of what a stage is made from itself."""
    if then["key"] == now["stages"][name]["key"]:
        yield MISSING
    elif not then.get("made_from"):
        yield OTHER_VERSION
    else:
        for reason in reasons(then, now["stages"][name], manifest, now):
            # two commits say no more than that the code is another
            yield f"another {'code' if reason.startswith('code') else reason}"


def _as_manifest(parts: Mapping[str, StudyPart], keys: Mapping[str, str]) -> dict[str, Any]:
    """Return what a manifest of this study would say of the things that its stages are made from."""
    ingest, stays = parts[INGEST.name], parts[STAYS.name]
    assert isinstance(ingest, IngestStudy)
    assert isinstance(stays, StaysStudy)
    return {
        "stages": {
            stage.name: {"key": keys[stage.name], "made_from": made_from(stage, parts[stage.name])}
            for stage in STAGES
        },
        "inputs": [
            {"file": file.name, "sha256": file.sha256} for one in ingest.deliveries.values() for file in one.files
        ],
        "rule_set": {"id": stays.rule_set, "digest": stays.rule_set_digest},
        "commit": commit(),
    }
