"""Inputs damaged by hypothesis: each is read, or refused in one paragraph; no traceback, no hang, no row lost.

They are read in this process by the functions that read them; some of each kind by the whole command.
"""

import contextlib
import csv
import io
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from damage import DAMAGES, as_parquet, damaged
from hypothesis import HealthCheck, given, seed, settings
from small_study import AREAS, CONTRACT, DATA_DATE, KEY, SmallStudy, csv_text, row, visits_contract

from estimation.account.columns import read_columns
from estimation.account.files import read_account_files
from estimation.account.results import account_tables
from estimation.account.solve import solve_account
from flows.chain import declared_parts
from flows.cli import main
from pipeline.errors import UserError
from pipeline.ingest.check import FILE, check
from pipeline.ingest.contracts import read_contract, read_contracts
from pipeline.ingest.ledger import FileRead, ledger_rows
from pipeline.ingest.read_extract import read_extract
from pipeline.study import read_study
from rules.rule_file import SETS
from rules.rule_set import read_rules

SECONDS = 30
"""More than any of these files can take on a machine that does something else too."""
ROWS = [row(PATIENT=f"P{number:04d}", DOSES=str(number % 9), WARD=f"W{number % 7}") for number in range(60)]
STUDY = f"""
name = "small"
data_date = {DATA_DATE}
seed = 7
area_lookup = "areas.csv"
key_file = "a.key"
contracts = ["clinic.toml"]
rule_set = "long_term_2019"

[periods]
flow_years = [2017, 2018]
stock_years = [2016, 2017, 2018]

[linkage]
accept = 0.5
duplicates = ["clinic"]
never = []
draws = 2

[coverage]
declared_error = 0.01
reference_date = 2017-06-30

[flow_errors]
immigration = 0.1

[[extract]]
name = "visits"
files = ["visits.csv"]
rows = 60
"""


@contextlib.contextmanager
def in_time() -> Iterator[None]:
    """End with an error what takes longer than it may."""

    def hangs(*_: object) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refused(read: Callable[[], object]) -> bool:
    """Return whether an input is refused, in one paragraph; any other error is a fault of the program."""
    with in_time():
        try:
            read()
        except UserError as error:
            text = str(error)
            assert text.strip()
            assert "\n\n" not in text
            assert "Traceback" not in text
            return True
    return False


def rows_of_csv(content: bytes) -> int | None:
    """Return how many rows a strict and slow reader finds below the header, None where it cannot read the file."""
    try:
        text = content.decode("utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if "".join(line).strip()]
    except (UnicodeDecodeError, csv.Error):
        return None
    return len(lines) - 1


def ledger_of(path: Path, folder: Path) -> tuple[int, int, int]:
    """Return the rows of a file: all, accepted, quarantined; raises `UserError` for a file that is refused."""
    extract = visits_contract(folder)
    texts = read_extract(path, extract, 1).with_columns(pl.lit(path.name).alias(FILE))
    checked = check(texts, extract, DATA_DATE, {path.name: "current"})
    read = {path.name: FileRead("current", "0")}
    (found,) = ledger_rows("clinic", "visits", checked, read, {path.name: texts.height})
    assert checked.accepted.height == found["accepted"]
    return int(found["rows_in"]), int(found["accepted"]), int(found["quarantined"])


def read_csv(content: bytes, folder: Path) -> None:
    (folder / "visits.csv").write_bytes(content)
    rows_in, accepted, quarantined = ledger_of(folder / "visits.csv", folder)
    assert rows_in == accepted + quarantined
    expected = rows_of_csv(content)
    assert expected is None or rows_in == expected, "rows were dropped in silence"


def read_parquet(content: bytes, folder: Path) -> None:
    (folder / "visits.parquet").write_bytes(content)
    rows_in, accepted, quarantined = ledger_of(folder / "visits.parquet", folder)
    assert rows_in == accepted + quarantined


def read_damaged_contract(content: bytes, folder: Path) -> None:
    (folder / "clinic.toml").write_bytes(content)
    read_contract(folder / "clinic.toml")


@cache
def shipped_contracts() -> dict:
    return dict(read_contracts())


def read_damaged_rules(content: bytes, folder: Path) -> None:
    (folder / "rules.toml").write_bytes(content)
    read_rules(folder / "rules.toml", shipped_contracts())


def read_damaged_study(content: bytes, folder: Path) -> None:
    SmallStudy(folder, {"visits.csv": csv_text(ROWS)})
    (folder / "study.toml").write_bytes(content)
    declared_parts(read_study(folder), folder / "run")


def read_damaged_account(content: bytes, folder: Path) -> None:
    with_account(folder, content)
    files = read_account_files(folder / "account")
    for path in (folder / "account").glob("*.csv"):
        expected = rows_of_csv(path.read_bytes())
        columns = path.read_text(encoding="utf-8-sig").partition("\n")[0].strip().split(",")
        assert expected is None or read_columns(path, [], columns).height == expected, "rows were dropped in silence"
    account_tables(files, solve_account(files, folder / "account", em=True))


ACCOUNT = {
    "population": "age,sex,time,count\n35,Female,2015,100\n36,Female,2016,109\n",
    "population_sd": "age,sex,time,sd\n35,Female,2015,2\n36,Female,2016,2\n",
    "immigration": "age,sex,cohort,time,count\n36,Female,1980,2016,4\n35,Female,1980,2016,6\n",
    "immigration_sd": "age,sex,cohort,time,sd\n35,Female,1980,2016,0.6\n36,Female,1980,2016,0.8\n",
    "emigration": "age,sex,cohort,time,count\n36,Female,1980,2016,5\n",
    "emigration_sd": "age,sex,cohort,time,sd\n36,Female,1980,2016,1\n",
    "births": "sex,time,count\n",
    "deaths": "age,sex,cohort,time,count\n36,Female,1980,2016,1\n",
    "bias_terms": "term,measure,sex,age_from,age_to,time,sd\nlevel,population,,,,,2\nflow,immigration,,,,2016,1\n",
}
BETWEEN = b"\n--- the next file ---\n"
"""Between the files of an account, which are damaged as one text: what is cut or moved can reach into the next."""


def with_account(folder: Path, content: bytes) -> None:
    """Write the files of an account from their text as one; a file that the damage swallowed is not written."""
    (folder / "account").mkdir()
    for name, part in zip(ACCOUNT, content.split(BETWEEN), strict=False):
        (folder / "account" / f"{name}.csv").write_bytes(part)


def with_study(folder: Path, content: bytes, file: str) -> None:
    """Write a study of which one file is damaged."""
    SmallStudy(folder, {"visits.csv": csv_text(ROWS)})
    study = STUDY.replace("long_term_2019", "rules.toml") if file == "rules.toml" else STUDY
    study = study.replace("visits.csv", "visits.parquet") if file == "visits.parquet" else study
    (folder / "areas.csv").write_text(AREAS)
    (folder / "a.key").write_text(KEY)
    (folder / "study.toml").write_text(study)
    (folder / file).write_bytes(content)


@dataclass(frozen=True)
class Input:
    """A kind of input: how many are damaged, its file in a study (none for an account), its content, its reader."""

    number: int
    file: str
    content: bytes
    read: Callable[[bytes, Path], None]


INPUTS = {
    "csv": Input(1_800, "visits.csv", csv_text(ROWS).encode(), read_csv),
    "parquet": Input(700, "visits.parquet", as_parquet(ROWS), read_parquet),
    "contract": Input(800, "clinic.toml", CONTRACT.encode(), read_damaged_contract),
    "rules": Input(700, "rules.toml", (SETS / "long_term_2019.toml").read_bytes(), read_damaged_rules),
    "study": Input(700, "study.toml", STUDY.encode(), read_damaged_study),
    "account": Input(300, "", BETWEEN.join(map(str.encode, ACCOUNT.values())), read_damaged_account),
}
assert sum(one.number for one in INPUTS.values()) == 5_000


def over_damages(number: int, test: Callable[[list], None]) -> None:
    """Test with damages that hypothesis makes, the same each time."""
    some = settings(max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    some(seed(14)(given(DAMAGES)(test)))()


@pytest.mark.parametrize("kind", INPUTS)
def test_a_damaged_input_is_read_or_refused(kind, full, in_memory, tell):
    one, outcomes = INPUTS[kind], []

    def test(damages: list) -> None:
        folder = Path(tempfile.mkdtemp(dir=in_memory))
        outcomes.append(refused(lambda: one.read(damaged(one.content, damages), folder)))
        shutil.rmtree(folder)

    over_damages(one.number if full else one.number // 25, test)
    if full:
        least = len(outcomes) // 50
        assert least < sum(outcomes) < len(outcomes) - least, (
            "all are refused, or none: the damage is not as it should be"
        )
    tell(f"damaged {kind}: {len(outcomes)}, of which {sum(outcomes)} refused")


@pytest.mark.parametrize("kind", INPUTS)
def test_the_command_reads_or_refuses_a_damaged_input(kind, full, in_memory, tell, capfd, monkeypatch):
    one, outcomes = INPUTS[kind], []
    monkeypatch.setattr("flows.cli._discard_output", lambda: None)

    def test(damages: list) -> None:
        folder, content = Path(tempfile.mkdtemp(dir=in_memory)), damaged(one.content, damages)
        if one.file:
            with_study(folder, content, one.file)
            command = ["run", str(folder), "--threads", "1"]
        else:
            with_account(folder, content)
            command = ["account", str(folder / "account"), "--out", str(folder / "out")]
        with in_time(), pytest.raises(SystemExit) as ended:
            main(command)
        printed = capfd.readouterr()
        assert ended.value.code in (0, 2), printed.err
        assert "Traceback" not in printed.out + printed.err
        assert "fault of the program" not in printed.err
        outcomes.append(ended.value.code == 2)
        shutil.rmtree(folder)

    over_damages(one.number // 25 if full else 2, test)
    tell(f"damaged {kind}, by the command: {len(outcomes)}, of which {sum(outcomes)} refused")
