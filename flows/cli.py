"""The `sojourn` command: its verbs, and how it ends whatever happens."""

import atexit
import errno
import os
import re
import signal
import sys
import traceback
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import NoReturn

from flows.commands import (
    decisions,
    estimates,
    linking,
    made_again,
    reference_pages,
    scores,
    studies,
)
from flows.commands.app import app
from flows.faults import described
from pipeline.errors import UserError
from pipeline.shortages import fills_disk, lacks_memory, loses_file

VERBS = (studies, linking, scores, decisions, estimates, made_again, reference_pages)
"""The modules of verbs: each adds its own to `app` when it is loaded."""

# Errors of the disk that only the user can correct: a folder that cannot be written to, or no space left.
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOSPC, errno.EDQUOT}

STOPPED_BY: list[int] = []
"""The signal that stopped the command, by Ctrl-C or SIGTERM: libraries can turn it into an error of their own."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command; exits with 0 on success, 2 on a user's mistake (one paragraph), 1 on a program fault."""
    from cyclopts import CycloptsError

    within_other_work = "prefect" in sys.modules
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an ASCII terminal shows other signs by their numbers
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # ignored in a job in the background
        signal.signal(signal.SIGINT, _stop)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)
    try:
        status = app(arguments)
        sys.stdout.flush()
    except UserError as error:
        print(f"sojourn: {error}", file=sys.stderr)
        status = 2
    except CycloptsError:
        status = 2
    except BrokenPipeError:
        # the reader of the output (such as `head`) has closed it
        _discard_output()
        status = 1
    except SystemExit:
        raise
    except BaseException as error:  # a panic of Polars is no Exception
        if STOPPED_BY or isinstance(error, KeyboardInterrupt):
            print("sojourn: stopped. Run the same command again: finished stages are kept.", file=sys.stderr)
            status = 128 + (STOPPED_BY or [signal.SIGINT])[0]
        elif cause := _cause_outside(error):
            print(f"sojourn: {cause}", file=sys.stderr)
            _discard_output()
            status = 2
        else:
            _report_fault(error)
            status = 1
    _leave(status or 0, ends_process=not within_other_work)


def _stop(number: int, _: object) -> NoReturn:
    STOPPED_BY.append(number)
    raise KeyboardInterrupt


def _cause_outside(error: BaseException) -> str | None:
    """Return the sentence for an error of the machine that only the user can correct, else None."""
    if lacks_memory(error):
        return (
            "too little memory. Close other programs, or use a machine that has more or, if it has several "
            "processors, --threads 1; then run the same command again: finished stages are kept."
        )
    number = error.errno if isinstance(error, OSError) else errno.ENOSPC if fills_disk(error) else None
    if number in UNWRITABLE:
        # some libraries name no file, and standard output has none
        where = getattr(error, "filename", None) or "what is written or printed"
        return (
            f"{where}: {os.strerror(number)}. "
            "Use --out to choose a folder that you may write to, on a disk with free space."
        )
    if loses_file(error):
        where = getattr(error, "filename", None) or "a file that is read or written"
        return (
            f"{where}: was removed, or its disk was disconnected, while Sojourn used it. Bring it back, then run the "
            "same command again: finished stages are kept."
        )
    # Python reads a byte that has no meaning in the terminal's encoding as one of these signs; no library takes them
    if re.search("[\udc80-\udcff]", " ".join([*sys.argv, str(error)])):
        return (
            "the name of a file or folder is not UTF-8, or this terminal does not use UTF-8. "
            "Rename it, or set LC_ALL=C.UTF-8."
        )
    return None


def _discard_output() -> None:
    """Discard further output: flushing what is left would raise the same error again when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_fault(error: BaseException) -> None:
    """Report that the program failed, and where.

    A traceback can quote a value of a row, so it is shown only on request and never written to a run folder.
    """
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    print(
        f"sojourn: a fault of the program, not a mistake of yours: {described(error)} ({stamp}). "
        "Set SOJOURN_TRACEBACK=1 and run again to see the traceback; it may quote values of your data.",
        file=sys.stderr,
    )
    if os.environ.get("SOJOURN_TRACEBACK") == "1":
        traceback.print_exception(error)


def _leave(status: int, *, ends_process: bool) -> NoReturn:
    """End the process; with Prefect, whose threads outlive the interpreter's tear-down, without that tear-down.

    During it, DuckDB's binding would print a page of memory leaks that no user can act on. A process that had loaded
    Prefect before the command began has other work, and goes on with it.
    """
    if "prefect" in sys.modules and ends_process:
        atexit._run_exitfuncs()  # stops Prefect's temporary server
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status)
