"""A file system that can be stopped anywhere: what was not forced to the disk is lost, torn, or there all the same.

`RecordingDisk` does what Sojourn's disk does and writes down every operation. `state_after` follows the first of them
and returns what a machine that stopped there may have left, drawn by a seed:

- the content of a file that was written since it was last forced to the disk: nothing, a part, a part followed by
  zeros (blocks that were reserved and not written), or all of it;
- a name that was made, changed or removed since its folder was last forced to the disk: as before or as after, each
  for itself (`scattered`) or all up to one of them (`in order`, as a journal keeps them); renaming is one change.

`killed` is a process that ended and a machine that went on: all that was done is there, the last write cut off.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pipeline.disk import Disk

NAMES = {"create", "make_folder", "remove_file", "remove_folder", "link", "rename"}
"""Operations that change names, as opposed to contents."""
LOSSES = ("killed", "scattered", "in order")


@dataclass(frozen=True)
class Operation:
    """One operation: its kind, the path (and the other one of a renaming or a link), and what was written."""

    kind: str
    path: Path
    other: Path | None = None
    data: bytes = b""


class FastDisk(Disk):
    """A disk that is not waited for."""

    def sync_file(self, file: BinaryIO) -> None:
        file.flush()

    def sync_folder(self, folder: Path) -> None:
        pass


class RecordingDisk(FastDisk):
    """A disk that writes down what is done below `root`, by paths relative to it, and what was reported as done."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.operations: list[Operation] = []
        self._open: dict[int, Path] = {}

    def _note(self, kind: str, path: Path, other: Path | None = None, data: bytes = b"") -> None:
        inside = [one.relative_to(self.root) if one is not None else None for one in (path, other)]
        self.operations.append(Operation(kind, inside[0], inside[1], data))

    def note(self, done: str) -> None:
        """Write down that something was reported as done: it must not be lost from here on."""
        self.operations.append(Operation("done", Path(done)))

    def create(self, path: Path) -> BinaryIO:
        file = super().create(path)
        self._open[file.fileno()] = path
        self._note("create", path)
        return file

    def sync_file(self, file: BinaryIO) -> None:
        super().sync_file(file)
        path = self._open.pop(file.fileno())
        self._note("write", path, data=path.read_bytes())
        self._note("sync_file", path)

    def sync_folder(self, folder: Path) -> None:
        self._note("sync_folder", folder)

    def append(self, path: Path, data: bytes) -> None:
        super().append(path, data)
        self._note("append", path, data=data)

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._note("make_folder", path)

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._note("rename", source, target)

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        self._note("link", source, target)

    def remove_file(self, path: Path) -> None:
        super().remove_file(path)
        self._note("remove_file", path)

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        self._note("remove_folder", path)


@dataclass(eq=False)
class File:
    """A file: its content as programs see it, and as it is on the disk."""

    now: bytes = b""
    forced: bytes = b""


@dataclass(eq=False)
class Folder:
    """A folder: its names as programs see them, and as they are on the disk, with the changes in between.

    A change has a number, which both folders of one renaming share, and what each of some names leads to after it.
    """

    now: dict[str, "File | Folder"] = field(default_factory=dict)
    forced: dict[str, "File | Folder"] = field(default_factory=dict)
    changes: list[tuple[int, dict[str, "File | Folder | None"]]] = field(default_factory=list)

    def change(self, number: int, names: dict[str, "File | Folder | None"]) -> None:
        for name, leads_to in names.items():
            if leads_to is None:
                self.now.pop(name, None)
            else:
                self.now[name] = leads_to
        self.changes.append((number, names))

    def force(self) -> None:
        self.forced, self.changes = dict(self.now), []


class Tree:
    """The files and folders below a root, after some operations."""

    def __init__(self) -> None:
        self.root = Folder()
        self._number = 0

    def folder(self, path: Path) -> Folder:
        found: File | Folder = self.root
        for part in path.parts:
            found = found.now[part]
        assert isinstance(found, Folder)
        return found

    def do(self, one: Operation) -> None:
        """Follow one operation."""
        self._number += 1
        path, other = one.path, one.other
        if one.kind == "done":
            return
        if one.kind == "sync_folder":
            self.folder(path).force()
            return
        place = self.folder(path.parent)
        found = place.now.get(path.name)
        if one.kind in NAMES:
            self._rename(one.kind, place, path.name, found, other)
        elif one.kind == "append":
            if found is None:
                place.change(self._number, {path.name: File()})
            place.now[path.name].now += one.data
        elif one.kind == "write":
            found.now = one.data
        else:
            assert one.kind == "sync_file", one.kind
            found.forced = found.now

    def _rename(self, kind: str, place: Folder, name: str, found: "File | Folder | None", other: Path | None) -> None:
        """Follow an operation on names; a renaming within a folder is one change."""
        if kind in ("create", "make_folder"):
            place.change(self._number, {name: File() if kind == "create" else Folder()})
        elif kind in ("remove_file", "remove_folder"):
            place.change(self._number, {name: None})
        elif kind == "link":
            self.folder(other.parent).change(self._number, {other.name: found})
        elif self.folder(other.parent) is place:
            place.change(self._number, {name: None, other.name: found})
        else:
            place.change(self._number, {name: None})
            self.folder(other.parent).change(self._number, {other.name: found})


@dataclass(frozen=True)
class Left:
    """What a machine left: writes it to a folder; files with two names stay one file."""

    files: list[tuple[list[Path], bytes]]
    folders: list[Path]

    def write(self, to: Path) -> None:
        to.mkdir(parents=True)
        for folder in self.folders:
            (to / folder).mkdir()
        for (first, *others), content in self.files:
            (to / first).write_bytes(content)
            for other in others:
                (to / other).hardlink_to(to / first)


def tree_of(left: Left) -> Tree:
    """Return the tree of a machine that starts again with what was left: all of it is on the disk."""
    tree = Tree()
    made = [tree.root]
    for path in left.folders:
        folder = Folder()
        tree.folder(path.parent).now[path.name] = folder
        made.append(folder)
    for paths, content in left.files:
        file = File(content, content)
        for path in paths:
            tree.folder(path.parent).now[path.name] = file
    for folder in made:
        folder.force()
    return tree


def state_after(tree: Tree, last: Operation | None, seed: int, loss: str) -> Left:
    """Return what a machine that stopped after the operations of `tree` may have left, as drawn by a seed.

    `last` is the operation in which it stopped: a write can be cut off anywhere.
    """
    torn = last.path if last is not None and last.kind in ("write", "append") else None
    return _Loss(tree, random.Random(seed), loss, torn).left()


class _Loss:
    """One draw of what is lost of a tree."""

    def __init__(self, tree: Tree, draw: random.Random, loss: str, torn: Path | None) -> None:
        self.tree, self.draw, self.loss, self.torn = tree, draw, loss, torn
        self.kept_until = draw.randrange(tree._number + 2)
        self.kept: dict[int, bool] = {}
        self.names: dict[int, list[Path]] = {}
        self.content: dict[int, bytes] = {}
        self.folders: list[Path] = []

    def left(self) -> Left:
        self._walk(self.tree.root, Path())
        return Left([(paths, self.content[one]) for one, paths in self.names.items()], self.folders)

    def _walk(self, folder: Folder, path: Path) -> None:
        for name, one in sorted(self._entries(folder).items()):
            if isinstance(one, Folder):
                self.folders.append(path / name)
                self._walk(one, path / name)
            else:
                self.names.setdefault(id(one), []).append(path / name)
                if id(one) not in self.content:
                    self.content[id(one)] = self._bytes_of(one, path / name)

    def _entries(self, folder: Folder) -> dict[str, File | Folder]:
        if self.loss == "killed":
            return folder.now
        found: dict[str, File | Folder | None] = dict(folder.forced)
        for number, change in folder.changes:
            if self._survives(number):
                found |= change
        return {name: one for name, one in found.items() if one is not None}

    def _survives(self, number: int) -> bool:
        if self.loss == "in order":
            return number <= self.kept_until
        return self.kept.setdefault(number, self.draw.random() < 0.5)

    def _bytes_of(self, file: File, path: Path) -> bytes:
        cut = self.draw.randrange(len(file.now) + 1)
        if self.loss == "killed":
            return file.now[:cut] if path == self.torn else file.now
        if file.now == file.forced:
            return file.now
        zeros = bytes(len(file.now) - cut)
        return self.draw.choice([file.forced, file.now[:cut], file.now[:cut] + zeros, bytes(len(file.now)), file.now])


def tree_after(operations: list[Operation]) -> Tree:
    """Return the tree after operations, all of which were done."""
    tree = Tree()
    for one in operations:
        tree.do(one)
    return tree


def stops(operations: list[Operation], since: Left | None = None) -> Iterator[tuple[int, Tree]]:
    """Yield the number of each operation with the tree after it: every point at which a machine can stop."""
    tree = tree_of(since) if since is not None else Tree()
    for number, one in enumerate(operations):
        tree.do(one)
        yield number, tree
