"""An identifier that cannot be used is null and its row stays: one bad value costs nobody a chance to be linked."""

import json
from datetime import date

import polars as pl
import pytest
from canary import find_clear
from small_study import CONTRACT, SmallStudy, csv_text, row, strict

from pipeline.errors import UserError
from pipeline.ingest.check import check
from pipeline.ingest.contracts import read_contract, read_contracts

KEY = 'unique = ["patient", "visited_on"]'
SEX = 'identifier = "sex"'


@pytest.fixture
def ingested(tmp_path):
    def of(*rows, contract=CONTRACT):
        numbered = [{"PATIENT": f"P{number:04d}"} | one for number, one in enumerate(rows, 1)]
        study = SmallStudy(
            tmp_path / "study", {"a.csv": csv_text([row(**one) for one in numbered])}, contract=contract
        )
        study.result = study.run()
        return study

    return of


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"BORN": "30/02/1981"}, "born"),
        ({"BORN": "1981-03-07"}, "born"),
        ({"BORN": "07/03/1899"}, "born"),
        ({"BORN": "01/01/2020"}, "born"),
        ({"BORN": "07/03/0081"}, "born"),
        ({"SEX": "7"}, "sex"),
        ({"SEX": "ZOË"}, "sex"),
        ({"GUARDIAN_NHS": "943"}, "guardian"),
    ],
)
def test_a_value_that_cannot_be_used_is_null_and_counted(ingested, change, column):
    study = ingested(change, {})
    assert study.table("ledger").select("accepted", "quarantined", "reasons", "unusable").row(0) == (
        2, 0, "{}", json.dumps({column: 1}),
    )  # fmt: skip
    one, other = study.table("records/visits").to_dicts()
    null = {"born": "birth_month", "sex": "sex", "guardian": "guardian_nhs_number"}[column]
    assert one[null] is None
    assert other[null] is not None
    assert [name for name in one if name not in ("record_id", "subject_id", null) and one[name] != other[name]] == []
    tokens = study.table("tokens/clinic")
    if column != "guardian":
        kind = {"born": "date_of_birth", "sex": "sex"}[column]
        assert [value is None for value in tokens[kind]] == [True, False]


def test_what_is_missing_is_not_unusable(ingested):
    study = ingested({"BORN": "", "SEX": "", "FORENAME": "", "SURNAME": "", "PCODE": "", "GUARDIAN_NHS": ""})
    assert study.table("ledger").select("accepted", "unusable").row(0) == (1, "{}")
    assert study.result.warnings == ()


def test_a_required_identifier_that_is_missing_sets_its_row_aside(ingested):
    contract = CONTRACT.replace(SEX, f"{SEX}, required = true")
    study = ingested({"SEX": ""}, {"SEX": "7"}, {}, contract=contract)
    assert study.table("quarantine/visits")["reasons"].to_list() == [["sex: missing"]]
    assert study.table("ledger").select("accepted", "unusable").row(0) == (2, '{"sex": 1}')


def test_the_person_key_and_what_is_no_identifier_still_cost_the_row(ingested):
    study = ingested({"PATIENT": "X"}, {"VISIT": "2016-02-30"}, {"COUNTRY": "ATLANTIS"}, {"DOSES": "x"})
    assert study.table("ledger").select("accepted", "quarantined", "unusable").row(0) == (0, 4, "{}")


def test_unusable_values_of_quarantined_and_repeated_rows_are_not_counted_and_not_written(ingested):
    study = ingested(
        {"SEX": "Rassendyll", "DOSES": "12"},
        {"PATIENT": "P0009"},
        {"PATIENT": "P0009", "SEX": "Rassendyll"},
        {"PATIENT": "P0009", "VISIT": "2016-05-05", "SEX": "Rassendyll"},
    )
    assert study.table("ledger").select("accepted", "quarantined", "unusable").row(0) == (2, 2, '{"sex": 1}')
    assert study.table("quarantine/visits")["sex"].to_list() == ["(withheld)"] * 2
    assert study.table("quarantine/visits")["reasons"].to_list()[0] == ["doses: above 9"]
    assert find_clear(study.out, ["Rassendyll"]) == []


def test_quarantine_can_be_stated_and_so_can_null_for_an_attribute(ingested):
    contract = CONTRACT.replace(SEX, f'{SEX}, unusable = "quarantine"').replace(
        'header = "COUNTRY",', 'header = "COUNTRY", unusable = "null",'
    )
    study = ingested({"SEX": "7"}, {"COUNTRY": "ATLANTIS"}, {}, contract=contract)
    assert study.table("quarantine/visits")["reasons"].to_list() == [["sex: code '7' is not in the code list"]]
    assert study.table("records/visits")["country"].to_list() == [None, "PL"]
    assert study.table("ledger")["unusable"].to_list() == ['{"country": 1}']
    assert find_clear(study.out, ["ATLANTIS"]) == []


CHECKED = CONTRACT.replace(KEY, f'{KEY}\ncheck = [{{ column = "born", not_after = "visited_on" }}]')


def test_a_birth_after_the_event_costs_the_date_of_birth_and_not_the_row(ingested):
    study = ingested({"BORN": "05/05/2016"}, {"BORN": "04/05/2016"}, {"BORN": "x"}, contract=CHECKED)
    assert study.table("records/visits")["birth_month"].to_list() == [None, date(2016, 5, 1), None]
    assert study.table("records/visits")["visited_on"].to_list() == [date(2016, 5, 4)] * 3
    assert study.table("ledger").select("quarantined", "unusable").row(0) == (0, '{"born": 2}')


def test_a_registered_birth_stays_when_its_date_is_after_the_registration():
    born = pl.DataFrame({"date_of_birth": ["2016-05-04", "2016-05-05", "2016-02-30", None], "file": "births.csv"})
    extract = read_contracts()["births"].extracts["births"]
    fixed = {"nhs_number": "0000000000", "sex": "F", "registration_date": "2016-05-04"}
    texts = born.with_row_index("row_number", offset=1).with_columns(
        *(pl.lit(fixed.get(name), pl.String).alias(name) for name in extract.columns if name != "date_of_birth")
    )
    numbered = texts.with_columns(
        pl.col("row_number").cast(pl.Int64), nhs_number=pl.lit("000000000") + pl.col("row_number").cast(pl.String)
    )
    checked = check(numbered, extract, date(2019, 12, 31))
    assert checked.quarantined.is_empty()
    assert checked.accepted["date_of_birth"].to_list() == [date(2016, 5, 4), None, None, None]
    assert checked.unusable.select("column", "cause", "rows").rows() == [
        ("date_of_birth", "date_of_birth: after registration_date", 1),
        ("date_of_birth", "date_of_birth: not a date in the format YYYY-MM-DD", 1),
    ]


def test_the_date_of_a_moment_can_be_the_date_of_birth(ingested):
    contract = CONTRACT.replace(
        'type = "date"\nformat = "%d/%m/%Y"\nidentifier', 'type = "datetime"\nformat = "%d/%m/%Y %H:%M"\nidentifier'
    )
    study = ingested({"BORN": "07/03/1981 23:59"}, {"BORN": "07/03/1981 25:59"}, contract=contract)
    assert study.table("records/visits")["birth_month"].to_list() == [date(1981, 3, 1), None]
    assert study.table("ledger").select("quarantined", "unusable").row(0) == (0, '{"born": 1}')


def test_a_number_that_fails_its_check_is_null_and_a_missing_one_is_missing(ingested):
    contract = CONTRACT.replace('pattern = "[0-9]{10}"\n', 'check_digit = "nhs_number"\n')
    study = ingested({"GUARDIAN_NHS": "943 476 5918"}, {"GUARDIAN_NHS": ""}, {}, contract=contract)
    assert study.table("records/visits")["guardian_nhs_number"].is_null().to_list() == [True, True, False]
    assert study.table("ledger").select("quarantined", "unusable").row(0) == (0, '{"guardian": 1}')
    key = CONTRACT.replace('pattern = "P[0-9]{4}"', 'check_digit = "nino"')
    study = ingested({}, contract=key)
    assert study.table("quarantine/visits")["reasons"].to_list() == [["patient: fails the check 'nino'"]]


def test_the_identifier_is_at_fault_whichever_of_the_two_a_check_is_about(ingested):
    contract = CHECKED.replace(
        'column = "born", not_after = "visited_on"', 'column = "visited_on", not_before = "born"'
    )
    study = ingested({"BORN": "05/05/2016"}, {}, contract=contract)
    assert study.table("records/visits")["birth_month"].to_list() == [None, date(1981, 3, 1)]
    (warning,) = study.result.warnings
    assert warning == (
        "a.csv: 1 value of 'born' in 2 accepted rows cannot be used and are empty, most often because of "
        "'visited_on: before born'. Compare the file with its contract."
    )


def test_a_birth_after_the_event_costs_the_row_where_that_is_stated(ingested):
    study = ingested({"BORN": "05/05/2016"}, {}, contract=strict(CHECKED))
    assert study.table("quarantine/visits")["reasons"].to_list() == [["born: after visited_on"]]


def test_a_value_that_is_null_by_one_check_fails_no_other(ingested):
    """The visit's own date is fine; the child is older than its guardian, whose date alone is at fault."""
    guardian = '\n[extracts.visits.columns.elder]\nheader = "WARD"\ntype = "date"\nformat = "%d/%m/%Y"\n'
    guardian += 'identifier = "date_of_birth"\nof = "guardian"\n'
    contract = CONTRACT.replace(
        'ward = { header = "WARD", type = "text", pattern = "[A-Z][0-9]", required = false }\n', ""
    )
    checks = '{ column = "elder", not_after = "visited_on" }, { column = "born", not_before = "elder" }'
    contract = contract.replace(KEY, f"{KEY}\ncheck = [{checks}]") + guardian
    study = ingested({"WARD": "05/05/2016"}, {"WARD": "08/03/1981"}, {"WARD": "07/03/1981"}, contract=contract)
    assert study.table("ledger")["unusable"].to_list() == ['{"born": 1, "elder": 1}']
    assert study.table("records/visits")["birth_month"].to_list() == [date(1981, 3, 1), None, date(1981, 3, 1)]


def test_a_warning_names_the_column_of_which_many_values_cannot_be_used_and_the_commonest_cause(ingested):
    bad = [{"BORN": "01/01/2020"}] * 2 + [{"BORN": "7.3.1981"}] * 3
    few = ingested(*bad, *[{}] * 95)
    assert few.result.warnings == ()
    (warning,) = ingested(*bad, *[{}] * 94).result.warnings
    assert warning == (
        "a.csv: 5 values of 'born' in 99 accepted rows cannot be used and are empty, most often because of "
        "'born: not a date in the format DD/MM/YYYY'. Compare the file with its contract."
    )


def test_each_version_has_its_own_causes(tmp_path):
    version = '\n[[extracts.visits.version]]\nid = "old"\nuntil = 2012-12-31\nsays = "Old."\n'
    version += 'columns = { born = { header = "DOB", format = "%Y%m%d" } }\n'
    old = [row(BORN="", VISIT="2012-01-01") for _ in range(3)]
    old = [{name: value for name, value in one.items() if name != "BORN"} | {"DOB": "1981-03-07"} for one in old]
    new = [row(PATIENT=f"P{number:04d}", BORN="19810307") for number in range(2)]
    old = [one | {"PATIENT": f"P1{number:03d}"} for number, one in enumerate(old)]
    study = SmallStudy(
        tmp_path / "s", {"new.csv": csv_text(new), "old.csv": csv_text(old, old[0])}, contract=CONTRACT + version
    )
    warnings = study.run().warnings
    assert [one.split("because of ")[1].split(".")[0] for one in warnings] == [
        "'born: not a date in the format DD/MM/YYYY'", "'born: not a date in the format YYYYMMDD'",
    ]  # fmt: skip
    assert study.table("ledger").select("file", "unusable").rows() == [
        ("new.csv", '{"born": 2}'), ("old.csv", '{"born": 3}'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'identifier = "patient_number"',
            'identifier = "patient_number", unusable = "null"',
            "'patient' tells records apart or orders them",
        ),
        ('says = "One row', 'unique = ["born"]\nsays = "One row', "'patient' has no subject"),
        (
            'header = "VISIT", type = "date"',
            'header = "VISIT", required = false, unusable = "null", type = "date"',
            "'visited_on' tells records apart or orders them",
        ),
        (
            'header = "WARD", type = "text", pattern = "[A-Z][0-9]", required = false',
            'header = "WARD", type = "text", pattern = "[A-Z][0-9]", unusable = "null"',
            "must be 'required = false'",
        ),
        ('header = "SEX"', 'header = "SEX", unusable = "drop"', "Input should be 'null' or 'quarantine'"),
    ],
)
def test_what_cannot_become_null_is_refused(tmp_path, old, new, words):
    assert old in CONTRACT
    path = tmp_path / "clinic.toml"
    text = CONTRACT.replace(old, new)
    if "has no subject" in words:
        text = text.replace(KEY, "").replace('"patient_number"', '"patient_number", unusable = "null"')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert words in str(error.value)


def test_an_identifier_that_tells_records_apart_costs_the_row(ingested):
    contract = CONTRACT.replace(KEY, 'unique = ["patient", "guardian"]')
    study = ingested({"GUARDIAN_NHS": "943"}, {}, contract=contract)
    assert study.table("quarantine/visits")["reasons"].to_list() == [["guardian: does not match the pattern"]]
