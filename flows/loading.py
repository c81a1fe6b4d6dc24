"""Loading the libraries of a verb, which takes seconds and must not be interrupted half-way."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

from pipeline.shortages import check_address_space


@contextmanager
def loading() -> Generator[None]:
    """Let Ctrl-C wait until the imports in this block are done.

    A library that is interrupted while it loads may swallow the interruption, or report an error of its own. Raises
    `UserError` if there are too few addresses to load the libraries at all.
    """
    check_address_space()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
