"""Loading the libraries of a verb, which takes seconds and must not be interrupted half-way."""

import signal
import threading
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
    pressed = threading.Event()
    answers = signal.getsignal(signal.SIGINT)
    if callable(answers):  # a job in the background ignores Ctrl-C
        signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, answers)
        if pressed.is_set():
            signal.raise_signal(signal.SIGINT)
