"""The states in which a run ends, so that whoever is called knows what to do.

| state | what it means | who acts |
|---|---|---|
| `Completed` | all is done | nobody |
| `Late delivery` | files that the study names have not arrived | whoever waits for the supplier |
| `Failed check` | a mistake in the study, a delivery, a rule or a setting, which the message names | a statistician |
| `Program fault` | the program failed | its maintainers |

Prefect adds its own: `Crashed`, `Cancelled`. All messages are safe to store: the text of a program fault, which can
quote a value of a row, is not in them.
"""

import errno
from collections.abc import Callable
from contextvars import ContextVar

from polars.exceptions import PanicException
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.delivery import LateDeliveryError
from flows.faults import described
from pipeline.errors import UserError

LATE_DELIVERY, FAILED_CHECK, PROGRAM_FAULT = "Late delivery", "Failed check", "Program fault"
ERRORS = (Exception, PanicException)
"""What a run can raise; not what ends a process: Ctrl-C, and the signals with which Prefect cancels."""
PASSING = {
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.ENETDOWN, errno.ENETUNREACH,
    errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET, errno.ECONNREFUSED, errno.ENOTCONN, errno.EREMOTEIO,
}  # fmt: skip
"""Errors of a disk or a network that can be over in a minute."""
CAUGHT: ContextVar[list[BaseException]] = ContextVar("caught")
"""Where the caller of a flow finds the error behind its state, if it has put a list there."""


class EndedInStateError(Exception):
    """A sub-flow did not complete: the flow above it ends in the same state."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def failed(error: BaseException) -> State:
    """Return the state in which an error ends a task or a flow."""
    if isinstance(error, EndedInStateError):
        return Failed(name=error.name, message=str(error))
    if isinstance(error, LateDeliveryError):
        return Failed(name=LATE_DELIVERY, message=str(error))
    if isinstance(error, UserError):
        return Failed(name=FAILED_CHECK, message=str(error))
    if isinstance(error, OSError) and error.strerror:  # of the machine, and without any value of a row
        return Failed(name=FAILED_CHECK, message=f"{error.filename or 'a file'}: {error.strerror}")
    return Failed(name=PROGRAM_FAULT, message=f"{described(error)}. Run it with `sojourn run` to see more.")


def ended(work: Callable[[], str | State]) -> State:
    """Do the work of a flow and return the state in which it ends: with what it returns as its message, or failed."""
    try:
        found = work()
    except ERRORS as error:
        CAUGHT.get([]).append(error)
        return failed(error)
    return found if isinstance(found, State) else Completed(message=found)


def raise_unless_completed(state: State, what: str) -> None:
    """Raise `EndedInStateError` if a sub-flow did not complete; `what` begins the message."""
    if not state.is_completed():
        raise EndedInStateError(state.name or FAILED_CHECK, f"{what}: {state.message}")


def is_passing(error: BaseException) -> bool:
    """Return whether an error may be over in a minute: a disk or a network that did not answer while it was read."""
    behind = error if isinstance(error, OSError) else error.__context__
    return isinstance(behind, OSError) and behind.errno in PASSING
