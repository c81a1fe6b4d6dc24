"""Work in processes of their own, as many at once as there are threads and room for."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pipeline.errors import RemoteError, UserError

_SPAWN = multiprocessing.get_context("spawn")  # a fork of a process that has threads can hang
_ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """Work that a process can be sent, and its size: the room that it takes."""

    work: Callable[[], Any]
    size: int


def results(tasks: Sequence[Task], threads: int, room: int, tell: Callable[[int], None]) -> list[Any]:
    """Return what tasks return; each has a process of one thread. `tell` takes the number of those that have ended.

    At most `threads` run at once, of no more than `room` in all: the largest that fits is next, and one that never
    fits runs alone. An error of a task is raised here, with `RemoteError` as its cause, and like Ctrl-C ends all
    others. Raises `UserError` if a process is ended from outside.
    """
    found: list[Any] = [None] * len(tasks)
    waiting = sorted(range(len(tasks)), key=lambda number: -tasks[number].size)
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    try:
        while waiting or running:
            for number in list(waiting):
                taken = sum(tasks[other].size for other, _ in running.values())
                if len(running) < threads and (not running or taken + tasks[number].size <= room):
                    waiting.remove(number)
                    connection, process = _begun()
                    running[connection] = number, process
                    connection.send(tasks[number].work)
            ready = wait(list(running))
            for connection in [one for one in running if one in ready]:
                number, process = running[connection]
                found[number] = _result(connection)
                process.join()
                del running[connection]
                tell(len(tasks) - len(waiting) - len(running))
    finally:
        for _, process in running.values():
            process.kill()
            process.join()
    return found


def _begun() -> tuple[Connection, BaseProcess]:
    """Start a process that waits for a task, and return where to send it and where its result will come."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(there,), daemon=True)
    resource_tracker.ensure_running()  # first, as it lets signals through again
    # Ctrl-C at a terminal reaches all its processes, but one shall answer; the new one inherits what is blocked
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    there.close()
    return here, process


def _work(connection: Connection) -> None:
    """Do the task that is sent; its modules are loaded on its arrival, when the number of threads is set."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer = connection.recv()(), None, None
    except Exception as error:  # it is raised again, in the process that waits for it
        where = traceback.extract_tb(error.__traceback__)[-1]
        answer = None, error, RemoteError(traceback.format_exc(), where.filename, where.lineno)
    connection.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _result(connection: Connection) -> Any:
    try:
        result, error, elsewhere = connection.recv()
    except (EOFError, ConnectionError):
        raise UserError(
            "A process of this command was ended from outside; perhaps there was too little memory. "
            "Run the same command with --threads 1."
        ) from None
    if error:
        raise error from elsewhere
    return result
