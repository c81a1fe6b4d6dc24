"""Tasks in worker processes: how many at once, what comes back, and how errors end them."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.faults import raised_at
from pipeline.errors import UserError
from pipeline.toml_files import read_toml
from pipeline.worker_processes import Task, results


def of(tasks: list[tuple[Callable[[], Any], int]], threads: int = 2, room: int = 10) -> list[Any]:
    return results([Task(*one) for one in tasks], threads, room, lambda _: None)


def test_results_are_in_the_order_of_tasks() -> None:
    assert of([(partial(int, text), size) for size, text in enumerate("1234")]) == [1, 2, 3, 4]


def test_a_worker_has_one_polars_thread_whatever_is_set_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_MAX_THREADS", "2")
    process, threads = of([(partial(os.getpid), 1), (partial(_polars_threads), 1)], threads=1)
    assert process != os.getpid()
    assert threads == (False, 1)


def _polars_threads() -> tuple[bool, int]:
    """Return whether Polars was loaded before this task, and the threads that it has."""
    import polars as pl

    return "polars" in _LOADED_FIRST, pl.thread_pool_size()


_LOADED_FIRST = set(sys.modules)


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
    for begin, _ in spells:
        at_once = [size for size, (start, stop) in zip(sizes, spells, strict=True) if start <= begin < stop]
        assert len(at_once) <= threads
        assert sum(at_once) <= room or len(at_once) == 1


def _spell(seconds: float) -> tuple[float, float]:
    begin = time.monotonic()
    time.sleep(seconds)
    return begin, time.monotonic()


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (partial(read_toml, Path("nowhere.toml")), UserError, "nowhere.toml"),
        (partial(os.mkdir, "nowhere/at/all"), FileNotFoundError, "nowhere/at/all"),
        (partial(int, "many"), ValueError, "many"),
        (partial(os._exit, 1), UserError, "Run the same command with --threads 1."),
    ],
)
def test_an_error_is_raised_again_and_ends_the_others(
    task: Callable[[], Any], error: type[Exception], message: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(error, match=message):
        of([(partial(time.sleep, 600), 2), (task, 1)])
    assert time.monotonic() - begun < 60
    assert not multiprocessing.active_children()


def test_the_cause_of_an_error_says_where_the_worker_raised_it() -> None:
    with pytest.raises(UserError) as raised:
        of([(partial(read_toml, Path("nowhere.toml")), 1)])
    assert "Traceback" in str(raised.value.__cause__)
    file, _ = raised_at(raised.value)
    assert Path(file).name == "toml_files.py"
    with pytest.raises(ValueError, match="many") as raised_here:
        int("many")
    assert Path(raised_at(raised_here.value)[0]).name == Path(__file__).name


def test_ctrl_c_reaches_no_worker_and_ends_all() -> None:
    interrupt = partial(os.kill, os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        of([(partial(time.sleep, 600), 1), (interrupt, 1), (partial(time.sleep, 600), 1)])
    assert not multiprocessing.active_children()
    blocked = of([(partial(signal.pthread_sigmask, signal.SIG_BLOCK, ()), 1)])
    assert signal.SIGINT in blocked[0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_worker_dies_with_its_parent(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"""
if __name__ == "__main__":
    from functools import partial
    from tests.unit.test_synthetic_processes import of, wait_for_ever
    of([(partial(wait_for_ever, {str(pid)!r}), 1)])
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    try:
        while not (pid.exists() and pid.read_text()):
            assert parent.poll() is None
            time.sleep(0.01)
    finally:
        parent.kill()
        parent.wait()
    worker = Path("/proc", pid.read_text())
    for _ in range(1000):
        if not worker.exists() or " Z " in (worker / "stat").read_text():
            return
        time.sleep(0.01)
    pytest.fail("the worker lives on")


def wait_for_ever(pid: str) -> None:
    Path(pid).write_text(str(os.getpid()))
    time.sleep(600)
