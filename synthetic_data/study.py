"""`sojourn simulate`: a whole study of a country that does not exist, with the truth beside it."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pipeline.errors import UserError
from pipeline.stage import StageResult, silent
from pipeline.tables import write_table, write_text
from synthetic_data import extracts, places, truth_tables
from synthetic_data.errors import Errors
from synthetic_data.residence import live

AREA_LOOKUP = "postcode_areas.csv"
KEY_FILE = "synthetic.key"
RULE_SET = "long_term_2019"
DATA_DATE = date(2019, 12, 31)
SMALLEST = 500
LARGEST = 10_000_000


def simulate(
    residents: int, seed: int, out: Path, tell: Callable[[str], None] = silent, errors: Errors | None = None
) -> StageResult:
    """Write a study of `residents` people to the folder `out`: `study.toml`, extracts, key, look-up and truth.

    The same residents, seed and errors give the same bytes. Raises `UserError` for a number out of range.
    """
    if not SMALLEST <= residents <= LARGEST:
        raise UserError(
            f"--residents {residents}: the simulator makes {SMALLEST:,} to {LARGEST:,} residents. Choose in between."
        )
    if seed < 0:
        raise UserError(f"--seed {seed}: a seed is a whole number from 0 on. Choose another.")
    out = Path(out)
    tell("living lives")
    lives = live(seed, residents)
    tell("settling the truth")
    truth = truth_tables.settle(lives)
    tell("writing extracts")
    made = extracts.extracts(lives, truth.survey_residents, errors or Errors())
    rows = _write_extracts(made, out / "extracts")
    for name, frame in (truth.tables | {"identities": extracts.identities(lives, made)}).items():
        write_table(frame, out / "truth" / f"{name}.parquet")
    _write_lookup(out)
    _write_key(seed, out)
    write_text(_study_file(residents, seed, made, rows), out / "study.toml")
    records, people = sum(rows.values()), len(lives.people)
    sources = len({extract.source for extract in made})
    return StageResult(
        counts={"people": people, "extracts": len(made), "records": records},
        sentence=f"{people:,} people, {sources} sources, {records:,} records",
    )


def _write_extracts(made: list[extracts.Extract], folder: Path) -> dict[str, int]:
    """Write every file of every extract, and return the rows of each extract."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    for extract in made:
        for name, frame in extract.files.items():
            written = frame.drop("row")
            if name.endswith(".csv"):
                write_text(written.write_csv(), folder / name)
            else:
                write_table(written, folder / name)
            rows[extract.name] = rows.get(extract.name, 0) + len(written)
    return rows


def _write_lookup(out: Path) -> None:
    write_text(places.area_lookup().write_csv(), out / AREA_LOOKUP)


def _write_key(seed: int, out: Path) -> None:
    """Write the key of a synthetic study: it follows from the seed, so it protects nothing."""
    key = hashlib.sha256(f"sojourn synthetic key {seed}".encode()).hexdigest()
    write_text(
        f"# SYNTHETIC ONLY: this key follows from the seed and protects nobody's data.\n{key}\n", out / KEY_FILE
    )


def _study_file(residents: int, seed: int, made: list[extracts.Extract], rows: dict[str, int]) -> str:
    lines = [
        f"# A synthetic study of {residents:,} residents, written by `sojourn simulate`. Nobody in it exists.",
        f'name = "Synthetic country, {residents:,} residents, seed {seed}"',
        "synthetic = true",
        f"seed = {seed}",
        f"data_date = {DATA_DATE}",
        f'key_file = "{KEY_FILE}"',
        f'rule_set = "{RULE_SET}"',
        f'area_lookup = "{AREA_LOOKUP}"',
        "",
        "# Rows are those of all files of an extract; ingest stops when a file is shorter than promised.",
    ]
    for extract in made:
        files = ", ".join(f'"extracts/{name}"' for name in extract.files)
        lines += ["", "[[extract]]", f'name = "{extract.name}"', f"files = [{files}]", f"rows = {rows[extract.name]}"]
    return "\n".join(lines) + "\n"
