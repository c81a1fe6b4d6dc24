"""The contract and the version shown in the documentation are valid, and every key of them is explained."""

import re
from pathlib import Path

import pytest

from pipeline.ingest.columns import PARTS_OF_A_PERSON, Column
from pipeline.ingest.contracts import SourceContract, read_contract
from pipeline.ingest.extract_contract import Difference, Extract, Version

DOCS = Path(__file__).parents[2] / "docs"


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / "source_contracts.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_a_version_can_be_read(tmp_path):
    contract, version = examples()[0], next(one for one in examples() if "[[extracts." in one)
    (tmp_path / "clinic.toml").write_text(f"{contract}\n{version}", encoding="utf-8")
    layout = read_contract(tmp_path / "clinic.toml").extracts["clinic_visits"].layouts["to_2012"]
    assert layout.delivered["sex"].header == "GENDER"
    assert "nhs_number" not in layout.delivered


def test_every_key_of_a_version_is_explained():
    section = (DOCS / "source_contracts.md").read_text(encoding="utf-8").split("## Versions")[1].split("\n## ")[0]
    explained = set(re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
    assert set(Version.model_fields) == explained
    assert all(f"`{key}`" in section for key in Difference.model_fields)


def test_the_example_of_a_contract_can_be_read(tmp_path):
    (tmp_path / "clinic.toml").write_text(examples()[0], encoding="utf-8")
    contract = read_contract(tmp_path / "clinic.toml")
    assert contract.person_key_kind == "patient_number"
    assert contract.extracts["clinic_visits"].dated_by == "visited_on"


def test_every_key_of_a_column_is_explained():
    text = (DOCS / "source_contracts.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))))
    assert set(Column.model_fields) <= explained


@pytest.mark.parametrize(("heading", "model"), [("a source", SourceContract), ("an extract", Extract)])
def test_every_key_of_a_source_and_of_an_extract_is_explained(heading, model):
    section = (DOCS / "source_contracts.md").read_text(encoding="utf-8").split(f"## Keys of {heading}\n")[1]
    rows = re.findall(r"^\| (`.*?) \|", section.split("\n## ")[0], re.MULTILINE)
    assert set(re.findall(r"`([a-z_]+)`", "".join(rows))) >= set(model.model_fields)


def test_every_kind_of_identifier_is_explained():
    section = (DOCS / "source_contracts.md").read_text(encoding="utf-8").split("### Kinds of identifiers\n")[1]
    rows = re.findall(r"^\| (`.*?) \|", section.split("\n### ")[0], re.MULTILINE)
    assert set(re.findall(r"`([a-z_]+)`", "".join(rows))) == set(PARTS_OF_A_PERSON)
