"""What stages cost on a machine: measured on two synthetic countries, stored, and carried over to other sizes.

Between and beyond the two, processor seconds and bytes of a stage are taken as a straight line over the rows of the
extracts, and candidate pairs as a power of them: a larger country has more namesakes for each record.
"""

import json
import math
import os
import platform
import resource
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flows.chain import StageRun, run_chain
from flows.progress import ProgressListener
from linkage.stages import LINK
from pipeline.errors import UserError
from pipeline.ingest.stages import INGEST
from pipeline.stage import StageRecord
from pipeline.study import read_study
from pipeline.tables import write_text
from pipeline.worker_processes import Task, results
from synthetic_data.simulate import simulate

SIZES = (1_000, 8_000)
"""Residents of the two countries."""
SEED = 1
SHIPPED = Path(__file__).with_name("reference_machine.json")
"""What stages cost on the machine of the maintainers."""


@dataclass(frozen=True)
class StageCost:
    """What one stage cost: processor seconds, and bytes that it has written."""

    cpu_seconds: float
    bytes: int


@dataclass(frozen=True)
class Country:
    """What a run of one country cost: its rows, its candidate pairs, and each stage."""

    rows: int
    candidate_pairs: int
    stages: Mapping[str, StageCost]


@dataclass(frozen=True)
class Machine:
    """What a machine was measured to need; `name` says which, for the user."""

    name: str
    small: Country
    large: Country

    def cpu_seconds(self, stage: str, rows: int) -> float:
        """Return the processor seconds that a stage is expected to take for so many rows."""
        return self._on_line(rows, self.small.stages[stage].cpu_seconds, self.large.stages[stage].cpu_seconds)

    def bytes(self, stage: str, rows: int) -> int:
        """Return the bytes that a stage is expected to write for so many rows."""
        return round(self._on_line(rows, self.small.stages[stage].bytes, self.large.stages[stage].bytes))

    def candidate_pairs(self, rows: int) -> int:
        """Return the candidate pairs that linkage is expected to compare for so many rows."""
        small, large = self.small, self.large
        power = math.log(large.candidate_pairs / small.candidate_pairs) / math.log(large.rows / small.rows)
        return round(large.candidate_pairs * (rows / large.rows) ** power)

    def _on_line(self, rows: int, small: float, large: float) -> float:
        """Return the value at `rows` of the line through both countries; it never falls, nor is it below zero."""
        slope = max(large - small, 0.0) / (self.large.rows - self.small.rows)
        return max(large + slope * (rows - self.large.rows), min(small, large), 0.0) if slope else large


def machine_file() -> Path:
    """Return where the measures of this machine are stored: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "sojourn" / "machine.json"


def read_machine() -> Machine:
    """Return what this machine was measured to need, else what that of the maintainers did.

    Raises `UserError` for a file that is not one of `sojourn plan --calibrate`.
    """
    path = machine_file()
    if not path.is_file():
        return _from_json(json.loads(SHIPPED.read_text(encoding="utf-8")))
    try:
        return _from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: is not what `sojourn plan --calibrate` wrote. Run that again.") from None


def is_calibrated() -> bool:
    """Return whether this machine was measured."""
    return machine_file().is_file()


def calibrate(listener: ProgressListener, path: Path | None = None) -> Machine:
    """Measure this machine on two synthetic countries, in a process for each, and store what was found."""
    listener.progress("plan", f"running countries of {SIZES[0]:,} and {SIZES[1]:,} residents")
    tasks = [Task(partial(measured, size), 1) for size in SIZES]
    small, large = results(tasks, 1, 1, lambda done: listener.progress("plan", f"{done} of 2 countries measured"))
    processor = platform.processor() or platform.machine()
    machine = Machine(f"{platform.system()}, {os.cpu_count()} processors ({processor})", small, large)
    write_text(json.dumps(asdict(machine), indent=1) + "\n", path or machine_file())
    return machine


def measured(residents: int) -> Country:
    """Return what a run of a synthetic country costs in this process."""
    stages: dict[str, StageCost] = {}
    seen: set[int] = set()

    def counted(one: StageRun) -> StageRecord:
        begun = _cpu_seconds()
        record = one()
        files = [path.stat() for path in record.folder.rglob("*") if path.is_file()]
        new = {file.st_ino: file.st_size for file in files if file.st_ino not in seen}
        seen.update(new)
        stages[record.stage] = StageCost(round(_cpu_seconds() - begun, 3), sum(new.values()))
        return record

    with TemporaryDirectory() as folder:
        simulate(residents, SEED, Path(folder, "study"))
        records = run_chain(read_study(Path(folder, "study")), Path(folder, "run"), execute=counted)
    return Country(
        int(records[INGEST.name].counts["rows"]), int(records[LINK.name].counts["candidate_pairs"]), stages
    )


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _from_json(found: Mapping[str, Any]) -> Machine:
    def country(one: Mapping[str, Any]) -> Country:
        stages = {name: StageCost(**cost) for name, cost in one["stages"].items()}
        return Country(one["rows"], one["candidate_pairs"], stages)

    return Machine(found["name"], country(found["small"]), country(found["large"]))
