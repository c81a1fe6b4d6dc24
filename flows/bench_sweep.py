"""`sojourn bench sweep`: fifty variants of rules, against one evaluation, and against the least they could cost.

The signs of activity of a simulated country are varied on the people of one run. One evaluation is what the first
variant costs: evidence is read, people, stays and residence are decided, and migrations and residents are counted.
Days in a window are varied over a file of crossings. The least that fifty variants can cost is to read and check the
file once, and fifty passes of the kernel over it.
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from flows.bench_stays import END, OBSERVED_TO, write_crossings
from flows.chain import run_chain
from flows.progress import ProgressListener
from flows.variants.crossings import sweep_days_in_window
from flows.variants.estimates import Counted, Published
from flows.variants.grid import Grid
from flows.variants.run_rules import RunRules, opened
from flows.variants.sweep import sweep
from pipeline.study import read_study
from rules.lengths_of_stay.crossings_file import CheckedPart, Faults, checked_people, read_crossings_file
from rules.lengths_of_stay.days_in_window import DaysInWindow, days_in_window
from synthetic_data.simulate import simulate

RESIDENTS = 10_000
CROSSINGS = 2_000_000
VARIANTS = 50
PASSES = 3
SIGNS: Grid = {"activity_window": tuple(range(9, 19)), "listed_without_activity.below_age": tuple(range(16, 21))}
"""Fifty variants of the signs of activity: ten windows, and five ages up to which being listed is one."""
THRESHOLDS: Grid = {"threshold": tuple(range(316, 366)), "window": (487,)}


def compare_sweeps(
    residents: int | None, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float]]:
    """Return the variants evaluated, their seconds, the ratios plain / Sojourn, and figures.

    Wall-clock times are those of the fastest of `PASSES` passes; processor seconds depend less on what else runs.
    """
    with TemporaryDirectory() as folder:
        stays, floor = _days_in_window(Path(folder, "crossings.parquet"), listener)
        listener.progress("sweep", "making a country and a run of it")
        study = Path(folder, "study")
        simulate(residents or RESIDENTS, 1, study)
        run_chain(read_study(study), Path(folder, "run"))
        with opened(Path(folder, "run")) as (base,):
            one, fifty, again = _signs_of_activity(base, listener)
    figures = {
        "activity_variants": VARIANTS,
        "activity_times_one_evaluation": fifty[0] / one[0],
        "activity_times_one_evaluation_by_processor_seconds": fifty[1] / one[1],
        "one_evaluation_processor_seconds": one[1],
        "published_seconds_a_variant": again,
        "stay_variants": VARIANTS,
        "stays_times_one_read_and_the_passes": stays[0] / floor[0],
        "stays_times_one_read_and_the_passes_by_processor_seconds": stays[1] / floor[1],
    }
    ratios = {"fifty_evaluations_one_by_one": VARIANTS * one[1] / fifty[1]}
    return 2 * VARIANTS, fifty[0] + stays[0], ratios, {name: round(value, 3) for name, value in figures.items()}


Seconds = tuple[float, float]
"""Wall-clock and processor seconds."""


def _signs_of_activity(base: RunRules, listener: ProgressListener) -> tuple[Seconds, Seconds, float]:
    """Return what one evaluation costs, what fifty variants cost, and a further one that is published."""
    one: Grid = {name: values[:1] for name, values in SIGNS.items()}
    six: Grid = {**one, "activity_window": SIGNS["activity_window"][:6]}
    passes: dict[str, list[Seconds]] = {"one": [], "fifty": []}
    for number in range(PASSES):
        listener.progress("sweep", f"signs of activity, pass {number + 1} of {PASSES}")
        for name, grid in (("one", one), ("fifty", SIGNS)):
            passes[name].append(_timed(lambda grid=grid: sweep(base, base.variants(), grid, Counted(base))))
    listener.progress("sweep", "variants that are published")
    published = [_timed(lambda grid=grid: sweep(base, base.variants(), grid, Published(base))) for grid in (one, six)]
    further = (published[1][1] - published[0][1]) / (len(six["activity_window"]) - 1)
    return _fastest(passes["one"]), _fastest(passes["fifty"]), further


def _days_in_window(path: Path, listener: ProgressListener) -> tuple[Seconds, Seconds]:
    """Return what fifty definitions over a file of crossings cost, and the least that they could."""
    write_crossings(CROSSINGS, path)
    rules = [DaysInWindow(int(threshold), 487) for threshold in THRESHOLDS["threshold"]]
    ours, reads, kernels = [], [], []
    for number in range(PASSES):
        listener.progress("sweep", f"days in a window, pass {number + 1} of {PASSES}")
        reads.append(_timed(lambda: list(checked_people(read_crossings_file(path), Faults()))))
        parts = list(checked_people(read_crossings_file(path), Faults()))
        kernels.append(_timed(lambda parts=parts: _kernel(parts, rules)))
        del parts
        ours.append(_timed(lambda: sweep_days_in_window(read_crossings_file(path), THRESHOLDS, OBSERVED_TO)))
    read, kernel = _fastest(reads), _fastest(kernels)
    return _fastest(ours), (read[0] + kernel[0], read[1] + kernel[1])


def _kernel(parts: list[CheckedPart], rules: list[DaysInWindow]) -> None:
    """Classify all crossings by each rule, and keep nothing."""
    for part in parts:
        for rule in rules:
            days_in_window(part.crossings, part.initial_resident, rule, END)


def _timed(work: Callable[[], object]) -> Seconds:
    begun, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - used


def _fastest(passes: list[Seconds]) -> Seconds:
    wall, processor = zip(*passes, strict=True)
    return min(wall), min(processor)
