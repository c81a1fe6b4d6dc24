"""The chain: the stages in order, as plain functions over the store. Prefect wraps them; nothing here knows it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from estimation.periods import check_periods
from estimation.required_extracts import check_required_extracts
from flows.progress import Audience, Nobody
from flows.publish import publish
from linkage.plan import read_plan
from pipeline.errors import UserError, unknown
from pipeline.keys import read_key
from pipeline.stage import StageContext, StageResult
from pipeline.store import StageRecord, Store, digest, stage_key
from pipeline.study import Study, digest_of_file
from rules.rule_set import read_rule_set


@dataclass(frozen=True)
class Stage:
    """One stage: the stages it reads, the package that holds its code, its function, and what it depends on.

    `depends` gives the slice of the study (and the digests of files) that can change the result; `work` is
    named, not imported, so that a stage that is skipped costs no import.
    """

    name: str
    reads: tuple[str, ...]
    package: str
    work: str
    depends: Callable[[Study], Any]

    def function(self) -> Callable[[StageContext], StageResult]:
        """Return the function that does the work."""
        module, _, name = self.work.partition(":")
        return getattr(import_module(module), name)


def _ingest_depends(study: Study) -> Any:
    contracts = study.source_contracts()
    return {
        "contracts": {source: contract.model_dump(mode="json") for source, contract in contracts.items()},
        "files": [
            (
                one.name,
                one.rows,
                one.version,
                [(path.name, digest_of_file(path)) for path in study.files_of(one.name)],
            )
            for one in study.extract
        ],
        "areas": digest_of_file(area_lookup(study)),
        "data_date": study.data_date,
        "synthetic": study.synthetic,
        "key": read_key(study).key_id,
    }


def area_lookup(study: Study) -> Path:
    """Return the study's look-up of areas; raises `UserError` if it is missing."""
    path = study.resolve(study.area_lookup)
    if not path.is_file():
        raise UserError(f"{path}: no such file, though {study.path} names it as 'area_lookup'. Mend that path.")
    return path


def _link_depends(study: Study) -> Any:
    read_plan().linked_sources(study.source_contracts())  # tells that the spine is missing
    models, sources = {}, study.source_contracts()
    for source, name in sorted(study.linkage.models.items()):
        if source not in sources:
            raise unknown("source", source, sources, f"{study.path}, [linkage.models]")
        path = study.resolve(name)
        if not path.is_file():
            raise UserError(
                f"{path}: no such model file, though {study.path}, [linkage.models] names it for '{source}'."
            )
        models[source] = digest_of_file(path)
    return {
        "linkage": study.linkage.model_dump(exclude={"models"}),
        "models": models,
        "survey": study.coverage.reference_date,
        "seed": study.seed,
    }


def _rules_depend(study: Study) -> Any:
    return {
        "rules": read_rule_set(study).digest,
        "data_date": study.data_date,
        "periods": study.periods.model_dump(),
    }


def _count_depends(study: Study) -> Any:
    check_required_extracts([one.name for one in study.extract], study.path)
    check_periods(study.periods, study.path)
    return {
        "coverage": study.coverage.model_dump(),
        "periods": study.periods.model_dump(),
        "data_date": study.data_date,
        "seed": study.seed,
    }


def _account_depends(study: Study) -> Any:
    return {
        "flow_errors": study.flow_errors.model_dump(),
        "coverage": study.coverage.model_dump(),
        "periods": study.periods.model_dump(),
        "data_date": study.data_date,
        "rule_set": study.rule_set,
    }


STAGES = (
    Stage("ingest", (), "pipeline", "pipeline.ingest.ingest:ingest", _ingest_depends),
    Stage("link", ("ingest",), "linkage", "linkage.link:link", _link_depends),
    Stage("evidence", ("ingest",), "rules", "rules.evidence:evidence", _rules_depend),
    Stage("stays", ("ingest", "link", "evidence"), "rules", "rules.people:stays", _rules_depend),
    Stage("count", ("ingest", "link", "stays"), "estimation", "estimation.count_stage:count", _count_depends),
    Stage("account", ("count",), "estimation", "estimation.account_stage:account", _account_depends),
)


def slices(study: Study) -> dict[str, str]:
    """Return, by stage, the digest of what it depends on in the study and its files.

    Everything that a study names is read here, before the first stage: whatever mistake it holds is told
    at once, not after minutes of work.
    """
    return {stage.name: digest(stage.depends(study)) for stage in STAGES}


def run_stage(
    stage: Stage, study: Study, run: Path, depends: str, keys: Mapping[str, str], threads: int, audience: Audience
) -> StageRecord:
    """Run one stage, or find that its result stands.

    `depends` is the stage's digest of `slices`, `keys` are the keys of the stages before it.
    """
    store = Store(run)
    folders = {name: store.folder(name, keys[name]) for name in stage.reads}

    def work(out: Path) -> StageResult:
        context = StageContext(
            study=study,
            folders=folders,
            out=out,
            threads=threads,
            tell=lambda message: audience.progress(stage.name, message),
        )
        return stage.function()(context)

    key = stage_key(stage.name, depends, [keys[name] for name in stage.reads], (stage.package,))
    record = store.fill(stage.name, key, work)
    audience.finished(record)
    return record


def run_chain(
    study: Study, run: Path, *, threads: int = 2, audience: Audience | None = None
) -> dict[str, StageRecord]:
    """Run all stages in order and publish; returns the record of each stage, `publish` last.

    `run` is the run folder, made if need be. Nothing that stands already is computed again.
    """
    listener = audience or Nobody()
    records: dict[str, StageRecord] = {}
    with Store(run).locked():
        depends = slices(study)
        for stage in STAGES:
            keys = {name: record.key for name, record in records.items()}
            records[stage.name] = run_stage(stage, study, run, depends[stage.name], keys, threads, listener)
        records["publish"] = publish(study, run, records, listener)
    return records
