"""Values by which a source says that it has none: they are empty, and refused only where a value is required."""

import polars as pl
import pytest
from small_study import CONTRACT, SmallStudy, csv_text, row, strict

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract
from pipeline.ingest.dictionary import data_dictionary

KEY = 'unique = ["patient", "visited_on"]'
WARD = 'ward = { header = "WARD", type = "text",'
VERSION = """
[[extracts.visits.version]]
id = "to_2012"
until = 2012-12-31
says = "Cards."
missing = ["?"]
columns = { sex = { header = "GENDER", codes = "sex_letter" }, country = { missing = ["??"] } }
"""


def changed(*changes):
    """Return the contract with parts replaced."""
    contract = CONTRACT
    for old, new in changes:
        assert old in contract
        contract = contract.replace(old, new, 1)
    return contract


EVERYWHERE = changed((KEY, f'{KEY}\nmissing = ["N/A", "-9"]'))


@pytest.fixture
def ingested(tmp_path):
    def of(contract, content, name="a.csv"):
        study = SmallStudy(tmp_path / "study", {name: content})
        (study.folder / "clinic.toml").write_text(contract, encoding="utf-8")
        study.run()
        return study

    return of


def test_a_missing_value_is_empty_in_a_column_of_any_type(ingested):
    missing = dict.fromkeys(["PCODE", "DOSES", "COST", "URGENT", "COUNTRY", "WARD", "GUARDIAN_NHS"], " N/A ")
    study = ingested(EVERYWHERE, csv_text([row(**missing), row(PATIENT="P0002", DOSES="-9")]))
    columns = ["doses", "cost", "urgent", "country", "ward", "area", "guardian_nhs_number"]
    records = study.table("records/visits")
    assert records.select(columns).row(0) == (None,) * 7
    assert records["doses"].to_list() == [None, None]
    assert study.table("tokens/clinic")["postcode"][0] is None


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("PATIENT", "patient: missing"),
        ("SURNAME", "family_name: missing"),
        ("BORN", "born: missing"),
        ("SEX", "sex: missing"),
        ("VISIT", "visited_on: missing"),
    ],
)
def test_a_missing_value_that_is_required_sets_its_row_aside_as_missing(ingested, column, reason):
    study = ingested(strict(EVERYWHERE), csv_text([row(**{column: "N/A"}), row(PATIENT="P0002")]))
    assert study.table("quarantine/visits")["reasons"].to_list() == [[reason]]


def test_only_the_exact_text_is_missing(ingested):
    study = ingested(EVERYWHERE, csv_text([row(DOSES="n/a"), row(PATIENT="P0002", DOSES="N/A?")]))
    assert study.table("quarantine/visits")["reasons"].to_list() == [["doses: not a whole number"]] * 2


def test_a_column_has_its_own_missing_values_in_place_of_those_of_the_extract(ingested):
    contract = EVERYWHERE.replace(WARD, f'{WARD} missing = ["Z9"],')
    rows = [row(WARD="Z9"), row(PATIENT="P0002", WARD="N/A"), row(PATIENT="P0003", COUNTRY="N/A")]
    study = ingested(contract, csv_text(rows))
    assert study.table("records/visits").select("ward", "country").rows() == [(None, "PL"), ("A1", None)]
    assert study.table("quarantine/visits")["reasons"].to_list() == [["ward: does not match the pattern"]]


def test_a_name_may_be_what_is_missing_elsewhere(ingested):
    contract = changed(
        (KEY, f'{KEY}\nmissing = ["NA"]'),
        ('identifier = "family_name"', 'identifier = "family_name", missing = []'),
    )
    study = ingested(contract, csv_text([row(SURNAME="NA", WARD="NA")]))
    assert study.table("tokens/clinic")["family_name"][0] is not None
    assert study.table("records/visits")["ward"].to_list() == [None]


def test_numbers_of_a_typed_column_are_missing_as_texts_are(ingested):
    content = pl.DataFrame([row(), row(PATIENT="P0002")]).with_columns(DOSES=pl.Series([-9, 3]))
    study = ingested(EVERYWHERE, content, "a.parquet")
    assert study.table("records/visits")["doses"].to_list() == [None, 3]


def test_a_version_has_its_own_missing_values(ingested):
    values = row(VISIT="2012-05-04", GENDER="F", WARD="?", COUNTRY="??")
    del values["SEX"]
    study = ingested(EVERYWHERE + VERSION, csv_text([values, values | {"PATIENT": "P2", "WARD": "N/A"}], values))
    assert study.table("records/visits").select("ward", "country").rows() == [(None, None)]
    (reasons,) = study.table("quarantine/visits")["reasons"].to_list()
    assert "ward: does not match the pattern" in reasons


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(KEY, f'{KEY}\nmissing = ["2"]')], "'missing' has '2', which is a code of 'sex'"),
        ([('codes = "sex_number"', 'codes = "sex_number", missing = ["1"]')], "'missing' has '1', which is a code"),
        ([(KEY, f'{KEY}\nmissing = [" N/A"]')], "extracts.visits.missing"),
        ([(KEY, f'{KEY}\nmissing = [""]')], "extracts.visits.missing"),
        ([(KEY, f'{KEY}\nmissing = "N/A"')], "extracts.visits.missing"),
        ([(WARD, f"{WARD} missing = [9],")], "extracts.visits.columns.ward.missing"),
    ],
)
def test_a_mistake_names_file_and_place(tmp_path, changes, words):
    path = tmp_path / "clinic.toml"
    path.write_text(changed(*changes), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(f"{path}, key 'extracts.visits")
    assert words in str(error.value)


def test_the_data_dictionary_lists_them(tmp_path):
    path = tmp_path / "clinic.toml"
    contract = EVERYWHERE.replace(WARD, f'{WARD} missing = ["Z9"],').replace('"boolean",', '"boolean", missing = [],')
    path.write_text(contract + VERSION, encoding="utf-8")
    text = data_dictionary({"clinic": read_contract(path)})
    assert "Read as missing: `N/A`, `-9`, except in columns that name their own." in text
    assert "| `[A-Z][0-9]`; missing: `Z9` |" in text
    assert "0, FALSE, F, NO, N; missing: none |" in text
    version = text.split("Version `to_2012`")[1]
    assert "; missing: `??` |" in version
    assert "Read as missing: `?`." in version
