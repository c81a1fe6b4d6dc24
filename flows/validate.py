"""The verb `validate`: simulate, run and evaluate over many seeds, pooled: where figures are wrong on average.

One seed says little: a figure can be right by chance. Each replicate is a process of its own; replicates run side by
side, as many as cores and memory allow, and what is finished is kept, so a stopped validation resumes.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flows.ablation import check_ablation
from flows.estimation_only.repeat import check_estimation_only, validate_estimation
from flows.pooled_scores import COMPARED, pool
from flows.replicate import ALL_STAGES, Country, Replicate
from flows.terminal import Terminal, typed
from pipeline.disk import make_folder
from pipeline.errors import UserError, first_line, unknown
from pipeline.store import Store
from pipeline.study import LARGEST_SEED
from pipeline.tables import write_text
from pipeline.worker_processes import Task, results
from publication.accuracy_page import NOTHING, Earlier, Validation, write_accuracy_page
from publication.words import count, plain
from synthetic_data.scenarios.scenario import BASELINE
from synthetic_data.simulate import LARGEST

MEMORY_OF_ANY, MEMORY_OF_RESIDENT = 800e6, 25e3
"""Bytes that a replicate needs at its peak, and those for each resident (measured at 20,000 and 50,000)."""

RunReplicates = Callable[[Sequence[Replicate], int, Terminal], dict[int, str]]
"""Runs replicates, some at once; returns why each failed one failed, by its seed."""


def validate(
    replicates: int,
    residents: int,
    *,
    scenario: str = BASELINE,
    rule_set: str | None = None,
    calibration: str | None = None,
    first_seed: int = 1001,
    start: str = ALL_STAGES[0],
    keep: bool = False,
    ablation: str | None = None,
    out: Path = Path("sojourn-validate"),
    against: Path | None = None,
    threads: int | None = None,
    as_json: bool = False,
    estimation_only: bool = False,
    rates: Path | None = None,
    run_replicates: RunReplicates | None = None,
) -> int:
    """Repeat simulate, run and evaluate over seeds, pool the scores, write the page; returns the exit status.

    With `estimation_only` the inputs of estimation are drawn around one country instead, at the error rates in the
    folder `rates` of a finished validation (by default `out`).

    `rule_set` and `calibration` (names or files) are in place of those of the simulated studies. `start` is the
    first stage that is computed with today's code, `against` an earlier result (JSON) that the page
    compares this one with. `run_replicates` runs those that are not scored yet; by default side by side, in processes
    of their own. Raises `UserError` for a bad option.
    """
    threads = len(os.sched_getaffinity(0)) if threads is None else threads
    _check(replicates, residents, first_seed, start, threads)
    if rates and not estimation_only:
        raise UserError("--rates: is for --estimation-only. Give both, or leave it out.")
    if estimation_only:
        check_estimation_only(start, ablation, keep=keep, against=against)
        if rule_set or calibration:
            raise UserError("--rule-set, --calibration: --estimation-only decides about nobody. Leave them out.")
        scenario = _absolute(scenario)
        Country(residents, scenario).simulated_as()
        return validate_estimation(
            replicates, residents, scenario=scenario, first_seed=first_seed, rates=rates or out, out=out.resolve(),
            threads=threads, memory=available_memory(), memory_of_one=memory_of(residents), as_json=as_json,
        )  # fmt: skip
    check_ablation(ablation)
    before = _read_earlier(against) if against else NOTHING
    rules = {"rule_set": rule_set, "calibration": calibration}
    country = Country(
        residents, _absolute(scenario), **{name: _absolute(one) for name, one in rules.items() if one is not None}
    )
    country.simulated_as()  # reports a mistake in the scenario
    country.judged_by()
    out = out.resolve()
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file, not a folder. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / "replicates").is_dir():
        raise UserError(
            f"{out}: contains files that are not a validation. Choose an empty or a new folder with --out."
        )
    make_folder(out / "replicates")
    with Store(out).locked():
        terminal = Terminal(stream=sys.stderr if as_json else None)
        seeds = range(first_seed, first_seed + replicates)
        all_of_them = [Replicate(out, country, seed, start, keep, ablation) for seed in seeds]
        terminal.print_line(
            f"sojourn validate · {count(replicates)} replicates of {count(residents)} residents · "
            f"seeds {seeds[0]} to {seeds[-1]} · SYNTHETIC DATA, NOT STATISTICS"
        )
        waiting = [one for one in all_of_them if not one.is_scored()]
        failures = (run_replicates or run_side_by_side)(waiting, threads, terminal)
        for seed, why in failures.items():
            print(f"sojourn: replicate of seed {seed} failed: {why}", file=sys.stderr)  # noqa: T201
        scored = [one for one in all_of_them if one.seed not in failures]
        if not scored:
            return 1
        for one in scored:  # one whose process was killed after it was scored
            one.tidy()
        pooled = pool([one.read_scores() for one in scored]).to_dicts()
        text = json.dumps(pooled, indent=1) + "\n"
        file = out / ("validation.json" if ablation is None else f"validation_{ablation}.json")
        write_text(text, file)
        described = Validation(
            residents=residents,
            scenario=scenario,
            seeds=tuple(one.seed for one in scored),
            failed=tuple(failures),
            start=start,
            ablation=ablation,
            command=_command(replicates, residents, scenario, rules, first_seed, start, ablation),
            bytes_kept=_bytes_in(out),
        )
        page = write_accuracy_page(out, described, pooled, before)
        if as_json:
            print(text, end="")  # noqa: T201 - the requested output
        else:
            for line in described.summary(pooled):
                terminal.print_line(f"  {line}")
            terminal.print_line(f"  page     {typed(page)}")
            terminal.print_line(f"  figures  {typed(file)}")
    return 1 if failures else 0


def run_side_by_side(waiting: Sequence[Replicate], threads: int, terminal: Terminal) -> dict[int, str]:
    """Run replicates in processes of their own; returns why each failed one failed, by its seed."""
    if not waiting:
        return {}
    of_one = memory_of(waiting[0].country.residents)
    outcomes = results(
        [Task(one, of_one) for one in waiting],
        threads,
        available_memory(),
        lambda ended: terminal.progress("validate", f"{ended} of {len(waiting)} replicates scored"),
        killed=lambda _: "its process was killed; perhaps there was too little memory",
    )
    terminal.close()
    return {one.seed: why for one, why in zip(waiting, outcomes, strict=True) if why is not None}


def memory_of(residents: int) -> int:
    """Return the bytes of memory that a replicate of a country needs."""
    return round(MEMORY_OF_ANY + MEMORY_OF_RESIDENT * residents)


def available_memory() -> int:
    """Return the bytes of memory that this machine, or the container of this process, has left."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        left = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        left = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    group = Path("/sys/fs/cgroup")
    try:
        limit, used = (
            (group / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current")
        )
        return min(left, int(limit) - int(used))
    except (OSError, ValueError):  # no limit
        return left


def _check(replicates: int, residents: int, first_seed: int, start: str, threads: int) -> None:
    if replicates < 1:
        raise UserError(f"--replicates: {replicates} is not a number of replicates. Choose 1 or more.")
    if not 1000 <= residents <= LARGEST:
        raise UserError(f"--residents: {residents:,} is not between 1,000 and {LARGEST:,}. Choose a number within.")
    if not 0 <= first_seed <= LARGEST_SEED - replicates:
        raise UserError(f"--seed: {first_seed} is negative or too large. Choose a number from 0 to 10^18.")
    if start not in ALL_STAGES:
        raise unknown("stage", start, set(ALL_STAGES), "--from")
    if threads < 1:
        raise UserError(f"--threads: {threads} is not a number of threads. Choose 1 or more.")


def _read_earlier(path: Path) -> Earlier:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"--against {path}: cannot be read ({first_line(error)}). Give the JSON of an earlier validation."
        ) from None
    if not (
        isinstance(found, list)
        and found
        and all(isinstance(one, dict) and set(COMPARED) <= set(one) for one in found)
    ):
        raise UserError(f"--against {path}: is not a list of pooled scores. Give the JSON of an earlier validation.")
    return Earlier(plain(path.stem), found)


def _absolute(scenario: str) -> str:
    """Return a name as it is, a file (of a scenario, or of rules) by its path from anywhere."""
    return str(Path(scenario).resolve()) if scenario.endswith(".toml") else scenario


def _command(
    replicates: int,
    residents: int,
    scenario: str,
    rules: Mapping[str, str | None],
    first_seed: int,
    start: str,
    ablation: str | None,
) -> str:
    """Return the command that gives these figures, without options that cannot change them."""
    parts = [f"sojourn validate --replicates {replicates} --residents {residents}"]
    parts += [f"--scenario {scenario}"] if scenario != BASELINE else []
    parts += [f"--{name.replace('_', '-')} {one}" for name, one in rules.items() if one is not None]
    parts += [f"--seed {first_seed}"] if first_seed != 1001 else []
    parts += [f"--from {start}"] if start != ALL_STAGES[0] else []
    parts += [f"--with {ablation}"] if ablation else []
    return " ".join(parts)


def _bytes_in(folder: Path) -> int:
    """Return the bytes that files below a folder take; a file under several names counts once."""
    files = {one.stat().st_ino: one.stat().st_size for one in folder.rglob("*") if one.is_file()}
    return sum(files.values())
