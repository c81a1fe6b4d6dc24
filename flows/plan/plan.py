"""The verb `plan`: what `sojourn run` would do with a study, and what it would cost; it computes nothing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.chain import STAGES
from flows.plan.machine import Machine, calibrate, is_calibrated, machine_file, read_machine
from flows.plan.rows import expected_rows
from flows.plan.stages import PlannedStage, planned_stages
from flows.run import run_folder
from flows.terminal import Terminal, typed
from linkage.stages import LINK
from pipeline.ingest.stages import INGEST
from pipeline.study import read_study
from publication.words import count


@dataclass(frozen=True)
class Plan:
    """What a run would do: its stages, the rows of its extracts, and what is expected of the stages to compute.

    `cpu_seconds` and `bytes` are by stage, of those that are computed again; `candidate_pairs` are 0 if linkage is
    reused.
    """

    stages: tuple[PlannedStage, ...]
    rows: int
    candidate_pairs: int
    cpu_seconds: dict[str, float]
    bytes: dict[str, int]


def plan_of(study: Path, out: Path | None, machine: Machine) -> Plan:
    """Return the plan of a study and a run folder; raises `UserError` for every mistake that a run would report."""
    read = read_study(study)
    stages = planned_stages(read, run_folder(read, out))
    again = [stage.name for stage in stages if not stage.reused]
    rows = _known_rows(stages) or sum(expected_rows(read).values())
    return Plan(
        stages=tuple(stages),
        rows=rows,
        candidate_pairs=machine.candidate_pairs(rows) if LINK.name in again else 0,
        cpu_seconds={name: round(machine.cpu_seconds(name, rows), 1) for name in again},
        bytes={name: machine.bytes(name, rows) for name in again},
    )


def _known_rows(stages: list[PlannedStage]) -> int:
    """Return the rows that ingest has counted, if its result is reused, else 0."""
    record = next(stage.record for stage in stages if stage.name == INGEST.name)
    return 0 if record is None else int(record.counts["rows"])


def print_plan(study: Path, out: Path | None, *, as_json: bool) -> int:
    """Print what a run would do; returns 0."""
    machine = read_machine()
    plan = plan_of(study, out, machine)
    if as_json:
        print(json.dumps(as_object(plan, machine), indent=1))  # noqa: T201 - the requested output
        return 0
    terminal = Terminal()
    for line in in_lines(plan, machine):
        terminal.print_line(line)
    return 0


def as_object(plan: Plan, machine: Machine) -> dict[str, Any]:
    """Return a plan as JSON says it."""
    return {
        "stages": [
            {
                "stage": one.name,
                "computed": not one.reused,
                "why": list(one.why),
                "cpu_seconds": plan.cpu_seconds.get(one.name, 0.0),
                "bytes": plan.bytes.get(one.name, 0),
            }
            for one in plan.stages
        ],
        "rows": plan.rows,
        "candidate_pairs": plan.candidate_pairs,
        "bytes": sum(plan.bytes.values()),
        "cpu_seconds": round(sum(plan.cpu_seconds.values()), 1),
        "machine": machine.name,
        "calibrated": is_calibrated(),
    }


def in_lines(plan: Plan, machine: Machine) -> list[str]:
    """Return a plan for a terminal: one line a stage, then the sums."""
    lines = []
    for number, one in enumerate(plan.stages, 2):
        if one.reused:
            lines.append(f"  {number} {one.name:<9} is reused")
            continue
        expected = f"about {plan.cpu_seconds[one.name]:,.1f} s, {_megabytes(plan.bytes[one.name])}"
        lines.append(f"  {number} {one.name:<9} is computed: {'; '.join(one.why)}  [{expected}]")
    if not plan.cpu_seconds:
        return [*lines, "  Nothing would be computed."]
    pairs = f", about {count(plan.candidate_pairs)} candidate pairs" if plan.candidate_pairs else ""
    total = f"about {sum(plan.cpu_seconds.values()):,.0f} s of processor time"
    lines.append(f"  {count(plan.rows)} rows{pairs}, {_megabytes(sum(plan.bytes.values()))} to write, {total}")
    if not is_calibrated():
        lines.append(f"  Times are those of another machine ({machine.name}): measure this one by --calibrate.")
    return lines


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def calibrate_machine() -> int:
    """Measure this machine, print what was found and where it is, and return 0."""
    terminal = Terminal()
    machine = calibrate(terminal)
    terminal.close()
    for one in (machine.small, machine.large):
        seconds = sum(one.stages[stage.name].cpu_seconds for stage in STAGES)
        terminal.print_line(f"  {count(one.rows)} rows take {seconds:,.1f} s of processor time")
    terminal.print_line(f"  stored   {typed(machine_file())}")
    return 0
