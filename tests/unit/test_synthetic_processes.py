"""Tasks in processes of their own: how many at once, what comes back, and how errors end them."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import RemoteError, UserError
from pipeline.toml_files import read_toml
from synthetic_data.delivery.processes import Task, results


def of(tasks: list[tuple[Callable[[], Any], int]], threads: int = 2, room: int = 10) -> list[Any]:
    return results([Task(*one) for one in tasks], threads, room, lambda _: None)


def test_results_stand_in_the_order_of_tasks_and_each_has_a_process_of_one_polars_thread() -> None:
    threads = partial(os.getenv, "POLARS_MAX_THREADS")
    first, second, limit = of([(os.getpid, 1), (os.getpid, 5), (threads, 2)])
    assert len({first, second, os.getpid()}) == 3
    assert limit == "1"


@pytest.mark.parametrize(
    ("sizes", "threads", "room", "order"),
    [
        ((7, 6, 3), 2, 10, [0, 2, 1]),  # 7 and 3 fit, 7 and 6 do not
        ((1, 12), 2, 10, [1, 0]),  # one that fits nowhere is alone, and first
    ],
)
def test_the_largest_that_fits_is_next(sizes: tuple[int, ...], threads: int, room: int, order: list[int]) -> None:
    spells = of([(partial(_spell, 0.02 * size), size) for size in sizes], threads, room)
    begun = sorted(range(len(sizes)), key=lambda number: spells[number][0])
    assert begun[-1] == order[-1]
    for one, (begin, end) in zip(sizes, spells, strict=True):
        at_once = [other for other, (start, stop) in zip(sizes, spells, strict=True) if start < end and begin < stop]
        assert len(at_once) <= threads
        assert sum(at_once) <= max(room, one)


def _spell(seconds: float) -> tuple[float, float]:
    begin = time.monotonic()
    time.sleep(seconds)
    return begin, time.monotonic()


@pytest.mark.parametrize(
    ("task", "error", "told"),
    [
        (partial(read_toml, Path("nowhere.toml")), UserError, "nowhere.toml"),
        (partial(os.mkdir, "nowhere/at/all"), FileNotFoundError, "nowhere/at/all"),
        (partial(int, "many"), ValueError, "many"),
        (partial(os._exit, 1), UserError, "Run the same command with --threads 1."),
    ],
)
def test_an_error_is_raised_again_and_ends_the_others(
    task: Callable[[], Any], error: type[Exception], told: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(error, match=told) as raised:
        of([(partial(time.sleep, 600), 2), (task, 1)])
    assert time.monotonic() - begun < 60
    assert not multiprocessing.active_children()
    cause = raised.value.__cause__
    if isinstance(cause, RemoteError):
        assert "Traceback" in str(cause)
        assert cause.lineno


def test_ctrl_c_reaches_no_process_and_ends_all() -> None:
    interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        of([(partial(time.sleep, 600), 1), (interrupt, 1), (partial(time.sleep, 600), 1)])
    assert not multiprocessing.active_children()
    blocked = of([(partial(signal.pthread_sigmask, signal.SIG_BLOCK, ()), 1)])
    assert signal.SIGINT in blocked[0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
