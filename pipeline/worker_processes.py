"""Tasks in worker processes of one thread each, as many at once as there are threads and memory for."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from pipeline.errors import UserError

_SPAWN = multiprocessing.get_context("spawn")  # a fork of a process that has threads can hang
_ONE_THREAD = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """Work that can be sent to another process, and its size: the room that it takes."""

    work: Callable[[], Any]
    size: int


def results(
    tasks: Sequence[Task],
    threads: int,
    room: int,
    report: Callable[[int], None],
    killed: Callable[[int], Any] | None = None,
) -> list[Any]:
    """Return the results of tasks, in their order; `report` takes the number of tasks that have ended.

    At most `threads` run at once, of no more than `room` in all: the largest that fits is next, and one that never
    fits runs alone. An error of a task is raised here, with its traceback in the worker as the cause, and like
    Ctrl-C ends all others. If a worker is killed, `killed` returns the result of its task, from the task's position;
    without `killed`, that raises `UserError`.
    """
    waiting = sorted(range(len(tasks)), key=lambda number: -tasks[number].size)
    running: dict[Future[Any], tuple[int, ProcessPoolExecutor]] = {}
    found: dict[int, Any] = {}
    parent_lives, until_closed = _SPAWN.Pipe(duplex=False)
    # the pipe is closed before pools wait for their workers: after an error and Ctrl-C these end at once
    with parent_lives, ExitStack() as pools, until_closed:
        while waiting or running:
            for number in list(waiting):
                taken = sum(tasks[other].size for other, _ in running.values())
                if len(running) < threads and (not running or taken + tasks[number].size <= room):
                    waiting.remove(number)
                    # One worker each, whose memory is free again after the task. A larger pool overlooks the death
                    # of a worker that it starts while others run (CPython 3.11).
                    pool = pools.enter_context(ProcessPoolExecutor(1, _SPAWN, _begin_worker, (parent_lives,)))
                    running[_submit(pool, tasks[number].work)] = number, pool
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, pool = running.pop(future)
                found[number] = _result(future, None if killed is None else partial(killed, number))
                pool.shutdown()
                report(len(found))
    return [found[number] for number in range(len(tasks))]


def _submit(pool: ProcessPoolExecutor, work: Callable[[], Any]) -> Future[Any]:
    """Start the worker of a pool with its task; it inherits that Ctrl-C is blocked.

    Ctrl-C in a terminal reaches all its processes, but only the parent should answer it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(work)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(parent_lives: Connection) -> None:
    """Set the number of threads, before a task arrives and loads the modules that read it."""
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    threading.Thread(target=_end_with_parent, args=(parent_lives,), daemon=True).start()


def _end_with_parent(parent_lives: Connection) -> None:
    """End this process when the parent has closed its end of the pipe, or was killed."""
    with suppress(EOFError):
        parent_lives.recv()
    os._exit(1)


def _result(future: Future[Any], killed: Callable[[], Any] | None) -> Any:
    try:
        return future.result()
    except BrokenProcessPool as error:
        if killed is not None:
            return killed()
        raise UserError(
            "A process of this command was ended from outside; perhaps there was too little memory. "
            "Run the same command with --threads 1."
        ) from error
