"""The publishing stage: tables in one place, the manifest that lets anybody reproduce them, and the report."""

import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from flows.progress import Audience
from pipeline.keys import read_key
from pipeline.store import StageRecord, code_digest, digest, library_versions, place, stands
from pipeline.study import Study, digest_of_file
from pipeline.tables import write_text
from publication.csv_tables import write_csv_tables
from publication.report import write_report
from rules.rule_set import read_rule_set

# Whoever may see a table: decided by its grain, not by its name in a listing.
PUBLISHABLE = {"flows", "stocks", "linkage_quality", "coverage", "error_sources", "ledger"}
AGGREGATE = {"counts", "estimates", "coverage_covariance", "model_levels", "link_weights", "account_in", "funnel"}


def sensitivity(name: str) -> str:
    """Return the class of an output file: publishable, aggregate-unprotected or person-level."""
    table = Path(name).parts[0].partition(".")[0]
    if table in PUBLISHABLE:
        return "publishable"
    return "aggregate-unprotected" if table in AGGREGATE or name.endswith(".json") else "person-level"


def publish(study: Study, run: Path, records: Mapping[str, StageRecord], audience: Audience) -> StageRecord:
    """Place all tables, write the manifest and the report; does nothing if they stand for these very results."""
    begun = time.perf_counter()
    key = digest(
        {
            "stages": {name: record.key for name, record in records.items()},
            "code": code_digest(("pipeline", "flows")),
        }
    )
    standing = _standing(run, key)
    if standing:
        audience.finished(standing)
        return standing
    audience.progress("publish", "placing tables")
    files = {name: record.folder / name for record in records.values() for name in record.outputs}
    place(files, run / "tables", finish=write_csv_tables)
    _forget_old_scores(run)
    outputs = {
        str(path.relative_to(run / "tables")): path for path in sorted((run / "tables").rglob("*")) if path.is_file()
    }
    sentence = f"{len(outputs)} tables, the manifest and a report"
    seconds = round(time.perf_counter() - begun, 3)
    record = StageRecord(
        stage="publish", key=key, folder=run, counts={"tables": len(outputs)}, sentence=sentence, warnings=(),
        seconds=seconds, outputs={}, reused=False,
    )  # fmt: skip
    manifest = build_manifest(study, run, {**records, "publish": record}, outputs)
    audience.progress("publish", "drawing the report")
    write_report(run, study=study, manifest=manifest, scores=None)
    write_text(json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n", run / "manifest.json")
    record = replace(record, seconds=round(time.perf_counter() - begun, 3))
    audience.finished(record)
    return record


def _standing(run: Path, key: str) -> StageRecord | None:
    manifest = read_manifest(run)
    if manifest is None or not (run / "report.html").exists():
        return None
    stored = manifest["stages"].get("publish", {})
    if stored.get("key") != key or not stands(
        run, {name: one["sha256"] for name, one in manifest["outputs"].items()}
    ):
        return None
    return StageRecord(
        stage="publish", key=key, folder=run, counts=stored["counts"], sentence=stored["sentence"], warnings=(),
        seconds=stored["seconds"], outputs={}, reused=True,
    )  # fmt: skip


def read_manifest(run: Path) -> dict[str, Any] | None:
    """Return the manifest of a run folder, or None where no run has finished or its manifest is damaged."""
    try:
        manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    whole = isinstance(manifest, dict) and {"study", "stages", "outputs"} <= set(manifest)
    return manifest if whole else None


def _forget_old_scores(run: Path) -> None:
    """Remove the evaluation of an earlier result: it would stand beside tables that it does not describe."""
    folder = run / "evaluation"
    if folder.is_dir():
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()


def run_id(records: Mapping[str, StageRecord]) -> str:
    """Return the id of a run: 12 hexadecimal digits of the digest of its stage keys."""
    return digest({name: record.key for name, record in records.items() if name != "publish"})[:12]


def command_line() -> str:
    """Return the command that was given; a key is never part of one."""
    return " ".join(["sojourn", *sys.argv[1:]])


def build_manifest(
    study: Study, run: Path, records: Mapping[str, StageRecord], outputs: Mapping[str, Path]
) -> dict[str, Any]:
    """Return all that another person needs to reproduce the run, and nothing that must stay secret."""
    rule_set = read_rule_set(study)
    ledger = pl.read_parquet(run / "tables" / "ledger.parquet").to_dicts()
    return {
        "run_id": run_id(records),
        "sojourn_version": version("sojourn"),
        "command": command_line(),
        "study": {
            "path": os.path.relpath(study.path, run),
            "name": study.name,
            "synthetic": study.synthetic,
            "data_date": study.data_date.isoformat(),
            "seed": study.seed,
            "digest": digest_of_file(study.path),
        },
        "seed": study.seed,
        "key_id": read_key(study).key_id,
        "rule_set": {"id": rule_set.id, "digest": rule_set.digest},
        "inputs": [
            {"file": one["file"], "extract": one["extract"], "sha256": one["sha256"], "rows": one["rows_in"]}
            for one in ledger
        ],
        "ledger": ledger,
        "models": {
            name: file_digest for name, file_digest in records["link"].outputs.items() if name.startswith("models/")
        },
        "packages": library_versions() | {"prefect": version("prefect")},
        "code": code_digest(("estimation", "flows", "linkage", "pipeline", "rules")),
        "stages": {
            name: {
                "key": record.key,
                "seconds": record.seconds,
                "counts": dict(record.counts),
                "sentence": record.sentence,
                "warnings": list(record.warnings),
            }
            for name, record in records.items()
        },
        "outputs": {
            f"tables/{name}": {"sha256": digest_of_file(path), "sensitivity": sensitivity(name)}
            for name, path in sorted(outputs.items())
        },
    }
