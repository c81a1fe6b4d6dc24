"""No clear text is ever written: canaries planted in every source appear nowhere in what a run writes or prints."""

import shutil
import tomllib
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.versions import version_of
from tests.canary import find_clear

BORN = date(1913, 2, 13)
PARTS = {"given_name": "Zyxwa", "family_name": "Qvortrup-Jzk", "postcode": "ZZ9 9QX"}
NUMBERS = {
    "nhs_number": "9999999468", "encrypted_nino": "FEEDFACECAFEBEEF", "husid": "9191919191919",
    "travel_person_id": "T919191919191", "death_entry_number": "D9191919191", "survey_person_id": "S91919191919",
    "contact_number": "PABABABABABABABAB",
    "child_benefit_number": "CHB919191919", "benefit_child": "C919191919", "home_office_person_id": "P9191919191",
    "settlement_application": "3439191919191919",
}  # fmt: skip


def plant(path: Path, extract, spoilt: bool) -> set:
    """Put canaries into the first row of a file, and into its last one with a value that breaks the contract."""
    parquet = path.suffix == ".parquet"
    table = pl.read_parquet(path) if parquet else pl.read_csv(path, infer_schema=False)
    row, planted = (table.height - 1 if spoilt else 0), set()
    assert not table.is_empty(), path
    for column in extract.layouts[version_of(path, extract, None, str(path))].delivered.values():
        kind = column.identifier
        if kind in PARTS or kind in NUMBERS:
            written = (PARTS | NUMBERS)[kind]
            planted.add(written)
        elif kind == "date_of_birth":
            written = BORN.strftime(column.format)
            planted.add(BORN)
        elif kind == "sex" and spoilt:
            written = "canary sex"
        else:
            continue
        values = table[column.header].to_list()
        values[row] = BORN if table[column.header].dtype == pl.Date else written
        table = table.with_columns(pl.Series(column.header, values, dtype=table[column.header].dtype))
    table.write_parquet(path) if parquet else table.write_csv(path)
    return planted


@pytest.fixture(scope="module")
def planted_run(demo, command, tmp_path_factory):
    """What a run wrote and printed of a study with canaries in good and bad rows of every extract."""
    folder = tmp_path_factory.mktemp("canaries") / "study"
    shutil.copytree(demo.study.parent, folder, ignore=shutil.ignore_patterns("truth"))
    files = {one["name"]: one["files"] for one in tomllib.loads((folder / "study.toml").read_text())["extract"]}
    canaries: set = set()
    for contract in read_contracts().values():
        for name, extract in contract.extracts.items():
            for file in files.get(name, ()):  # nobody has reviewed the links of the demo
                for spoilt in (False, True):
                    canaries |= plant(folder / file, extract, spoilt)
    outcome = command("run", folder / "study.toml", "--out", folder.parent / "run")
    assert outcome.status == 0, outcome.out + outcome.err
    return folder.parent / "run", outcome, canaries


def test_there_is_a_canary_for_every_identifier_of_every_contract():
    extracts = [one for contract in read_contracts().values() for one in contract.extracts.values()]
    columns = [column for extract in extracts for column in extract.columns.values()]
    assert {column.identifier for column in columns if column.is_direct_identifier} == set(NUMBERS)


def test_canaries_were_planted_in_every_source_and_read(planted_run):
    run, _, canaries = planted_run
    assert canaries == {BORN, *PARTS.values(), *NUMBERS.values()}
    assert find_clear(run.parent / "study" / "extracts", canaries)
    ledger = pl.read_parquet(run / "tables" / "ledger.parquet")
    assert (ledger["accepted"] > 0).all()
    assert (ledger["quarantined"] > 0).sum() >= 10


def test_no_canary_is_found_in_all_that_the_run_wrote_and_printed(planted_run):
    run, outcome, canaries = planted_run
    assert len([path for path in run.rglob("*") if path.is_file()]) > 50
    assert find_clear(run, canaries) == []
    printed = run.parent / "printed"
    printed.mkdir(exist_ok=True)
    (printed / "out.txt").write_text(outcome.out + outcome.err)
    assert find_clear(printed, canaries) == []


def test_a_planted_canary_would_be_found(planted_run, tmp_path):
    _, _, canaries = planted_run
    for number, canary in enumerate(sorted(map(str, canaries))):
        pl.DataFrame({"rows": [[canary, "other"]]}).write_parquet(tmp_path / f"{number}.parquet", compression="zstd")
        (tmp_path / f"{number}.log").write_text(f'{{"message": "{canary.lower()}"}}')
    found = find_clear(tmp_path, canaries)
    for number in range(len(canaries)):
        assert any(line.startswith(f"{number}.parquet") for line in found)
        assert any(line.startswith(f"{number}.log") for line in found)
