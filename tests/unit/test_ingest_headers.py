"""Columns that nobody wants are not read, columns that come and go may be missing, and all others must be there."""

from datetime import date

import polars as pl
import pytest
from canary import find_clear
from small_study import CONTRACT, SmallStudy, csv_text, row

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract, read_contracts

KEY = 'unique = ["patient", "visited_on"]'
IGNORE = CONTRACT.replace(KEY, KEY + '\nignore = ["NOTES", "ROW", ""]')
WARD = 'ward = { header = "WARD", type = "text", pattern = "[A-Z][0-9]", required = false }'
COMES_AND_GOES = CONTRACT.replace(WARD, WARD.replace("required = false", "required = false, in_every_file = false"))


@pytest.fixture
def ingested(tmp_path):
    def of(contract, files):
        study = SmallStudy(tmp_path / "study", files)
        (study.folder / "clinic.toml").write_text(contract, encoding="utf-8")
        study.result = study.run()
        return study

    return of


def with_notes(*notes, headers=("NOTES", "ROW", "NOTES", "")):
    """Return a CSV text with a row for each note and columns that nobody wants before and after the others."""
    lines = csv_text([row(PATIENT=f"P{at:04d}") for at, _ in enumerate(notes)]).splitlines()
    first, *rest = headers
    text = [f"{first},{lines[0]},{','.join(rest)}"]
    text += [f"{note},{line},{','.join('x' for _ in rest)}" for note, line in zip(notes, lines[1:], strict=True)]
    return "\n".join(text) + "\n"


def test_what_nobody_wants_is_not_read_not_stored_and_counted(ingested):
    files = {"a.csv": with_notes("Xanthippe", '"Xanthippe,\n2"'), "b.csv": csv_text([row(PATIENT="P0009")])}
    study = ingested(IGNORE, files)
    assert study.table("records/visits").height == 3
    ledger = study.table("ledger").select("file", "columns_ignored", "accepted")
    assert ledger.rows() == [("a.csv", 4, 2), ("b.csv", 0, 1)]
    assert find_clear(study.out, ["Xanthippe"]) == []


def test_a_parquet_file_may_have_any_type_of_column_that_nobody_wants(ingested):
    frame = pl.DataFrame(row()).with_columns(NOTES=pl.lit(["x"]).implode(), ROW=pl.lit(1))
    study = ingested(IGNORE, {"a.parquet": frame})
    assert study.table("ledger")["columns_ignored"].to_list() == [2]
    assert study.table("records/visits")["visited_on"].to_list() == [date(2016, 5, 4)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (with_notes("n", headers=("NOTE", "ROW")), "unknown column 'NOTE'"),
        (with_notes("n").replace("x,x,x", "x,x"), "line 2 has 16 fields, the header 17"),
        (with_notes('"n'), "a quote is not closed"),
        (with_notes("n").replace("WARD", "WARDS"), "did you mean 'WARD'?"),
    ],
)
def test_other_faults_of_a_file_are_found_beside_columns_that_nobody_wants(ingested, text, words):
    with pytest.raises(UserError) as error:
        ingested(IGNORE, {"a.csv": text})
    assert words in str(error.value)


def test_a_version_ignores_its_own(ingested):
    version = (
        '\n[[extracts.visits.version]]\nid = "to_2012"\nuntil = 2012-12-31\nsays = "Cards."\nignore = ["CARD"]\n'
    )
    version += 'columns = { sex = { header = "GENDER", codes = "sex_letter" } }\n'
    values = row(VISIT="2012-05-04", GENDER="F", CARD="7")
    del values["SEX"]
    old = csv_text([values], values)
    study = ingested(IGNORE + version, {"old.csv": old, "new.csv": with_notes("n")})
    assert study.table("ledger").select("file", "version", "columns_ignored").rows() == [
        ("new.csv", "current", 4), ("old.csv", "to_2012", 1),
    ]  # fmt: skip


def test_a_column_that_comes_and_goes(ingested):
    without = {name: value for name, value in row(PATIENT="P0002").items() if name != "WARD"}
    study = ingested(COMES_AND_GOES, {"a.csv": csv_text([row()]), "b.csv": csv_text([without], without)})
    assert study.table("records/visits")["ward"].to_list() == ["A1", None]
    misspelt = csv_text([row()]).replace("WARD", "WRAD")
    with pytest.raises(UserError, match="unknown column 'WRAD': did you mean 'WARD'"):
        ingested(COMES_AND_GOES, {"a.csv": misspelt})


def test_visa_types_of_crossings_and_removals_of_registrations_need_not_be_delivered():
    contracts = read_contracts()
    assert list(contracts["exit_checks"].extracts["exit_checks_travel"].optional) == ["visa_type"]
    assert list(contracts["pds"].extracts["pds"].optional) == ["removal_date"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (KEY, KEY + '\nignore = ["WARD"]', "'ignore' names the header 'WARD', which is that of a column"),
        (KEY, KEY + '\nignore = "WARD"', "extracts.visits.ignore"),
        ('"boolean", required = false', '"boolean", in_every_file = false', "'urgent' is not in every file"),
        ('"data_date" }', '"data_date", in_every_file = false, required = false }', "'visited_on' is not in"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_and_place(tmp_path, old, new, words):
    path = tmp_path / "clinic.toml"
    path.write_text(CONTRACT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(f"{path}, key 'extracts.visits")
    assert words in str(error.value)


def test_blanks_after_the_commas_of_a_header_are_no_part_of_it(ingested):
    lines = csv_text([row(PATIENT="P0001")]).splitlines()
    spaced = "\n".join([lines[0].replace(",", ", "), *lines[1:]]) + "\n"
    study = ingested(CONTRACT, {"a.csv": spaced})
    assert study.result.counts["accepted"] == 1
