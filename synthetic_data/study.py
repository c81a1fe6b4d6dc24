"""`sojourn simulate`: a whole study of a country that does not exist, with the truth beside it."""

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pipeline.errors import UserError
from pipeline.stage import StageResult, silent
from pipeline.tables import write_table, write_text
from synthetic_data import days, extracts, places, truth_tables
from synthetic_data.errors import NO_ERRORS, Errors, values
from synthetic_data.residence import live
from synthetic_data.scenarios import BASELINE, Scenario, read_scenario

AREA_LOOKUP = "postcode_areas.csv"
KEY_FILE = "synthetic.key"
RULE_SET = "long_term_2019"
FIRST_DATA_DATE, LAST_DATA_DATE = date(2017, 12, 31), days.as_date(days.LAST_DAY)
"""Data dates that a study can have: from the delivery of the coverage survey to the last simulated day."""
DATA_DATE = days.as_date(days.DATA_DATE)
FIRST_FLOW_YEAR, FIRST_STOCK_YEAR, LAST_YEAR = 2016, 2015, 2019
SMALLEST = 500
LARGEST = 10_000_000


def simulate(
    residents: int,
    seed: int,
    out: Path,
    tell: Callable[[str], None] = silent,
    errors: Errors | None = None,
    scenario: Scenario | None = None,
    data_date: date = DATA_DATE,
) -> StageResult:
    """Write a study of `residents` people to the folder `out`: `study.toml`, extracts, key, look-up and truth.

    Extracts are cut as they stood on the data date. `errors` are those of the scenario unless others are given.
    The same residents, seed, errors, scenario and data date give the same bytes. Raises `UserError` for a
    number or a day out of range.
    """
    if not SMALLEST <= residents <= LARGEST:
        raise UserError(
            f"--residents {residents}: the simulator makes {SMALLEST:,} to {LARGEST:,} residents. Choose in between."
        )
    if seed < 0:
        raise UserError(f"--seed {seed}: a seed is a whole number from 0 on. Choose another.")
    check_data_date(data_date)
    scenario = scenario or read_scenario(BASELINE)
    errors = errors or scenario.sources_err()
    out = Path(out)
    tell("living lives")
    lives = live(seed, residents, scenario)
    tell("settling the truth")
    truth = truth_tables.settle(lives)
    tell("writing extracts")
    cut = days.day(data_date.year, data_date.month, data_date.day)
    made = extracts.extracts(lives, truth.survey_residents, errors, cut, scenario.loss)
    rows = _write_extracts(made, out / "extracts")
    for name, frame in (truth.tables | {"identities": extracts.identities(lives, made)}).items():
        write_table(frame, out / "truth" / f"{name}.parquet")
    _write_lookup(out)
    _write_key(seed, out)
    head = _study_head(residents, seed, scenario, errors, data_date)
    write_text("\n".join(head + _study_extracts(made, rows)) + "\n", out / "study.toml")
    records, people = sum(rows.values()), len(lives.people)
    sources = len({extract.source for extract in made})
    return StageResult(
        counts={"people": people, "extracts": len(made), "records": records},
        sentence=f"{people:,} people, {sources} sources, {records:,} records",
    )


def check_data_date(data_date: date) -> None:
    """Raise `UserError` for a day on which no study can be cut."""
    if data_date < FIRST_DATA_DATE:
        raise UserError(
            f"--data-date {data_date}: the coverage survey of {days.as_date(days.SURVEY_DAY)} is delivered on "
            f"{FIRST_DATA_DATE}, and without it no coverage can be estimated. Choose that day or a later one."
        )
    if data_date > LAST_DATA_DATE:
        raise UserError(f"--data-date {data_date}: lives are simulated to {LAST_DATA_DATE}. Choose an earlier day.")


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


def _study_head(residents: int, seed: int, scenario: Scenario, errors: Errors, data_date: date) -> list[str]:
    """Return the lines of the study file above its extracts; they say how the study differs from the baseline."""
    usual = {name: f"{value:g}" for name, value in values(Errors())}
    changed = [f"{name} = {value:g}" for name, value in values(errors) if f"{value:g}" != usual.get(name)]
    known = (
        ["# Errors: none; every source is perfect."] if errors == NO_ERRORS else [f"# Error {one}" for one in changed]
    )
    named = "" if scenario.name == BASELINE else f", {scenario.name}"
    cut = "" if data_date == DATA_DATE else f", data of {data_date}"
    return [
        f"# A synthetic study of {residents:,} residents, written by `sojourn simulate`. Nobody in it exists.",
        *([f"# Scenario {scenario.name}: {scenario.says}"] if named else []),
        *known,
        f'name = "Synthetic country, {residents:,} residents, seed {seed}{named}{cut}"',
        "synthetic = true",
        f"seed = {seed}",
        f"data_date = {data_date}",
        f'key_file = "{KEY_FILE}"',
        f'rule_set = "{RULE_SET}"',
        f'area_lookup = "{AREA_LOOKUP}"',
        *_periods(data_date),
        "",
        "# Rows are those of all files of an extract; ingest stops when a file is shorter than promised.",
    ]


def _periods(data_date: date) -> list[str]:
    """Return the years to 30 June that are known half a year later, on the data date, unless they are all."""
    last = data_date.year - (data_date < date(data_date.year, 12, 31))
    if last >= LAST_YEAR:
        return []
    flows, stocks = (list(range(first, last + 1)) for first in (FIRST_FLOW_YEAR, FIRST_STOCK_YEAR))
    return ["", "[periods]", f"flow_years = {flows}", f"stock_years = {stocks}"]


def _study_extracts(made: list[extracts.Extract], rows: dict[str, int]) -> list[str]:
    lines = []
    for extract in made:
        files = ", ".join(f'"extracts/{name}"' for name in extract.files)
        lines += ["", "[[extract]]", f'name = "{extract.name}"', f"files = [{files}]", f"rows = {rows[extract.name]}"]
    return lines
