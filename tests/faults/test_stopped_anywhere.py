"""Store, publication and live runs, stopped at every operation and at seeded points: nothing lost, all resumed."""

import errno
import os
import random
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from simulated_disk import LOSSES, FastDisk, Left, state_after, stops
from stub_chain import StubRuns, done_of

from flows.cli import _cause_outside
from pipeline import disk


@pytest.fixture
def stubs(in_memory, monkeypatch) -> StubRuns:
    return StubRuns(in_memory, monkeypatch)


def test_a_machine_that_stops_at_any_operation(stubs, full, in_memory, tell):
    operations = stubs.recorded.operations
    tried = 0
    for number, tree in stops(operations):
        for loss in LOSSES if full else (LOSSES[number % len(LOSSES)],):
            left = state_after(tree, operations[number], number, loss)
            stubs.stop_and_resume(number, left, in_memory / "stopped")
            shutil.rmtree(in_memory / "stopped")
            tried += 1
    assert tried >= len(operations) > 300
    tell(f"stopped at each of {len(operations)} operations, in {tried} ways")


def test_a_machine_that_stops_at_seeded_points_and_again_while_it_resumes(stubs, full, in_memory, tell):
    """Each seed is an operation, a loss, and, for every second one, another stop of the run that resumes."""
    operations, points = stubs.recorded.operations, 10_000 if full else 120
    seeds: dict[int, list[int]] = defaultdict(list)
    for seed in range(points):
        seeds[random.Random(seed).randrange(len(operations))].append(seed)
    twice = 0
    for number, tree in stops(operations):
        for seed in seeds[number]:
            draw = random.Random(~seed)
            left = state_after(tree, operations[number], seed, draw.choice(LOSSES))
            root = in_memory / "stopped"
            if seed % 2:
                stubs.stop_and_resume(number, left, root)
            else:
                resumed = stubs.resume_recorded(number, left, root)
                shutil.rmtree(root)
                before = len(done_of(operations[: number + 1]))  # reported by the run that was stopped first
                if len(resumed) > before:
                    again = draw.randrange(before, len(resumed))
                    *_, (_, then) = stops(resumed[: again + 1], since=left)
                    second = state_after(then, resumed[again], seed, draw.choice(LOSSES))
                    stubs.resume(done_of(resumed[: again + 1]), second, root)
                    twice += 1
            shutil.rmtree(root, ignore_errors=True)
    tell(f"stopped at {points} seeded points, {twice} of them again while resuming")


class FailingDisk(FastDisk):
    """A disk whose operation of one number, and with `lasting` every later one, fails."""

    def __init__(self, at: int, error: int, *, lasting: bool) -> None:
        self.at, self.error, self.lasting, self.number = at, error, lasting, -1
        self.done: list[str] = []

    def note(self, done: str) -> None:
        self.done.append(done)

    def _may_fail(self, path: Path | None) -> None:
        self.number += 1
        if self.number == self.at or (self.lasting and self.number > self.at):
            raise OSError(self.error, os.strerror(self.error), *([str(path)] if path else []))


def _failing(name: str):
    real = getattr(FastDisk, name)

    def operation(self: FailingDisk, first, *rest):
        self._may_fail(first if isinstance(first, Path) else None)
        return real(self, first, *rest)

    return operation


for _name in ("create", "sync_file", "sync_folder", "append", "make_folder", "rename", "link", "remove_file",
              "remove_folder"):  # fmt: skip
    setattr(FailingDisk, _name, _failing(_name))


@pytest.mark.parametrize(
    ("error", "lasting"),
    [(errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EROFS, True), (errno.EIO, True), (errno.ESTALE, False)],
    ids=["full for a moment", "full", "read-only", "lost", "stale"],
)
def test_a_disk_that_fails_at_any_operation(stubs, full, in_memory, tell, error, lasting):
    """One paragraph says what to mend; after it the same command ends with the same bytes."""
    operations, failed = len(stubs.recorded.operations), 0
    for at in range(0, operations, 1 if full else 29):
        root = in_memory / "failing"
        root.mkdir()
        failing = FailingDisk(at, error, lasting=lasting)
        try:
            stubs.run_all(root, failing)
        except OSError as fault:
            cause = _cause_outside(fault)
            assert cause is not None
            assert "\n" not in cause
            failed += 1
        stubs.check_left(root, failing.done)
        stubs.run_all(root, FastDisk(), failing.done)
        stubs.check_resumed(root)
        shutil.rmtree(root)
    assert failed > operations // (2 if full else 100)
    tell(f"{os.strerror(error)}: at {failed} operations")


def test_the_simulated_disk_loses_what_was_not_forced(in_memory):
    """The simulation itself: without forcing, a finished file is lost or torn in some seed; with it, in none."""
    from simulated_disk import RecordingDisk

    class Careless(RecordingDisk):
        def sync_folder(self, folder: Path) -> None:
            pass

    found = {}
    for kind in (RecordingDisk, Careless):
        root = in_memory / kind.__name__
        root.mkdir()
        recording = kind(root)
        recording_disk, disk.DISK = disk.DISK, recording
        try:
            disk.write_bytes(b"x" * 100, root / "file")
        finally:
            disk.DISK = recording_disk
        *_, (_, tree) = stops(recording.operations)
        found[kind] = {contents(state_after(tree, None, seed, loss)) for seed in range(50) for loss in LOSSES[1:]}
    assert found[RecordingDisk] == {(("file", b"x" * 100),)}
    assert () in found[Careless]


def contents(left: Left) -> tuple[tuple[str, bytes], ...]:
    return tuple((str(path), content) for paths, content in left.files for path in paths)
