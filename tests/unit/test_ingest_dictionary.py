"""The data dictionary knows every source, extract, column and table."""

from pipeline.contracts import read_contracts
from pipeline.dictionary import data_dictionary
from pipeline.schemas import TABLES


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


def test_what_is_clear_is_said_to_become_a_token():
    text = data_dictionary(read_contracts())
    births = text.split("#### Extract `births`")[1].split("####")[0]
    assert (
        "| `date_of_birth` | `DATE_OF_BIRTH` | date `%Y-%m-%d` | from 2009-01-01 to data date | yes | token of"
        in births
    )
    assert "| no | token `mother_nhs_number` |" in births
    assert "| `sex` | `SEX` | code | F, M | yes | attribute |" in births
