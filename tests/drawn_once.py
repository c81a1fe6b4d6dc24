"""Charts that the commands of tests have drawn: the same specification is not drawn again by another command.

A run of a small country draws a hundred charts, which take a sixth of its time, and hundreds of tests run the same
few countries. Commands that need a real start of Python (`conftest.sojourn` decides), and demos of users, draw all.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_FOLDER = "DRAWINGS_OF_TESTS"
"""The variable that names the folder of the drawings, which all processes of the tests share."""


def begin() -> Path | None:
    """Make the folder of this session of tests and return it; None where the process that started this one did."""
    if _FOLDER in os.environ:
        return None
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="drawings-")
    return Path(os.environ[_FOLDER])


def end(folder: Path | None) -> None:
    """Remove the folder that `begin` made."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def drawn_once(draw: Callable[[str], str]) -> Callable[[str], str]:
    """Return a renderer that keeps what `draw` makes of each specification; `draw` itself outside such a session."""
    if _FOLDER not in os.environ:
        return draw
    folder = Path(os.environ[_FOLDER])

    def drawn(specification: str) -> str:
        kept = folder / hashlib.sha256(specification.encode()).hexdigest()
        try:
            return kept.read_text(encoding="utf-8")
        except OSError:
            drawing = draw(specification)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_text(drawing, encoding="utf-8")
            part.rename(kept)
            return drawing

    return drawn
