"""Four stages of a millisecond over the real store, publication and live runs, to be stopped at every operation."""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pytest
from simulated_disk import FastDisk, Left, Operation, RecordingDisk

import flows.live.run_live as live
from flows.chain import run_chain
from flows.live.live_runs import LiveRuns
from pipeline import disk
from pipeline.disk import link_files, write_bytes
from pipeline.stage import Stage, StageContext, StageRecord, StageResult, StudyPart
from pipeline.store import Store, is_intact
from pipeline.study import Study, digest_of_file, read_study
from publication.run_folder import MANIFEST, REPORT, TABLES, read_manifest

QUARTERS = (1, 2)
"""The seeds of two studies, of which the second supersedes the first."""


class Seeded(StudyPart):
    """What a stub declares of a study: its seed."""

    seed: int

    @classmethod
    def of(cls, study: Study, run: Path) -> Self:
        return cls(study_file=study.path, seed=study.seed)


def content_of(name: str, seed: int) -> bytes:
    """Return what a table of a study contains: a few blocks, so that a part of it can be lost."""
    return b"".join(hashlib.sha256(f"{name} {seed} {block}".encode()).digest() for block in range(40))


def one_stage(context: StageContext[Seeded]) -> StageResult:
    """Check every table of the stages before, and write three of its own: one in a folder, one anew."""
    for name, folder in context.folders.items():
        for table in ("a", "sub/b"):
            assert (folder / table).read_bytes() == content_of(f"{name}/{table}", context.study.seed), "a half table"
    stage = context.out.parent.name
    for table in ("a", "sub/b"):
        write_bytes(b"draft", context.out / table)
        write_bytes(content_of(f"{stage}/{table}", context.study.seed), context.out / table)
    return StageResult({"tables": 2}, "two tables")


def publish_stub(context: StageContext[Seeded]) -> StageResult:
    """Publish all tables as the real stage does: links to them, the report, and the manifest that names them."""
    files = {f"{stage}/{name}": one.folder / name for stage, one in context.records.items() for name in one.outputs}
    link_files(files, context.out / TABLES)
    outputs = {f"{TABLES}/{name}": {"sha256": digest_of_file(path)} for name, path in files.items()}
    manifest = {"study": {"data_date": "2020-01-01"}, "stages": {}, "outputs": outputs, "spine": ""}
    write_bytes(b"<html>", context.out / REPORT)
    write_bytes(json.dumps(manifest).encode(), context.out / MANIFEST)
    return StageResult({"tables": len(files)}, "published")


FIRST = Stage("ingest", (), "pipeline", Seeded, "stub_chain:one_stage")
SECOND = Stage("link", ("ingest",), "pipeline", Seeded, "stub_chain:one_stage")
THIRD = Stage("evidence", ("ingest", "link"), "pipeline", Seeded, "stub_chain:one_stage")
PUBLISHED = Stage("publish", ("ingest", "link", "evidence"), "pipeline", Seeded, "stub_chain:publish_stub")
STUBS = (FIRST, SECOND, THIRD, PUBLISHED)


class StubRuns:
    """Two quarterly runs of the stubs below a folder, with what must hold whenever they are stopped."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = patch
        self.studies = [self._study(seed) for seed in QUARTERS]
        patch.setattr(live, "STAGES", STUBS)
        patch.setattr(live, "faults_of", lambda run, _: [] if manifest_is_true(run) and read_manifest(run) else ["x"])
        self.reference = folder / "reference"
        self.reference.mkdir()
        self.recorded = RecordingDisk(self.reference)
        self.run_all(self.reference, self.recorded)
        self.names = [live.run_id_of(study, Path("runs", "run")) for study in self.studies]
        self.tables = tables_of(self.reference)
        assert len(self.tables) == 2 * 6

    def _study(self, seed: int) -> Study:
        path = self.folder / f"study{seed}.toml"
        path.write_text(
            f'name = "stub"\nseed = {seed}\ndata_date = 2020-01-01\n[[extract]]\nname = "x"\nfiles = ["x.csv"]\n'
        )
        return read_study(path)

    def run_all(self, root: Path, on: disk.Disk, done: Sequence[str] = ()) -> None:
        """Run the quarters below a root that are not reported as live yet, on a disk."""
        note: Callable[[str], None] = getattr(on, "note", lambda _: None)
        self.patch.setattr(disk, "DISK", on)
        for study in self.studies[sum(one.startswith("live ") for one in done) :]:

            def compute(run: Path, study: Study = study) -> dict[str, StageRecord]:
                found = run_chain(study, run, stages=STUBS, listener=Noting(note, run))
                note(f"published {run.name}")
                return found

            with contextlib.redirect_stdout(io.StringIO()):
                assert live.run_live(study, root / "runs", compute) == 0
            note(f"live {LiveRuns(root / 'runs').live}")

    def check_left(self, root: Path, done: list[str]) -> None:
        """Check what a stopped machine left: nothing reported is lost, and no manifest says what is untrue."""
        runs = LiveRuns(root / "runs")
        for run in sorted((root / "runs").glob("2*")) if (root / "runs").exists() else ():
            assert manifest_is_true(run), "a manifest names a table that is absent or damaged"
        assert runs.live is None or read_manifest(runs.folder / runs.live), "a run is live that is not complete"
        reported = [one.removeprefix("live ") for one in done if one.startswith("live ")]
        if reported:
            went_live = [row.run for row in runs.history() if row.went_live]
            assert set(reported) <= set(went_live), "a run that went live is not in the history"
            assert went_live.index(str(runs.live)) >= went_live.index(reported[-1]), "an earlier run is live again"
        for one in done:
            what, _, which = one.partition(" ")
            if what == "published":
                assert read_manifest(runs.folder / which), "a publication was lost"
            elif what == "stage":
                run, stage, key = which.split("/")
                assert Store(runs.folder / run).finished(stage, key), "a finished stage was lost"

    def check_resumed(self, root: Path) -> None:
        """Check that the next command ended with the bytes of an undisturbed one, and left nothing else behind."""
        assert tables_of(root) == self.tables
        runs = LiveRuns(root / "runs")
        assert runs.live == LiveRuns(self.reference / "runs").live
        first, second = (row for row in runs.history() if row.went_live)
        assert (first.superseded_by, second.superseded_by) == (second.run, "")
        left = [path for path in root.rglob("*") if path.name.startswith((disk.ASIDE, disk.RETIRED))]
        assert not left, left

    def stop_and_resume(self, number: int, left: Left, root: Path) -> None:
        """Write what a machine left that stopped in an operation, check it, resume, and check the result."""
        left.write(root)
        done = done_of(self.recorded.operations[: number + 1])
        self.check_left(root, done)
        self.run_all(root, FastDisk(), done)
        self.check_resumed(root)

    def resume_recorded(self, number: int, left: Left, root: Path) -> list[Operation]:
        """Resume from what a machine left, and return the operations of that, so that it can be stopped too."""
        left.write(root)
        resumed = RecordingDisk(root)
        for one in done_of(self.recorded.operations[: number + 1]):
            resumed.note(one)
        self.run_all(root, resumed, done_of(resumed.operations))
        self.check_resumed(root)
        return resumed.operations

    def resume(self, done: list[str], left: Left, root: Path) -> None:
        """Resume from what a machine left that was stopped twice."""
        left.write(root)
        self.check_left(root, done)
        self.run_all(root, FastDisk(), done)
        self.check_resumed(root)


def done_of(operations: list[Operation]) -> list[str]:
    """Return what was reported as done by the end of some operations."""
    return [str(one.path) for one in operations if one.kind == "done"]


class Noting:
    """A listener that notes every finished stage, from which on it must not be lost."""

    def __init__(self, note: Callable[[str], None], run: Path) -> None:
        self.note, self.run = note, run

    def progress(self, stage: str, message: str) -> None:
        pass

    def finished(self, record: StageRecord) -> None:
        self.note(f"stage {self.run.name}/{record.stage}/{record.key}")


def manifest_is_true(run: Path) -> bool:
    """Return whether a run has no manifest, or every table that it names, as it names it."""
    manifest = read_manifest(run)
    return manifest is None or is_intact(run, {name: one["sha256"] for name, one in manifest["outputs"].items()})


def tables_of(root: Path) -> dict[str, bytes]:
    """Return the published tables of all runs below a root."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for run in (root / "runs").glob("2*")
        for path in (run / TABLES).rglob("*")
        if path.is_file()
    }
