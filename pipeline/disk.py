"""All that Sojourn writes, renames and removes: readable by its owner alone, whole or absent, and on the disk.

A file is written under another name, forced to the disk, renamed, and its folder forced to the disk too. So whatever
is cut off, the machine included, a reader finds the old file or the new one, and what was reported as done is kept
(Pillai and others, All file systems are not created equal, OSDI 2014). No other module writes: a test reads them all.

`Disk` has the few operations of which everything here is made. Tests put others in its place: they lose
what was not forced to the disk, or fail.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

ASIDE = ".aside-"
RETIRED = ".retired-"
OWNER_ALONE = 0o700
OWNERS_FILE = 0o600


class Disk:
    """The operations of a file system; each of them happens as a whole or not at all, except `write`."""

    def create(self, path: Path) -> BinaryIO:
        """Open a file to be written anew, readable by its owner alone."""
        path.unlink(missing_ok=True)  # never into what another name, or a link, leads to
        return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNERS_FILE), "wb")

    def sync_file(self, file: BinaryIO) -> None:
        """Return when what was written into an open file is on the disk."""
        file.flush()
        os.fsync(file.fileno())

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in a folder are on the disk; a file system that cannot promise that is let be."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)

    def append(self, path: Path, data: bytes) -> None:
        """Add bytes at the end of a file in one write."""
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, OWNERS_FILE)
        try:
            os.write(descriptor, data)
        finally:
            os.close(descriptor)

    def make_folder(self, path: Path) -> None:
        """Make one folder, open to its owner alone."""
        path.mkdir(mode=OWNER_ALONE)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file or folder another name; a file of that name is replaced."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give a file a second name."""
        os.link(source, target)

    def remove_file(self, path: Path) -> None:
        """Remove a name of a file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()


DISK = Disk()


def make_folder(path: Path) -> None:
    """Make a folder with those above it, as far as they are not there."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        try:
            DISK.make_folder(folder)
        except FileExistsError:
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
            continue  # another process was faster
        DISK.sync_folder(folder.parent)


def aside_of(path: Path) -> Path:
    """Return the name beside a file or folder under which it is written."""
    return path.with_name(f"{ASIDE}{path.name}-{os.getpid()}")


@contextmanager
def written(path: Path) -> Generator[BinaryIO]:
    """Give an open file that becomes the file at `path` at the end of the block, and nothing if the block fails."""
    make_folder(path.parent)
    aside = aside_of(path)
    try:
        with DISK.create(aside) as file:
            yield file
            DISK.sync_file(file)
        DISK.rename(aside, path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # as writing and forcing do not
        with suppress(OSError):
            remove(aside)
        raise
    DISK.sync_folder(path.parent)


def write_bytes(data: bytes | memoryview, path: Path) -> None:
    """Write a whole file."""
    with written(path) as file:
        file.write(data)


def append_line(line: str, path: Path) -> None:
    """Add a line to a log; of a log alone, the last line can be lost or cut off."""
    make_folder(path.parent)
    DISK.append(path, f"{line}\n".encode())


def open_log(path: Path) -> BinaryIO:
    """Return a file that another process goes on writing; it is not forced to the disk."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, OWNERS_FILE), "ab")


def copy_file(source: Path, target: Path) -> None:
    """Write a copy of a file."""
    with source.open("rb") as original, written(target) as file:
        shutil.copyfileobj(original, file, 1 << 20)


def move(source: Path, target: Path) -> None:
    """Rename a file, or a folder that takes the place of an absent one."""
    DISK.rename(source, target)
    for folder in {source.parent, target.parent}:
        DISK.sync_folder(folder)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if there is one; a link is removed, not what it leads to."""
    if path.is_symlink() or not path.is_dir():
        if path.is_symlink() or path.exists():
            DISK.remove_file(path)
        return
    for name in sorted(os.listdir(path)):
        remove(path / name)
    DISK.remove_folder(path)


def remove_now(path: Path) -> None:
    """Remove a file or folder, and return when its name is gone from the disk too."""
    if path.exists() or path.is_symlink():
        remove(path)
        DISK.sync_folder(path.parent)


@contextmanager
def replaced(folder: Path) -> Generator[Path]:
    """Give an empty folder that takes the place of `folder` as a whole at the end of the block.

    For a moment there is neither: what says that the folder is complete must be removed before, and made after.
    If the block fails, the old folder stays.
    """
    aside = aside_of(folder)
    remove(aside)
    make_folder(aside)
    try:
        yield aside
    except BaseException:
        with suppress(OSError):
            remove(aside)
        raise
    if folder.exists():
        retired = folder.with_name(f"{RETIRED}{folder.name}-{os.getpid()}")
        remove(retired)
        DISK.rename(folder, retired)
        DISK.rename(aside, folder)
        DISK.sync_folder(folder.parent)
        remove(retired)
    else:
        DISK.rename(aside, folder)
        DISK.sync_folder(folder.parent)


def link_files(files: Mapping[str, Path], folder: Path) -> None:
    """Put files into a folder under names inside it: as hard links where the file system allows, else as copies.

    Person-level tables, which appear in several folders, therefore use disk space only once.
    """
    for name, source in sorted(files.items()):
        target = folder / name
        make_folder(target.parent)
        try:
            DISK.link(source, target)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.EACCES):
                raise
            copy_file(source, target)
    for inside in {(folder / name).parent for name in files}:
        DISK.sync_folder(inside)


def remove_half_written(folders: Iterable[Path]) -> None:
    """Remove what a killed process has left in some folders: what it was writing aside, or had just replaced."""
    for folder in folders:
        for left in (*folder.glob(f"{ASIDE}*"), *folder.glob(f"{RETIRED}*")):
            remove(left)


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Generator[bool]:
    """Hold a lock file for the block, and give whether this process has it; with `wait`, after others let it go.

    The lock goes with the process, however it ends; the file stays.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, OWNERS_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)
