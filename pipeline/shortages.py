"""Errors of many libraries that mean one thing: too little memory, a full disk, or a file that is no longer there."""

import errno
import re
import resource

from pipeline.errors import UserError

ADDRESSES = 128 << 30
"""Bytes of addresses, not of memory, that the libraries reserve: with 64 GB the engine that draws charts aborts."""

_NO_MEMORY = re.compile(
    r"out of memory|bad_alloc|cannot allocate memory|memory allocation of|malloc of size|failed to map segment"
    r"|can't start new thread|thread.*resource temporarily unavailable",
    re.IGNORECASE,
)


_LOST = {errno.ENOENT, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO}
_NO_FILE = re.compile(r"no such file or directory|input/output error|stale file handle", re.IGNORECASE)


def check_address_space() -> None:
    """Raise `UserError` if `ulimit -v` leaves too few addresses: libraries then end the process with no error."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed != resource.RLIM_INFINITY and allowed < ADDRESSES:
        raise UserError(
            f"too little memory: `ulimit -v` allows this process {allowed / 2**30:.1f} GB of addresses, and its "
            f"libraries reserve {ADDRESSES >> 30} GB, most of which they never use. Run `ulimit -v unlimited` first."
        )


def lacks_memory(error: BaseException) -> bool:
    """Return whether an error, or one that led to it, means that there is too little memory.

    Libraries that report it by an error of their own are recognised by its text.
    """
    return any(
        isinstance(one, MemoryError)
        or (isinstance(one, OSError) and one.errno == errno.ENOMEM)
        or _NO_MEMORY.search(str(one)) is not None
        for one in _chain(error)
    )


def fills_disk(error: BaseException) -> bool:
    """Return whether an error, or one that led to it, means that a disk is full."""
    return any("no space left on device" in str(one).lower() for one in _chain(error))


def loses_file(error: BaseException) -> bool:
    """Return whether an error, or one that led to it, means that a file or its disk is no longer there."""
    return any(
        (isinstance(one, OSError) and one.errno in _LOST) or _NO_FILE.search(str(one)) is not None
        for one in _chain(error)
    )


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and those that led to it."""
    found = [error]
    while earlier := found[-1].__cause__ or (None if found[-1].__suppress_context__ else found[-1].__context__):
        found.append(earlier)
    return found
