"""The stages ingest and link of a study, without the rest of the chain: for benchmarks of linkage."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from flows.chain import StageRun
from flows.progress import NullListener
from linkage.stages import LINK
from pipeline.ingest.stages import INGEST
from pipeline.stage import Stage, StageRecord
from pipeline.store import Store
from pipeline.study import read_study


@dataclass(frozen=True)
class Cost:
    """What a piece of work returned, its CPU seconds, and the peak memory of its process in MiB."""

    result: Any
    cpu_seconds: float
    peak_mib: float


def cost_of(work: Callable[..., tuple[Any, float]], *arguments: object) -> Cost:
    """Do `work`, which also returns its CPU seconds, in a process of its own, so that its peak memory is known."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        (result, seconds), peak = alone.submit(_with_peak, work, arguments).result()
    return Cost(result, seconds, peak)


def _with_peak(work: Callable[..., tuple[Any, float]], arguments: tuple[object, ...]) -> tuple[Any, float]:
    return work(*arguments), _peak_mib()


def _peak_mib() -> float:
    """Return the peak memory of this process; on Linux without that of the parent, which `getrusage` includes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def ingest_stage(study: Path, run: Path, threads: int) -> StageRecord:
    """Run the stage `ingest` of a study in a run folder, and return its record."""
    return _run(INGEST, study, run, {}, threads)


def link_stage(study: Path, run: Path, ingest: StageRecord, threads: int) -> tuple[StageRecord, float]:
    """Run the stage `link` of a study that is ingested; returns its record, and its CPU seconds without imports."""
    import_module(LINK.work.partition(":")[0])
    begun = time.process_time()
    record = _run(LINK, study, run, {INGEST.name: ingest}, threads)
    return record, time.process_time() - begun


def _run(stage: Stage[Any], path: Path, run: Path, upstream: dict[str, StageRecord], threads: int) -> StageRecord:
    study, store = read_study(path), Store(run)
    with store.locked():
        return StageRun(stage, stage.part.of(study, run), upstream, store, threads, NullListener())()
