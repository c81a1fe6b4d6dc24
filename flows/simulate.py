"""The verb `simulate`: a synthetic study in a folder, simulated again only if a different one is requested."""

import json
import time
from datetime import date
from pathlib import Path

from flows.progress import ProgressListener
from pipeline import disk
from pipeline.errors import UserError
from pipeline.stage import StageRecord
from pipeline.store import code_digest, digest
from pipeline.study import LARGEST_SEED
from pipeline.tables import write_text
from synthetic_data.country.parts import parts_of
from synthetic_data.delivery.study_file import TARGETS_PAGE
from synthetic_data.scenarios.scenario import BASELINE, read_scenario
from synthetic_data.simulate import DATA_DATE, LARGEST, check_data_date, check_snapshots, check_threads, simulate

MARK = "simulated.json"
EXTRACTS, DELIVERIES = "extracts", "deliveries"


def simulate_study(
    residents: int,
    seed: int,
    out: Path,
    terminal: ProgressListener,
    *,
    scenario: str = BASELINE,
    errors: str | None = None,
    data_date: date | None = None,
    regions: tuple[str, ...] = (),
    snapshots: int | None = None,
    deliveries: tuple[date, ...] = (),
    parquet: bool = False,
    threads: int = 2,
) -> StageRecord:
    """Write a synthetic study into `out`, or find that the same study is there already.

    `terminal` is informed of progress. `scenario` is a name or a file, `errors` is `none` or a file of overrides; for
    the others see `simulate`.
    """
    if residents < 1000:
        raise UserError(f"--residents: {residents:,} are too few to estimate anything. Choose 1,000 or more.")
    if residents > LARGEST:
        raise UserError(f"--residents: {residents:,} are too many. Choose {LARGEST:,} or fewer.")
    if seed < 0:
        raise UserError(f"--seed: {seed} is negative. Choose 0 or more.")
    if seed > LARGEST_SEED:
        raise UserError(f"--seed: {seed} is too large. Choose {LARGEST_SEED} or less.")
    check_threads(threads)
    out = out.resolve()
    if deliveries and data_date:
        raise UserError("--data-date: every delivery has its own. Leave it out, or leave out --deliveries.")
    cut = max(deliveries, default=data_date or DATA_DATE)
    for day in deliveries or (cut,):
        check_data_date(day)
        check_snapshots(snapshots, day)
    chosen = read_scenario(scenario)
    catalogue = chosen.source_errors(errors)
    key = digest(
        {
            "residents": residents,
            "seed": seed,
            "scenario": chosen.model_dump(mode="json"),
            "errors": catalogue.model_dump(mode="json"),
            "data_date": str(cut),
            "regions": parts_of(regions),
            "snapshots": snapshots,
            "deliveries": [str(day) for day in deliveries],
            "parquet": parquet,
            "code": code_digest(("pipeline", "synthetic_data")),
        }
    )
    mark = out / MARK
    earlier = _read_mark(mark)
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file, not a folder. Choose another --out.")
    if out.is_dir() and any(out.iterdir()) and earlier is None:
        raise UserError(
            f"{out}: contains files that no simulation wrote. Choose an empty folder or a new one with --out."
        )
    if earlier and earlier["key"] == key and earlier["files"] == _sizes(out):
        record = StageRecord(
            stage="simulate", key=key, folder=out, counts=earlier["counts"], sentence=earlier["sentence"],
            warnings=(), seconds=earlier["seconds"], outputs={}, reused=True,
        )  # fmt: skip
        terminal.finished(record)
        return record
    begun = time.perf_counter()
    aside = disk.aside_of(out)
    disk.remove(aside)
    disk.make_folder(aside)
    try:
        result = simulate(
            residents, seed, aside, lambda message: terminal.progress("simulate", message),
            errors=catalogue, scenario=chosen, data_date=cut, regions=regions, snapshots=snapshots,
            deliveries=deliveries, parquet=parquet, threads=threads,
        )  # fmt: skip
        seconds = round(time.perf_counter() - begun, 3)
        made = _sizes(aside)
        _move_over(aside, out)
    finally:
        disk.remove(aside)
    stored = {
        "key": key, "counts": dict(result.counts), "sentence": result.sentence, "seconds": seconds,
        "files": made,
    }  # fmt: skip
    write_text(json.dumps(stored, indent=1) + "\n", mark)
    record = StageRecord(
        stage="simulate", key=key, folder=out, counts=result.counts, sentence=result.sentence,
        warnings=result.warnings, seconds=seconds, outputs={}, reused=False,
    )  # fmt: skip
    terminal.finished(record)
    return record


def delivery_days(text: str) -> tuple[date, ...]:
    """Return the data dates in a list such as `2018-12-31,2019-03-31`; raises `UserError` if not in order."""
    try:
        found = tuple(date.fromisoformat(part.strip()) for part in text.split(","))
    except ValueError:
        raise UserError(
            f"--deliveries {text}: not a list of days. Write them as 2018-12-31,2019-03-31, with commas between."
        ) from None
    if list(found) != sorted(set(found)):
        raise UserError(f"--deliveries {text}: every day must be later than the one before it. Put them in order.")
    return found


def _read_mark(mark: Path) -> dict | None:
    try:
        return {"files": {}, **json.loads(mark.read_text(encoding="utf-8"))}
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _sizes(study: Path) -> dict[str, int]:
    """Return the bytes of every file that a simulation writes: with one missing or changed, a study is made again."""
    found = [*study.glob("*.toml"), *study.glob("*.csv"), *study.glob("*.key")]
    found += [*(study / EXTRACTS).glob("*"), *(study / "truth").glob("*")]
    for inside in ("*.*", "extracts/*", "truth/*"):
        found += (study / DELIVERIES).glob(f"*/{inside}")
    return {str(file.relative_to(study)): file.stat().st_size for file in sorted(found)}


def _move_over(aside: Path, out: Path) -> None:
    """Replace what an earlier simulation left in `out`, and leave any run in the same folder unchanged.

    The mark is rewritten first as unfinished and last as finished, so a killed simulation is run again.
    """
    disk.make_folder(out)
    write_text(json.dumps({"key": "unfinished"}) + "\n", out / MARK)
    for folder in (EXTRACTS, DELIVERIES):  # those of a study of another form would be taken for this one's
        if (out / folder).is_dir() and not (aside / folder).exists():
            disk.remove(out / folder)
    for made in sorted(aside.iterdir()):
        target = out / made.name
        if target.is_dir():
            disk.remove(target)
        disk.move(made, target)
    disk.remove(aside)
    # a page of targets would describe the earlier study
    disk.remove(out / TARGETS_PAGE)
