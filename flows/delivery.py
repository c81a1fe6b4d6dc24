"""Whether a delivery is complete: every file that a study names is there, and none of them is still growing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.store import digest
from pipeline.study import Study

Check = Callable[[Study], Sequence[str]]
"""A check of a complete delivery: returns what is wrong with it, one sentence each; nothing if it may be used."""


class LateDeliveryError(UserError):
    """Files that a study names are not there (yet)."""


@dataclass(frozen=True)
class Delivery:
    """A delivery as it is seen at one moment: size and time of change of its files, by path; what is missing.

    `missing` are files as the study names them. An empty file is missing: it is there before it is written.
    """

    files: Mapping[str, tuple[int, int]]
    missing: tuple[str, ...]

    @property
    def named(self) -> int:
        """How many files the study names."""
        return len(self.files) + len(self.missing)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that another delivery, or one of its files delivered again, does not have."""
        return digest(dict(self.files))[:16]


def look_at(study: Study) -> Delivery:
    """Return the delivery of a study as it is now; raises `OSError` where a file cannot be looked at."""
    files, missing = {}, []
    for extract in study.extract:
        for name in extract.files:
            found = _look_at_file(study.resolve(name))
            if found is None:
                missing.append(name)
            else:
                files[str(study.resolve(name))] = found
    return Delivery(files, tuple(missing))


def _look_at_file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else None


def check_complete(study: Study) -> Delivery:
    """Return the delivery of a study; raises `LateDeliveryError` that names what is missing."""
    delivery = look_at(study)
    if delivery.missing:
        raise LateDeliveryError(
            f"{study.path}: {missing_in_words(delivery)}. "
            "Run again when they have arrived, or take them out of the study."
        )
    return delivery


def missing_in_words(delivery: Delivery) -> str:
    """Return which files are missing, for a message: a few by name, and how many."""
    shown = ", ".join(delivery.missing[:3])
    more = f" and {len(delivery.missing) - 3} more" if len(delivery.missing) > 3 else ""
    return f"{len(delivery.missing)} of {delivery.named} files have not been delivered: {shown}{more}"
