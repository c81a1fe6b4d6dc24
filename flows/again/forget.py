"""The verb `forget`: the person-level tables of a run are deleted, and its aggregates stay verifiable.

The manifest says first that they are deleted, and when: whoever is interrupted starts the verb again.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.again.verify import FORGOTTEN
from flows.evaluate import manifest_of
from flows.live.live_runs import LiveRuns
from flows.review import FOLDER as REVIEW
from flows.terminal import Terminal
from linkage.stages import LINK
from pipeline import disk
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.store import Store
from pipeline.tables import write_text
from publication.manifest import sensitivity
from publication.run_folder import MANIFEST, SCORES, TABLES, read_manifest
from rules.stages import EVIDENCE, STAYS

PERSON_LEVEL = "person-level"
OF_PEOPLE = (INGEST.name, LINK.name, EVIDENCE.name, STAYS.name)
"""Stages whose stored results go as a whole; those of the others go file by file."""


def forget_people(run: Path, *, person_level: bool) -> int:
    """Delete all person-level files of a run, also those of its store, scores and reviews; returns the exit status.

    A folder of live runs stands for all its runs but the live one. A run that was stopped before it had a manifest is
    forgotten too.
    """
    if not person_level:
        raise UserError(
            "--person-level: say what to delete. `sojourn forget RUN --person-level` deletes all tables with a row a "
            "person or a record, for good, and keeps the figures."
        )
    run, terminal = run.resolve(), Terminal()
    runs = LiveRuns(run)
    for one in runs.all_but_live() if runs.exists else [run]:
        terminal.print_line(
            f"{one.name}: the person-level tables are deleted ({_forget(one):,} files, and the store of them)."
        )
    if runs.live is not None:
        terminal.print_line(f"  {runs.live} is live, and keeps its tables: name it to delete them.")
    terminal.print_line("  The figures stay, and `sojourn verify` can still compute them again from the extracts.")
    return 0


def _forget(run: Path) -> int:
    """Delete the person-level files of one run, and return how many were not of a stage that goes as a whole."""
    if not (run / "store").is_dir():
        manifest_of(run)  # says what is wrong with a folder that is no run
    with Store(run).locked():
        manifest = read_manifest(run)
        if manifest is not None:
            manifest.setdefault(FORGOTTEN, datetime.now(UTC).date().isoformat())
            _write(run, manifest)
        files = set(_files_of_people(run, manifest))
        for path in sorted(files):
            disk.remove(path)
        for folder in (*(run / "store" / stage for stage in OF_PEOPLE), run / REVIEW):
            disk.remove(folder)
        _remove_empty_folders(run)
    return len(files)


def _write(run: Path, manifest: dict[str, Any]) -> None:
    write_text(json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False) + "\n", run / MANIFEST)


def _files_of_people(run: Path, manifest: dict[str, Any] | None) -> Iterator[Path]:
    """Yield the files of a run that are about single people, wherever copies of them are, in the manifest or not."""
    outputs = manifest["outputs"] if manifest is not None else {}
    yield from (run / name for name, output in outputs.items() if output["sensitivity"] == PERSON_LEVEL)
    tables = run / TABLES
    yield from (
        path
        for path in tables.rglob("*")
        if path.is_file() and sensitivity(path.relative_to(tables).as_posix()) == PERSON_LEVEL
    )
    yield from (path for path in (run / SCORES).rglob("*") if path.is_file() and not _is_a_score(path))
    yield from (
        path
        for path in (run / "store").glob("*/*/**/*")
        if path.is_file() and _is_of_people(path.relative_to(run / "store"))
    )


def _is_of_people(stored: Path) -> bool:
    """Return whether a file of `count`, `account` or `publish` (`STAGE/KEY/...`) is about single people."""
    stage, _, *parts = stored.parts
    name = "/".join(parts[1:] if parts[0] == TABLES else parts)
    return stage not in OF_PEOPLE and stored.suffix in {".parquet", ".csv"} and sensitivity(name) == PERSON_LEVEL


def _is_a_score(path: Path) -> bool:
    """Return whether a file of `evaluation/` has scores of figures: any other one may have rows of people."""
    return path.stem in {
        "classes", "counted_twice", "flows", "interval_coverage", "link_errors", "links", "stocks", "summary",
    }  # fmt: skip


def _remove_empty_folders(run: Path) -> None:
    for folder in sorted((run / TABLES).rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            disk.remove(folder)
