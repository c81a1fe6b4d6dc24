"""The run folder: one folder per stage and key, written, then renamed; an unchanged stage is not run again.

A stage's key is the digest of everything that can change its result: its name, the part of the study that it
declares, the keys of the stages it reads, the code of its package and of `pipeline`, and the versions of the
libraries that compute. An intact folder under a key is therefore the result, no matter which run wrote it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.stage import Skip, Stage, StageRecord, StageResult, StudyPart
from pipeline.study import digest_of_file
from pipeline.tables import write_text

ROOT = Path(__file__).resolve().parent.parent
COMPUTING_LIBRARIES = ("duckdb", "jellyfish", "numpy", "polars", "pyarrow", "scipy", "splink")
RECORD = "stage.json"


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
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UserError(
                    f"{self.run}: another run is using this folder. Wait until it ends, or choose another --out."
                ) from None
            for half_written in [
                *self.root.glob("*/.aside-*"),
                *self.run.glob(".aside-*"),
                *self.run.glob(".retired-*"),
            ]:
                shutil.rmtree(half_written) if half_written.is_dir() else half_written.unlink()
            yield

    def folder(self, stage: str, key: str) -> Path:
        """Return the folder of a stage's result, whether or not it exists yet."""
        return self.root / stage / key[:16]

    def finished(self, stage: str, key: str) -> StageRecord | None:
        """Return the record of a stage that has an intact result under its key, else None."""
        folder = self.folder(stage, key)
        try:
            stored = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            warnings = tuple(stored.pop("warnings"))
            skips = tuple(Skip(one["step"], one["reason"], tuple(one["lacks"])) for one in stored.pop("skips"))
            record = StageRecord(**stored, warnings=warnings, skips=skips, folder=folder, reused=True)
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return record if record.key == key and is_intact(folder, record.outputs) else None

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
        aside = final.with_name(f".aside-{final.name}-{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        begun = time.perf_counter()
        result = work(aside)
        seconds = round(time.perf_counter() - begun, 3)
        outputs = {
            str(path.relative_to(aside)): digest_of_file(path) for path in sorted(aside.rglob("*")) if path.is_file()
        }
        record = StageRecord(
            stage=stage,
            key=key,
            folder=final,
            counts=dict(result.counts),
            sentence=result.sentence,
            warnings=tuple(result.warnings),
            seconds=seconds,
            outputs=outputs,
            reused=False,
            facts=dict(result.facts),
            skips=tuple(result.skips),
            made_from=dict(made_from or {}),
        )
        stored = {name: value for name, value in asdict(record).items() if name not in ("folder", "reused")}
        write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", aside / RECORD)
        shutil.rmtree(final, ignore_errors=True)
        aside.replace(final)
        return record


def is_intact(folder: Path, outputs: Mapping[str, str]) -> bool:
    """Return whether a folder still contains files with these digests, by name: none missing, cut off or changed."""
    return all((folder / name).is_file() and digest_of_file(folder / name) == sha for name, sha in outputs.items())


def link_files(files: Mapping[str, Path], folder: Path) -> None:
    """Put files into a folder under names inside it: as hard links where the file system allows, else as copies.

    Person-level tables, which appear in several folders, therefore use disk space only once.
    """
    for name, source in sorted(files.items()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)


def publish_folder(files: Mapping[str, Path], folder: Path) -> None:
    """Make `folder` contain exactly these files, by name inside it; it is replaced as a whole."""
    aside = folder.with_name(f".aside-{folder.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    link_files(files, aside)
    retired = folder.with_name(f".retired-{folder.name}-{os.getpid()}")
    if folder.exists():
        folder.replace(retired)
    aside.replace(folder)
    shutil.rmtree(retired, ignore_errors=True)
