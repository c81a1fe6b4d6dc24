"""`sojourn simulate`: a complete study of a country that does not exist, from lives to files, with the truth."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from synthetic_data.delivery import extracts, layouts, successive
from synthetic_data.delivery.ordered_files import Batch, OrderedFiles
from synthetic_data.delivery.study_file import AREA_LOOKUP, DATA_DATE, KEY_FILE, Choices, study_text
from synthetic_data.errors.catalogue import Errors
from synthetic_data.institutions.nhs import patient_registers
from synthetic_data.institutions.view import DeliveredExtract
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
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
    deliveries: Sequence[date] = (),
    *,
    parquet: bool = False,
    threads: int = 1,
) -> StageResult:
    """Write a study of a country of `residents` people to the folder `out`: study file, extracts, look-up, truth.

    Extracts contain what was known on the data date. `errors` are those of the scenario unless others are given.
    With `regions` (codes or names), only people whose first home is there are simulated, with the same rows as in the
    whole country. Only the last `snapshots` of the Patient Register are written, or all; with `parquet` every extract
    is a Parquet file. `report` receives progress messages.

    With `deliveries` (days in order, instead of `data_date`), `deliveries/DATE/` is a study for each of them, the one
    in `out` is that of the last, with the files of that delivery, and `truth/delivery_log.parquet` has what differs
    between successive deliveries (`delivery.successive`).

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
    for day in deliveries or (data_date,):
        check_data_date(day)
        check_snapshots(snapshots, day)
    data_date = max(deliveries, default=data_date)
    check_threads(threads)
    scenario = scenario or read_scenario(BASELINE)
    chosen = Choices(
        residents, seed, scenario, errors or scenario.source_errors(), data_date, tuple(regions), snapshots, parquet,
        tuple(deliveries),
    )  # fmt: skip
    batches = parts.batches(parts.parts_of(regions), residents, threads)
    with OrderedFiles(Path(out), len(batches)) as ordered:
        simulated = _batches(chosen, batches, ordered, threads, report)
        report("writing files")
        rows = ordered.gather([batch for _, batch in simulated], threads)
    files = simulated[0][0]
    for data_date, of_date in files.items():
        if deliveries:
            _write_study(replace(chosen, data_date=data_date, beside="../"), of_date, rows, out, _folder(data_date))
    latest = files[chosen.data_date]
    _write_study(chosen, latest, rows, out)
    people = rows["truth/people.parquet"]
    records = sum(rows[file] for of_extract in latest.values() for file in of_extract)
    sentence = f"{people:,} people, {len(latest)} extracts, {records:,} records"
    if deliveries:
        sentence += f" in the last of {len(deliveries)} deliveries"
    return StageResult(counts={"people": people, "extracts": len(latest), "records": records}, sentence=sentence)


def _folder(data_date: date) -> str:
    """Return the folder of one delivery, inside that of the country, as the beginning of paths."""
    return f"deliveries/{data_date}/"


def _write_study(
    chosen: Choices, files: Mapping[str, Sequence[str]], rows: Mapping[str, int], out: Path, folder: str = ""
) -> None:
    """Write a study file with what it names besides extracts, in a folder inside `out`, as files are."""
    inside = {name: [file.removeprefix(folder) for file in named] for name, named in files.items()}
    rows_inside = {file.removeprefix(folder): number for file, number in rows.items() if file.startswith(folder)}
    write_text(geography.area_lookup().write_csv(), out / folder / AREA_LOOKUP)
    _write_key(chosen.seed, out / folder)
    write_text(study_text(chosen, inside, rows_inside), out / folder / STUDY_FILE)


Files = dict[str, list[str]]
"""The files of each extract."""
Simulated = tuple[dict[date, Files], Batch]
"""The files of each data date, and the batch whose rows go into them."""


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
    dates = chosen.deliveries or (chosen.data_date,)
    files: dict[date, Files] = {data_date: {} for data_date in dates}
    known: dict[date, list[pl.DataFrame]] = {data_date: [] for data_date in dates}
    spine: dict[date, pl.DataFrame] = {}
    log = [pl.DataFrame(schema=successive.LOG)]
    for made in _made(lives, chosen, dates):
        given, changes = successive.delivered(made, dates, lives) if chosen.deliveries else (made, log[0])
        log.append(changes)
        for data_date, one in zip(dates, given, strict=True):
            folder = _folder(data_date) if chosen.deliveries else ""
            files[data_date][one.name] = list(_put(one, folder, chosen, batch))
            known[data_date].append(extracts.known_people(one))
            if one.name == extracts.ADDRESSES_COMPARED_WITH:
                spine[data_date] = extracts.latest_addresses(one)
    for data_date in dates:
        tables = truth | {"identities": extracts.identities(lives, known[data_date], spine[data_date])}
        _put_truth(tables, _folder(data_date) if chosen.deliveries else "", batch)
    if chosen.deliveries:
        _put_truth(tables, "", batch)
        order = successive.LOG_ORDER
        batch.put("truth/delivery_log.parquet", pl.concat(log).sort(order, maintain_order=True), order)
    return files, batch


def _made(lives: Lives, chosen: Choices, dates: Sequence[date]) -> Iterator[Sequence[DeliveredExtract]]:
    """Yield every extract, one at a time, as it stood on each of some data dates."""
    cuts = (days.day(cut.year, cut.month, cut.day) for cut in dates)
    loss, snapshots = chosen.scenario.loss, chosen.snapshots
    made = [extracts.extracts(lives, chosen.errors, cut, loss, snapshots) for cut in cuts]
    yield from zip(*made, strict=True)


def _put(one: DeliveredExtract, folder: str, chosen: Choices, batch: Batch) -> Iterator[str]:
    """Put the rows of an extract into its files, whose names are returned."""
    written = partial(layouts.as_written, one.name)
    for name, frame in one.files.items():
        for delivered, rows in layouts.split_by_layout(one.name, name, frame.drop("row")).items():
            file = folder + _extract_file(delivered, chosen)
            batch.put(file, rows, one.order, written)
            yield file


def _put_truth(tables: Mapping[str, pl.DataFrame], folder: str, batch: Batch) -> None:
    """Put rows into the tables of the truth, sorted by their first two columns, one of which is the person."""
    for name, table in tables.items():
        order = table.columns[:2]
        batch.put(f"{folder}truth/{name}.parquet", table.sort(order, maintain_order=True), order)


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
