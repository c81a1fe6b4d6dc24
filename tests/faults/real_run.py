"""A real run of a small country on a recording disk, and what must hold of it however it was stopped."""

import hashlib
import random
from dataclasses import dataclass
from pathlib import Path

from simulated_disk import FastDisk, Left, Operation, RecordingDisk, state_after, tree_after
from stub_chain import Noting, done_of, manifest_is_true

from flows.chain import STAGES, run_chain
from flows.progress import NullListener
from pipeline import disk
from pipeline.stage import StageRecord
from pipeline.store import Store
from pipeline.study import Study
from publication.run_folder import TABLES, read_manifest

RUN = "run"
NAMES = [stage.name for stage in STAGES]


@dataclass(frozen=True)
class RealRun:
    """A finished run below `root`: its records, its operations, and the digests of its published tables."""

    study: Study
    root: Path
    records: dict[str, StageRecord]
    operations: list[Operation]
    tables: dict[str, str]

    @classmethod
    def of(cls, study: Study, root: Path) -> "RealRun":
        """Run a study below a root, writing down every operation."""
        root.mkdir()
        recording = RecordingDisk(root)
        real, disk.DISK = disk.DISK, recording
        try:
            records = run_chain(study, root / RUN, threads=1, listener=Noting(recording.note, root / RUN))
        finally:
            disk.DISK = real
        return cls(study, root, records, recording.operations, table_digests(root / RUN))

    def numbers_of(self, stage: str) -> range:
        """Return the numbers of the operations of a stage; those of `publish` go on until the run shows it."""
        ends = [number for number, one in enumerate(self.operations) if one.kind == "done"]
        at = NAMES.index(stage)
        begin = ends[at - 1] + 1 if at else 0
        return range(begin, ends[at] if stage != NAMES[-1] else len(self.operations))

    def stopped(self, number: int, seed: int, loss: str) -> Left:
        """Return what is left of the run if the machine stops in one of its operations."""
        tree = tree_after(self.operations[: number + 1])
        return state_after(tree, self.operations[number], seed, loss)

    def whole(self) -> Left:
        """Return the finished run."""
        return state_after(tree_after(self.operations), None, 0, "killed")

    def check_left(self, root: Path, number: int) -> None:
        """Check that no manifest says what is untrue, and that every finished stage is there."""
        assert manifest_is_true(root / RUN), "a manifest names a table that is absent or damaged"
        for one in done_of(self.operations[: number + 1]):
            _, stage, key = one.removeprefix("stage ").split("/")
            assert Store(root / RUN).finished(stage, key), f"the finished stage {stage} was lost"

    def resume(self, root: Path, until: str = NAMES[-1]) -> None:
        """Resume below a root until a stage has finished, and check that all has the bytes of this run."""
        stages = STAGES[: NAMES.index(until) + 1]
        real, disk.DISK = disk.DISK, FastDisk()
        try:
            records = run_chain(self.study, root / RUN, threads=1, stages=stages, listener=NullListener())
        finally:
            disk.DISK = real
        for name, record in records.items():
            if name != NAMES[-1]:
                assert record.key == self.records[name].key
                assert record.outputs == self.records[name].outputs, f"{name} has other bytes"
        if until == NAMES[-1]:
            self.check_resumed(root)

    def check_resumed(self, root: Path) -> None:
        """Check that a finished run below a root has the tables of this one, and nothing half written."""
        assert table_digests(root / RUN) == self.tables
        assert read_manifest(root / RUN) is not None
        assert manifest_is_true(root / RUN)
        assert not [path for path in root.rglob("*") if path.name.startswith((disk.ASIDE, disk.RETIRED))]


def flipped(root: Path, seed: int) -> Path:
    """Flip a byte of a file of a run, both drawn by a seed, and return the file."""
    draw = random.Random(seed)
    files = [
        path for path in sorted((root / RUN).rglob("*"))
        if path.is_file() and path.stat().st_size and path.name not in {".lock", "run.log"}
    ]  # fmt: skip
    path = draw.choice(files)
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    with path.open("r+b") as file:  # the same file, with all names that it has
        file.write(content)
    return path


def table_digests(run: Path) -> dict[str, str]:
    """Return the digests of a run's published tables."""
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((run / TABLES).rglob("*"))
        if path.is_file()
    }
