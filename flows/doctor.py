"""The verb `doctor`: whether Sojourn can work here, and what to mend if not."""

import json
import os
import platform
import re
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.error import URLError

from packaging.requirements import Requirement

from pipeline.checkout import LOCK
from pipeline.errors import UserError
from pipeline.keys import KEY_FILE_VARIABLE, KEY_VARIABLE, key_from_text, text_of_key_file
from pipeline.shortages import check_address_space
from pipeline.store import ROOT

Severity = Literal["ok", "warning", "fault"]
ENOUGH_MEMORY = 2 << 30
"""Bytes: a study of 50,000 residents needs less."""
ENOUGH_DISK = 2 << 30
SECONDS_FOR_PREFECT = 5.0
NOT_USABLE = 1


@dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it if anything is wrong."""

    check: str
    severity: Severity
    found: str
    advice: str = ""


def doctor(*, as_json: bool) -> int:
    """Print what every check finds; returns 0 if Sojourn is usable (warnings allowed), else 1."""
    findings = [one for check in CHECKS for one in check()]
    if as_json:
        print(json.dumps([asdict(one) for one in findings], indent=1))  # noqa: T201 - the requested output
    else:
        for one in findings:
            print(f"{one.severity:<8} {one.check:<13} {one.found}" + (f" {one.advice}" if one.advice else ""))  # noqa: T201 - the result
    return NOT_USABLE if any(one.severity == "fault" for one in findings) else 0


def installation() -> Iterator[Finding]:
    """Compare the installed libraries with the lock file."""
    yield Finding("python", "ok", f"version {platform.python_version()}")
    if not (ROOT / LOCK).is_file():
        yield Finding("libraries", "warning", f"there is no {LOCK} to compare them with.")
        return
    other = list(_not_as_locked((ROOT / LOCK).read_text(encoding="utf-8")))
    if other:
        shown = ", ".join(other[:4]) + (f" and {len(other) - 4} more" if len(other) > 4 else "")
        yield Finding("libraries", "fault", f"not those of {LOCK}: {shown}.", "Run `make setup`.")
    else:
        yield Finding("libraries", "ok", f"those of {LOCK}")


def _not_as_locked(lock: str) -> Iterator[str]:
    """Yield the libraries that a lock file wants here, and of which another version or none is installed."""
    for line in re.findall(r"^[\w.-]+==[^\\\n]+", lock, re.MULTILINE):
        locked = Requirement(line)
        if locked.marker is not None and not locked.marker.evaluate():
            continue
        try:
            installed = version(locked.name)
        except PackageNotFoundError:
            yield f"{locked.name} is missing"
            continue
        if installed not in locked.specifier:
            yield f"{locked.name} {installed} (locked: {locked.specifier})"


def memory() -> Iterator[Finding]:
    """Look for enough memory, and enough addresses, to load the libraries and run a small study."""
    try:
        check_address_space()
    except UserError as error:
        yield Finding("memory", "fault", str(error))
        return
    available = _available_memory()
    if available is None:
        yield Finding("memory", "warning", "this system does not say how much is free.")
    elif available < ENOUGH_MEMORY:
        yield Finding(
            "memory", "warning", f"{available / 2**30:.1f} GB free.", "A study of 50,000 residents needs about 2 GB."
        )
    else:
        yield Finding("memory", "ok", f"{available / 2**30:.1f} GB free")


def _available_memory() -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def disk() -> Iterator[Finding]:
    """Look whether this folder can be written to and has space."""
    here = Path.cwd()
    if not os.access(here, os.W_OK):
        yield Finding("disk", "fault", f"{here} cannot be written to.", "Go to a folder of your own.")
        return
    free = shutil.disk_usage(here).free
    found = f"{free / 2**30:.1f} GB free in {here}"
    if free < ENOUGH_DISK:
        yield Finding("disk", "warning", f"{found}.", "A run of 50,000 residents writes about 1 GB.")
    else:
        yield Finding("disk", "ok", found)


def key() -> Iterator[Finding]:
    """Look at the key that the environment names; a study can name a file of its own."""
    named, text = os.environ.get(KEY_FILE_VARIABLE), os.environ.get(KEY_VARIABLE)
    if not named and not text:
        yield Finding("key", "ok", "the environment names none: each study names its own in 'key_file'")
        return
    where = f"of {KEY_FILE_VARIABLE}" if named else f"of {KEY_VARIABLE}"
    try:
        read = (
            text_of_key_file(Path(named).expanduser(), f"named by {KEY_FILE_VARIABLE}") if named else str(text),
            str(named) if named else f"the environment variable {KEY_VARIABLE}",
        )
        made = key_from_text(*read)
    except UserError as error:
        yield Finding("key", "fault", str(error))
        return
    yield Finding("key", "ok", f"that {where} is one, with the id {made.key_id}")


def clock() -> Iterator[Finding]:
    """Compare the clock with the newest file of the installation: data dates and logs depend on it."""
    newest = max(path.stat().st_mtime for path in (ROOT / "pipeline").rglob("*.py"))
    now = datetime.now(UTC)
    if now.timestamp() < newest:
        yield Finding(
            "clock", "warning", f"it says {now:%Y-%m-%d %H:%M} UTC, before this installation.", "Set it right."
        )
    else:
        yield Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC")


def prefect() -> Iterator[Finding]:
    """Ask the Prefect server that the environment names, if it names one."""
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        yield Finding(
            "prefect",
            "warning",
            "no server is named by PREFECT_API_URL.",
            "`sojourn run --prefect` starts one of its own.",
        )
        return
    try:
        with urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=SECONDS_FOR_PREFECT) as answer:  # noqa: S310 - the user's own server
            answers = answer.status == 200
    except (URLError, OSError, ValueError):
        answers = False
    if answers:
        yield Finding("prefect", "ok", f"the server at {address} answers")
    else:
        yield Finding(
            "prefect", "warning", f"the server at {address} does not answer.", "Start it, or unset PREFECT_API_URL."
        )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (installation, memory, disk, key, clock, prefect)
