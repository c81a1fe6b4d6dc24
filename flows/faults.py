"""Where a fault of the program was raised, without what it says: the text of an error can quote a value of a row."""

import re
import traceback
from pathlib import Path


def raised_at(error: BaseException) -> tuple[str, int | str | None]:
    """Return the file and line that raised an error; a worker process sends its traceback as text, in the cause."""
    in_worker = re.findall(r'^  File "(.+)", line (\d+)', str(error.__cause__), flags=re.MULTILINE)
    frames = traceback.extract_tb(error.__traceback__)
    if in_worker:
        return in_worker[-1]
    return (frames[-1].filename, frames[-1].lineno) if frames else ("unknown", None)


def described(error: BaseException) -> str:
    """Return the kind of an error and where it was raised: KeyError in stays.py, line 12."""
    file, line = raised_at(error)
    return f"{type(error).__name__} in {Path(file).name}, line {line}"
