"""The data dictionary contains every source, extract, version, column, code list and table."""

from pathlib import Path

import dataframely as dy

from pipeline import schemas
from pipeline.ingest.contracts import code_lists, read_contract, read_contracts
from pipeline.ingest.dictionary import data_dictionary
from pipeline.schemas import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "data_dictionary.md"


def test_the_page_is_what_the_command_prints():
    """If this fails, contracts or schemas have changed since: run `make dictionary`."""
    assert PAGE.read_text(encoding="utf-8") == data_dictionary(read_contracts())


def test_every_schema_class_is_a_table():
    classes = {one for one in vars(schemas).values() if isinstance(one, type) and issubclass(one, dy.Schema)}
    assert classes == set(TABLES.values())


def test_every_code_list_and_version_is_in_it():
    text = data_dictionary(read_contracts())
    lists = text.split("## Code lists")[1].split("## Tables")[0]
    for name, codes in code_lists().items():
        section = lists.split(f"### `{name}`\n")[1].split("###")[0]
        assert all(code in section and meaning in section for code, meaning in codes.items())
    for contract in read_contracts().values():
        for name, extract in contract.extracts.items():
            section = text.split(f"#### Extract `{name}`")[1].split("####")[0]
            for version in extract.version:
                section_of_version = section.split(f"Version `{version.id}` (")[1]
                assert version.says in section_of_version
                for column in version.columns:
                    assert (
                        f"| `{column}` | `{extract.layouts[version.id].columns[column].header}` |"
                        in section_of_version
                    )


def test_a_version_is_described_by_its_differences(tmp_path):
    path = tmp_path / "clinic.toml"
    path.write_text(CONTRACT_WITH_VERSIONS, encoding="utf-8")
    text = data_dictionary({"clinic": read_contract(path)})
    table = "| column | header in the file | type | allowed |\n| --- | --- | --- | --- |\n"
    assert (
        "Version `to_2012` (until 2012-12-31): Cards of paper.\n\n" + table + "| `sex` | `GENDER` | code | F, M |\n"
        "| `seen_on` | `DAY` | date `%d/%m/%Y` | from 2010-01-01 to data date |\n\n"
        "Not in these files: `ward`.\n\nOnly in these files: `room`.\n\n"
    ) in text


CONTRACT_WITH_VERSIONS = """
source = "clinic"
title = "Clinics"
says = "Visits."
person_key = "patient"

[extracts.visits]
says = "One row a visit."
unique = ["patient", "seen_on"]
dated_by = "seen_on"
absent = ["room"]

[extracts.visits.columns]
patient = { header = "PATIENT", type = "text", identifier = "patient_number" }
sex = { header = "SEX", type = "code", identifier = "sex", codes = "sex_number" }
seen_on = { header = "SEEN", type = "date", min = "2010-01-01", max = "data_date" }
ward = { header = "WARD", type = "text", pattern = "[A-Z]", required = false }
room = { header = "ROOM", type = "text", pattern = "[0-9]", required = false }

[[extracts.visits.version]]
id = "to_2012"
until = 2012-12-31
says = "Cards of paper."
columns = { sex = { header = "GENDER", codes = "sex_letter" }, seen_on = { header = "DAY", format = "%d/%m/%Y" } }
absent = ["ward"]
"""


def test_everything_is_in_it():
    contracts = read_contracts()
    text = data_dictionary(contracts)
    for source, contract in contracts.items():
        assert f"### `{source}`: {contract.title}" in text
        for name, extract in contract.extracts.items():
            section = text.split(f"#### Extract `{name}`")[1].split("####")[0]
            for column_name, column in extract.columns.items():
                assert f"| `{column_name}` | `{column.header}` |" in section
    for name, schema in TABLES.items():
        section = text.split(f"### `{name}`\n")[1].split("###")[0]
        assert all(f"| `{column}`" in section for column in schema.column_names())


def test_every_line_of_a_table_has_as_many_cells_as_its_head():
    width = None
    for line in data_dictionary(read_contracts()).splitlines():
        cells = line.replace("\\|", "").count("|")
        if line.startswith("|"):
            assert width in (None, cells), line
            width = cells
        else:
            width = None


def test_clear_identifiers_are_described_as_tokens():
    text = data_dictionary(read_contracts())
    births = text.split("#### Extract `births`")[1].split("####")[0]
    assert (
        "| `date_of_birth` | `DATE_OF_BIRTH` | date `%Y-%m-%d` | from 2009-01-01 to data date | no | token of"
        in births
    )
    assert "| no | token `mother_nhs_number` |" in births
    assert "| `sex` | `SEX` | code | F, M | yes | attribute |" in births
