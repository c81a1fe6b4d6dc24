"""The run folder: one folder per stage and key, written, then renamed; an unchanged stage is not run again.

A stage's key is the digest of everything that can change its result: its name, the part of the study that it
declares, the keys of the stages it reads, the code of its package and of `pipeline`, and the versions of the
libraries that compute. An intact folder under a key is therefore the result, no matter which run wrote it.
"""

import hashlib
import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline import disk
from pipeline.errors import UserError
from pipeline.stage import Skip, Stage, StageRecord, StageResult, StudyPart
from pipeline.study import digest_of_file
from pipeline.tables import spilling_into, write_text

ROOT = Path(__file__).resolve().parent.parent
COMPUTING_LIBRARIES = ("duckdb", "jellyfish", "numpy", "polars", "polars-hash", "pyarrow", "scipy", "splink")
SPILL = ".spill"
RECORD, RECORDED = "stage.json", "recorded"
"""The file with the record of a stage, and its key for the digest of all others: a record can be damaged too."""


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's JSON with sorted keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@cache
def code_digest(packages: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    """Return the digest of all code and package data in some packages of Sojourn, except the folders `without`."""
    left_out = {ROOT / folder for folder in without}
    files = [
        path
        for package in sorted(packages)
        for path in sorted((ROOT / package).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not left_out.intersection(path.parents)
    ]
    return digest([(str(path.relative_to(ROOT)), digest_of_file(path)) for path in files])


@cache
def library_versions() -> dict[str, str]:
    """Return the installed versions of the libraries that compute."""
    return {name: version(name) for name in COMPUTING_LIBRARIES}


def stage_key(stage: Stage, part: StudyPart, upstream: Sequence[str]) -> str:
    """Return the key of a stage: the digest of everything that can change its result.

    `part` is what the stage declares of the study, `upstream` the keys of the stages that it reads, in their order.
    """
    return digest(
        {
            "stage": stage.name,
            "declared": json.dumps(part.declared),  # in its order, which can matter: that of extracts, say
            "upstream": list(upstream),
            "code": _code_of(stage),
            "libraries": library_versions(),
        }
    )


def made_from(stage: Stage, part: StudyPart) -> dict[str, str]:
    """Return what the key of a stage depends on, besides the stages that it reads, for those who compare two runs.

    That is `code`, a digest; `library NAME`, its version; and `study FIELD`, the digest of a field that the stage
    declares.
    """
    libraries = {f"library {name}": number for name, number in library_versions().items()}
    declared = {f"study {name}": digest(json.dumps(value)) for name, value in part.declared.items()}
    return {"code": _code_of(stage), **libraries, **declared}


def _code_of(stage: Stage) -> str:
    declared_data = tuple(f"{stage.package}/{folder}" for folder in stage.declared_data)
    return code_digest(tuple(sorted({stage.package, "pipeline"})), declared_data)


class Store:
    """The `store/` folder of one run."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.root = run / "store"

    @contextmanager
    def locked(self) -> Generator[None]:
        """Reserve the run folder for one process; half-written files of a killed run are removed first."""
        disk.make_folder(self.root)
        with disk.locked(self.root / ".lock") as is_ours:
            if not is_ours:
                raise UserError(
                    f"{self.run}: another run is using this folder. Wait until it ends, or choose another --out."
                )
            disk.remove_half_written([self.run, self.root, *(one for one in self.root.iterdir() if one.is_dir())])
            yield

    def folder(self, stage: str, key: str) -> Path:
        """Return the folder of a stage's result, whether or not it exists yet."""
        return self.root / stage / key[:16]

    def finished(self, stage: str, key: str) -> StageRecord | None:
        """Return the record of a stage that has an intact result under its key, else None."""
        folder = self.folder(stage, key)
        try:
            stored = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            if stored.pop(RECORDED) != digest(stored):
                return None
            warnings = tuple(stored.pop("warnings"))
            skips = tuple(Skip(one["step"], one["reason"], tuple(one["lacks"])) for one in stored.pop("skips"))
            record = StageRecord(**stored, warnings=warnings, skips=skips, folder=folder, reused=True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        whole = (
            record.key == key and _files_in(folder) == sorted(record.outputs) and is_intact(folder, record.outputs)
        )
        return record if whole else None

    def run_or_reuse(
        self, stage: str, key: str, work: Callable[[Path], StageResult], made_from: Mapping[str, str] | None = None
    ) -> StageRecord:
        """Return the record of a stage: from its intact result, or from running `work` in a temporary folder.

        `made_from` is recorded beside the key: the digests of what it depends on.
        """
        found = self.finished(stage, key)
        if found:
            return found
        final = self.folder(stage, key)
        disk.remove_now(final)  # it is damaged, if there is one
        with disk.replaced(final) as aside:
            begun = time.perf_counter()
            with spilling_into(aside / SPILL):
                result = work(aside)
            record = StageRecord(
                stage=stage,
                key=key,
                folder=final,
                counts=dict(result.counts),
                sentence=result.sentence,
                warnings=tuple(result.warnings),
                seconds=round(time.perf_counter() - begun, 3),
                outputs={name: digest_of_file(aside / name) for name in _files_in(aside)},
                reused=False,
                facts=dict(result.facts),
                skips=tuple(result.skips),
                made_from=dict(made_from or {}),
            )
            stored = {name: value for name, value in asdict(record).items() if name not in ("folder", "reused")}
            stored[RECORDED] = digest(stored)
            write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", aside / RECORD)
        return record


def is_intact(folder: Path, outputs: Mapping[str, str]) -> bool:
    """Return whether a folder still contains files with these digests, by name: none missing, cut off or changed."""
    return all((folder / name).is_file() and digest_of_file(folder / name) == sha for name, sha in outputs.items())


def _files_in(folder: Path) -> list[str]:
    """Return the files in a folder, by their path in it, in order, without the record of the stage."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name != RECORD)


def publish_folder(files: Mapping[str, Path], folder: Path) -> None:
    """Make `folder` contain exactly these files, by name inside it; it is replaced as a whole."""
    with disk.replaced(folder) as aside:
        disk.link_files(files, aside)
