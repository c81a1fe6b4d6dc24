"""`sojourn simulate`: a complete study of a country that does not exist, from lives to files, with the truth."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.stage import StageResult, silent
from pipeline.study import STUDY_FILE
from pipeline.tables import write_text
from pipeline.worker_processes import Task, results
from synthetic_data.country import geography, parts
from synthetic_data.delivery import extracts, layouts
from synthetic_data.delivery.ordered_files import Batch, OrderedFiles
from synthetic_data.delivery.study_file import AREA_LOOKUP, DATA_DATE, KEY_FILE, Choices, study_text
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.lives.build import live
from synthetic_data.numbers import days
from synthetic_data.scenarios.scenario import BASELINE, Scenario, read_scenario
from synthetic_data.truth import truth_tables

FIRST_DATA_DATE, LAST_DATA_DATE = date(2017, 12, 31), days.as_date(days.LAST_DAY)
"""Possible data dates of a study: from the delivery of the coverage survey to the last simulated day."""
SMALLEST = 500
LARGEST = 10_000_000


def simulate(
    residents: int,
    seed: int,
    out: Path,
    report: Callable[[str], None] = silent,
    errors: Errors | None = None,
    scenario: Scenario | None = None,
    data_date: date = DATA_DATE,
    regions: Sequence[str] = (),
    snapshots: int | None = None,
    *,
    parquet: bool = False,
    threads: int = 1,
) -> StageResult:
    """Write a study of a country of `residents` people to the folder `out`: study file, extracts, look-up, truth.

    Extracts contain what was known on the data date. `errors` are those of the scenario unless others are given.
    With `regions` (codes or names), only people whose first home is there are simulated, with the same rows as in the
    whole country. Only the last `snapshots` of the Patient Register are written, or all; with `parquet` every extract
    is a Parquet file. `report` receives progress messages.

    Regions are simulated in batches, with several `threads` in separate processes (a script then needs
    `if __name__ == "__main__":`), and the same arguments give the same bytes for any number of batches and threads.
    Raises `UserError` for a number or a day out of range and for an unknown region.
    """
    if not SMALLEST <= residents <= LARGEST:
        raise UserError(
            f"--residents {residents}: outside the range of {SMALLEST:,} to {LARGEST:,}. Choose a number within it."
        )
    if seed < 0:
        raise UserError(f"--seed {seed}: a seed is a whole number, 0 or greater. Choose another.")
    check_data_date(data_date)
    check_snapshots(snapshots, data_date)
    check_threads(threads)
    scenario = scenario or read_scenario(BASELINE)
    chosen = Choices(
        residents, seed, scenario, errors or scenario.source_errors(), data_date, tuple(regions), snapshots, parquet
    )
    batches = parts.batches(parts.parts_of(regions), residents, threads)
    with OrderedFiles(Path(out), len(batches)) as ordered:
        simulated = _batches(chosen, batches, ordered, threads, report)
        report("writing files")
        rows = ordered.gather([batch for _, batch in simulated], threads)
    files = simulated[0][0]
    write_text(geography.area_lookup().write_csv(), out / AREA_LOOKUP)
    _write_key(seed, out)
    write_text(study_text(chosen, files, rows), out / STUDY_FILE)
    people = rows["truth/people.parquet"]
    records = sum(rows[file] for of_extract in files.values() for file in of_extract)
    return StageResult(
        counts={"people": people, "extracts": len(files), "records": records},
        sentence=f"{people:,} people, {len(files)} extracts, {records:,} records",
    )


Simulated = tuple[dict[str, list[str]], Batch]
"""The files of each extract, and the batch whose rows go into them."""


def _batches(
    chosen: Choices,
    batches: Sequence[Sequence[int]],
    ordered: OrderedFiles,
    threads: int,
    report: Callable[[str], None],
) -> list[Simulated]:
    """Simulate all batches, one after the other or in separate processes."""
    work = [partial(_batch, chosen, *both) for both in zip(batches, ordered.batches, strict=True)]
    count = len(work)
    if count == 1:
        return [work[0](report)]
    if threads == 1:
        return [one(lambda step, at=at: report(f"batch {at} of {count}: {step}")) for at, one in enumerate(work, 1)]
    sizes = (parts.people_of(batch, chosen.residents) for batch in batches)
    tasks = [Task(*both) for both in zip(work, sizes, strict=True)]
    return results(
        tasks, threads, parts.RESIDENTS_IN_MEMORY, lambda ended: report(f"{ended} of {count} batches simulated")
    )


def _batch(chosen: Choices, of: Sequence[int], batch: Batch, report: Callable[[str], None] = silent) -> Simulated:
    """Simulate the lives in some parts, and write the extracts of all sources and the truth to the batch."""
    report("simulating lives")
    lives = live(chosen.seed, chosen.residents, chosen.scenario, of)
    report("deriving the truth")
    truth = truth_tables.tables(lives)
    report("making extracts")
    cut = days.day(chosen.data_date.year, chosen.data_date.month, chosen.data_date.day)
    loss = chosen.scenario.loss
    files, known, spine = {}, [], pl.DataFrame()
    for one in extracts.extracts(lives, chosen.errors, cut, loss, chosen.snapshots):
        written = partial(layouts.as_written, one.name)
        files[one.name] = []
        for name, frame in one.files.items():
            for delivered, rows in layouts.split_by_layout(one.name, name, frame.drop("row")).items():
                files[one.name].append(_extract_file(delivered, chosen))
                batch.put(files[one.name][-1], rows, one.order, written)
        known.append(extracts.known_people(one))
        if one.name == extracts.ADDRESSES_COMPARED_WITH:
            spine = extracts.latest_addresses(one)
    for name, table in (truth | {"identities": extracts.identities(lives, known, spine)}).items():
        # tables of the truth are sorted by their first two columns, one of which is the person
        order = table.columns[:2]
        batch.put(f"truth/{name}.parquet", table.sort(order, maintain_order=True), order)
    return files, batch


def _extract_file(name: str, chosen: Choices) -> str:
    return f"extracts/{Path(name).stem}.parquet" if chosen.parquet else f"extracts/{name}"


def check_data_date(data_date: date) -> None:
    """Raise `UserError` for a day that cannot be the data date of a study."""
    if data_date < FIRST_DATA_DATE:
        raise UserError(
            f"--data-date {data_date}: the coverage survey of {days.as_date(days.SURVEY_DAY)} is delivered on "
            f"{FIRST_DATA_DATE}, and coverage cannot be estimated without it. Choose that day or a later one."
        )
    if data_date > LAST_DATA_DATE:
        raise UserError(f"--data-date {data_date}: lives are simulated to {LAST_DATA_DATE}. Choose an earlier day.")


def check_snapshots(snapshots: int | None, data_date: date) -> None:
    """Raise `UserError` for a number of snapshots that do not exist on the data date."""
    taken = len(patient_registers.snapshot_years(days.day(data_date.year, data_date.month, data_date.day)))
    if snapshots is not None and not 1 <= snapshots <= taken:
        raise UserError(f"--snapshots {snapshots}: {taken} exist on {data_date}. Choose 1 to {taken}.")


def check_threads(threads: int) -> None:
    """Raise `UserError` for a number of threads below 1."""
    if threads < 1:
        raise UserError(f"--threads: {threads} is not a number of threads. Give 1 or more.")


def _write_key(seed: int, out: Path) -> None:
    """Write the key of a synthetic study: it follows from the seed, so it protects nothing."""
    key = hashlib.sha256(f"sojourn synthetic key {seed}".encode()).hexdigest()
    write_text(f"# SYNTHETIC ONLY: this key follows from the seed and protects no data.\n{key}\n", out / KEY_FILE)
