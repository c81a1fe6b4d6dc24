"""Checks across columns: an end is not before its start, and a birth not after its registration."""

from datetime import date

import pytest
from small_study import CONTRACT, SmallStudy, csv_text, row, strict

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract, read_contracts
from pipeline.ingest.order_check import OrderCheck

KEY = 'unique = ["patient", "visited_on"]'
LEFT = 'left_on = { header = "LEFT", type = "datetime", required = false, planned = true }\n'


def checked(*checks):
    contract = CONTRACT.replace(KEY, f"{KEY}\ncheck = [{', '.join(checks)}]")
    return contract.replace("[extracts.visits.columns]\n", f"[extracts.visits.columns]\n{LEFT}")


@pytest.fixture
def ingested(tmp_path):
    def of(contract, *rows):
        rows = [row(LEFT="") | one | {"PATIENT": f"P{number:04d}"} for number, one in enumerate(rows, 1)]
        study = SmallStudy(tmp_path / "study", {"a.csv": csv_text(rows, rows[0])})
        (study.folder / "clinic.toml").write_text(contract, encoding="utf-8")
        study.run()
        return study

    return of


def test_rows_out_of_order_are_quarantined_with_a_reason_of_their_own(ingested):
    contract = checked(
        '{ column = "left_on", not_before = "visited_on" }', '{ column = "born", not_after = "visited_on" }'
    )
    study = ingested(
        strict(contract),
        {"LEFT": "2016-05-03T23:59:59"},  # the day before the visit
        {"LEFT": "2016-05-04T00:00:00"},
        {"LEFT": ""},
        {"LEFT": "2031-01-01T00:00:00"},
        {"BORN": "05/05/2016"},
        {"BORN": "04/05/2016"},
        {"LEFT": "2016-01-01T00:00:00", "BORN": "05/05/2016"},
        {"LEFT": "2016-01-01T00:00:00", "VISIT": "never"},
    )
    assert study.table("quarantine/visits").select("row_number", "reasons").rows() == [
        (1, ["left_on: before visited_on"]),
        (5, ["born: after visited_on"]),
        (7, ["left_on: before visited_on", "born: after visited_on"]),
        (8, ["visited_on: not a date in the format YYYY-MM-DD"]),
    ]
    assert study.table("records/visits").select("left_on").to_series().to_list() == [
        date(2016, 5, 4), None, date(2031, 1, 1), None,
    ]  # fmt: skip


def test_a_version_without_the_column_is_not_checked(ingested):
    version = (
        '\n[[extracts.visits.version]]\nid = "to_2012"\nuntil = 2012-12-31\nsays = "No end."\nabsent = ["left_on"]\n'
    )
    study = ingested(
        checked('{ column = "left_on", not_before = "visited_on" }') + version, {"LEFT": "2016-05-03T00:00:00"}
    )
    assert study.table("ledger")["quarantined"].to_list() == [1]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ('{ column = "left_on" }', "needs 'not_before' or 'not_after'"),
        ('{ column = "left_on", not_before = "born", not_after = "born" }', "needs 'not_before' or 'not_after'"),
        ('{ column = "left_on", not_before = "left_on" }', "compares 'left_on' with itself"),
        ('{ column = "left_no", not_before = "born" }', "a check names 'left_no', which is not a column"),
        (
            '{ column = "left_on", not_before = "doses" }',
            "a check of dates names 'doses', which is of type 'integer'",
        ),
        ('{ column = "left_on", not_befor = "born" }', "unknown key 'not_befor'. Did you mean 'not_before'?"),
    ],
)
def test_a_mistake_in_a_check_names_file_and_place(tmp_path, check, words):
    path = tmp_path / "clinic.toml"
    path.write_text(checked(check), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(str(path))
    assert words in str(error.value)


def test_the_shipped_contracts_check_ends_and_registrations():
    checks = {
        (name, check.column, check.other)
        for contract in read_contracts().values()
        for name, extract in contract.extracts.items()
        for check in extract.check
        if isinstance(check, OrderCheck)
    }
    assert {
        ("births", "date_of_birth", "registration_date"),
        ("deaths", "date_of_death", "registration_date"),
        ("exit_checks_visas", "valid_to", "valid_from"),
        ("hesa", "end_date", "commencement_date"),
    } <= checks
