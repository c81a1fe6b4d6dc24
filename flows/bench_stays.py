"""`sojourn bench stays`: a file of sorted crossings classified and written, against the least that this could cost.

The least, or floor, is to read the same Parquet file whole and to write a table of the result's shape whole. The
kernel alone is compared with a plain Python loop that keeps the same running sum, on a sample of the same crossings.
"""

import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from flows.classify_stays import classify_file
from flows.progress import ProgressListener
from pipeline.tables import PART_ROWS, read_table, write_parts, write_table
from rules.lengths_of_stay.classified_file import EPOCH
from rules.lengths_of_stay.crossings import Crossings
from rules.lengths_of_stay.crossings_file import CheckedPart, Faults, check_part, read_crossings_file
from rules.lengths_of_stay.days_in_window import TWELVE_OF_SIXTEEN_MONTHS, Classified, days_in_window

CROSSINGS = 25_000_000
PASSES = 3
THREADS = 2
LOOP_SHARE = 16
"""The Python loop classifies one part in so many of the crossings, at least one; its time is extrapolated."""
OBSERVED_TO = date(2018, 12, 31)
FIRST_DAY = date(2014, 1, 1)
SCHEMA = pl.Schema({"person_id": pl.Int64, "date": pl.Date, "is_arrival": pl.Boolean, "initial_resident": pl.Boolean})
END = (OBSERVED_TO - EPOCH).days
RULE = TWELVE_OF_SIXTEEN_MONTHS


def random_crossings(rows: int, first_person: int, seed: int) -> pl.DataFrame:
    """Return crossings of random histories, in order of person and day, from a person of that number on.

    One person in three lives in the country at first. Stays and absences last from a day to years. One crossing in
    200 was not recorded.
    """
    draw = np.random.default_rng([seed, first_person])
    counts = draw.geometric(1 / 5, rows)
    last = int(np.searchsorted(np.cumsum(counts), rows))
    counts = counts[: last + 1]
    counts[-1] -= counts.sum() - rows
    starts = np.cumsum(counts) - counts
    person = np.repeat(np.arange(len(counts)), counts)
    days = np.ceil(draw.lognormal(4, 1.5, rows)).astype(np.int64)
    days[starts] = draw.integers(0, 1400, len(counts))
    total = np.cumsum(days)
    day = total - (total[starts] - days[starts])[person]
    resident = draw.random(len(counts)) < 1 / 3
    flips = (draw.random(rows) >= 1 / 200).astype(np.int64)
    flips[starts] = 0
    turned = np.cumsum(flips)
    is_arrival = ((turned - turned[starts][person]) % 2 == 1) == resident[person]
    return pl.DataFrame(
        {
            "person_id": person + first_person,
            "date": pl.Series((FIRST_DAY - EPOCH).days + day, dtype=pl.Int32).cast(pl.Date),
            "is_arrival": is_arrival,
            "initial_resident": resident[person],
        },
        schema=SCHEMA,
    )


def write_crossings(rows: int, path: Path) -> None:
    """Write random crossings, some people at a time."""

    def parts() -> Iterator[pl.DataFrame]:
        person = 0
        for begin in range(0, rows, PART_ROWS):
            part = random_crossings(min(PART_ROWS, rows - begin), person, seed=1)
            person = int(part["person_id"][-1]) + 1
            yield part

    write_parts(parts(), SCHEMA, path)


def compare_stays(
    crossings: int | None, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float]]:
    """Return the crossings classified, the seconds, the ratios plain / Sojourn, and figures.

    Wall-clock times are those of the fastest of `PASSES` passes; processor seconds depend less on what else runs.
    """
    rows = crossings or CROSSINGS
    with TemporaryDirectory() as folder:
        tenth, whole, out = (Path(folder, name) for name in ("tenth.parquet", "whole.parquet", "out.parquet"))
        write_crossings(rows // 10, tenth)
        write_crossings(rows, whole)
        peak = _peak_mib(whole, out)
        of_tenth, ours, floor = ([] for _ in range(3))
        for number in range(PASSES):
            listener.progress("stays", f"pass {number + 1} of {PASSES}")
            of_tenth.append(_timed(lambda: classify_file(tenth, out, RULE, OBSERVED_TO)))
            ours.append(_timed(lambda: classify_file(whole, out, RULE, OBSERVED_TO)))
            floor.append(_read_and_write(whole, read_table(out), Path(folder, "floor.parquet")))
        kernel, loop = _kernel_and_loop(whole)
    (seconds, processor), (least, least_processor) = _fastest(ours), _fastest(floor)
    figures = {
        "times_the_floor": seconds / least,
        "times_the_floor_by_processor_seconds": processor / least_processor,
        "ten_times_the_rows": seconds / _fastest(of_tenth)[0],
        "ten_times_the_rows_by_processor_seconds": processor / _fastest(of_tenth)[1],
        "processor_seconds": processor,
        "processor_seconds_of_the_kernel": kernel[1],
        "plain_python_loop_by_processor_seconds": loop[1] / kernel[1],
        "peak_mib_of_the_verb": peak,
    }
    return (
        rows,
        seconds,
        {"plain_python_loop": loop[0] / kernel[0]},
        {name: round(at, 2) for name, at in figures.items()},
    )


def _peak_mib(whole: Path, out: Path) -> float:
    """Return the most memory of `sojourn stays` on a file, in a process of its own.

    The system counts what this process used when it began the other one too, so the figure is an upper bound.
    """
    verb = ["stays", str(whole), "--observed-to", OBSERVED_TO.isoformat(), "--out", str(out)]
    program = "import sys; from flows.cli import main; main(sys.argv[1:])"
    subprocess.run([sys.executable, "-c", program, *verb], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _read_and_write(whole: Path, result: pl.DataFrame, out: Path) -> tuple[float, float]:
    """Return the seconds of reading a file whole and of writing a table of the result's shape whole."""
    return _timed(lambda: (read_table(whole), write_table(result, out)))


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the wall-clock and the processor seconds that a piece of work takes."""
    begun, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begun, time.process_time() - used


def _fastest(passes: list[tuple[float, float]]) -> tuple[float, float]:
    """Return the least wall-clock and the least processor seconds of some passes."""
    wall, processor = zip(*passes, strict=True)
    return min(wall), min(processor)


def _kernel_and_loop(path: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the seconds of the kernel, on `THREADS` threads, and those of the loop, for the crossings of a file.

    Both start from arrays or lists in memory. Raises `AssertionError` if they disagree on a crossing of the sample.
    """
    parts = [check_part(frame, 0, Faults()) for frame in read_crossings_file(path).people()]
    with ThreadPoolExecutor(THREADS) as threads:
        kernel = _fastest([_timed(lambda: deque(threads.map(_classify, parts), maxlen=0)) for _ in range(PASSES)])
    sample = parts[::LOOP_SHARE]
    share = sum(part.frame.height for part in sample) / sum(part.frame.height for part in parts)
    answers: list[list[tuple[int, ...]]] = []
    columns = [_columns(part) for part in sample]
    looped = _timed(lambda: answers.extend(plain_loop(*one, RULE.threshold, RULE.window, END) for one in columns))
    assert answers == [_rows(_classify(part)) for part in sample], "the plain loop and the kernel disagree"
    return kernel, (looped[0] / share, looped[1] / share)


def _classify(part: CheckedPart) -> Classified:
    crossings = part.crossings
    anew = Crossings(crossings.starts_person, crossings.day, crossings.is_arrival)  # nothing of it is computed yet
    return days_in_window(anew, part.initial_resident, RULE, END)


def _columns(part: CheckedPart) -> tuple[list[int], list[int], list[bool], list[bool]]:
    """Return the crossings as lists: the number of the person, day, direction and initial residence."""
    crossings = part.crossings
    person = np.cumsum(crossings.starts_person)
    return person.tolist(), crossings.day.tolist(), crossings.is_arrival.tolist(), part.initial_resident.tolist()


def _rows(found: Classified) -> list[tuple[int, ...]]:
    return list(
        zip(
            found.days_in_country.tolist(),
            found.days_observed.tolist(),
            found.resident_before.tolist(),
            found.resident_after.tolist(),
            found.long_term_migration.tolist(),
            strict=True,
        )
    )


def plain_loop(
    person: list[int],
    day: list[int],
    is_arrival: list[bool],
    initial_resident: list[bool],
    threshold: int,
    window: int,
    observed_to: int,
) -> list[tuple[int, ...]]:
    """Classify crossings by days in a window as one reads the rule: person by person, crossing by crossing.

    From each crossing the loop goes on through the crossings of its window and adds up the days in the country. A row
    is `days_in_country, days_observed, resident_before, resident_after, long_term_migration`; -1 is unknown.
    """
    rows: list[tuple[int, ...]] = []
    slack = window - threshold
    begin, length = 0, len(day)
    while begin < length:
        end = begin + 1
        while end < length and person[end] == person[begin]:
            end += 1
        resident, unresolved = int(initial_resident[begin]), -1
        for number in range(begin, end):
            start, arrives = min(day[number], observed_to), is_arrival[number]
            until = min(start + window, observed_to)
            observed, present = until - start, _days_present(day, is_arrival, number, end, start, until)
            if unresolved >= 0:
                opened = min(day[unresolved], observed_to)
                spent = _days_present(day, is_arrival, unresolved, end, opened, start)
                if not is_arrival[unresolved]:
                    spent = start - opened - spent
                back = arrives != is_arrival[unresolved]
                rows.append((present, observed, -1, -1, 0 if back and spent < threshold - slack else -1))
                continue
            spent = present if arrives else observed - present
            if resident == arrives or (observed >= slack and observed - spent > slack):
                rows.append((present, observed, resident, resident, 0))
            elif observed >= slack and spent >= threshold:
                rows.append((present, observed, resident, int(arrives), 1))
                resident = int(arrives)
            else:
                rows.append((present, observed, resident, -1, -1))
                unresolved = number
        begin = end
    return rows


def _days_present(day: list[int], is_arrival: list[bool], number: int, end: int, start: int, until: int) -> int:
    """Add up the days in the country from a crossing until a day, by the person's crossings before `end`."""
    present = 0
    while start < until:
        following = day[number + 1] if number + 1 < end else until
        turn = following
        if number + 1 < end and is_arrival[number] == is_arrival[number + 1]:
            turn = day[number] + (following - day[number]) // 2
        turn, following = min(turn, until), min(following, until)
        present += turn - start if is_arrival[number] else following - turn
        start, number = following, number + 1
    return present
