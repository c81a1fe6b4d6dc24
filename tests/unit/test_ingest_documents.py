"""The contract that the documentation shows is a contract."""

import re
from pathlib import Path

from pipeline.columns import Column
from pipeline.contracts import read_contract

DOCS = Path(__file__).parents[2] / "docs"


def test_the_example_of_a_contract_can_be_read(tmp_path):
    text = (DOCS / "source_contracts.md").read_text(encoding="utf-8")
    (tmp_path / "clinic.toml").write_text(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0], encoding="utf-8")
    contract = read_contract(tmp_path / "clinic.toml")
    assert contract.person_key_kind == "patient_number"
    assert contract.extracts["clinic_visits"].dated_by == "visited_on"


def test_every_key_of_a_column_is_explained():
    text = (DOCS / "source_contracts.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))))
    assert set(Column.model_fields) <= explained
