"""Source contracts: those of Sojourn are consistent, and an error in one names its place."""

import pytest

from pipeline.errors import UserError
from pipeline.ingest.contracts import CONTRACT_FOLDER, read_contract, read_contracts

LIBRARY = """
source = "library"
title = "Library cards"
says = "People with a library card."
person_key = "card"

[extracts.library]
says = "One row a card."
unique = ["card"]

[extracts.library.columns]
card = { header = "CARD", type = "text", identifier = "library_card" }
sex = { header = "SEX", type = "code", identifier = "sex", codes = "sex_letter" }
joined = { header = "JOINED", type = "date", min = "2000-01-01", max = "data_date" }
"""
OTHER_CARD = 'other = { header = "O", type = "text", identifier = "library_card", direct = true }'


def contract_file(tmp_path, text):
    path = tmp_path / "library.toml"
    path.write_text(text)
    return path


def test_the_shipped_contracts_cover_the_sources():
    contracts = read_contracts()
    assert set(contracts) == {
        "activity", "births", "coverage_survey", "deaths", "exit_checks", "hesa", "mws", "pds", "pr", "review_sample",
        "benefits", "earnings", "families", "leave", "settlement_scheme", "passenger_survey", "link_review",
    }  # fmt: skip


def test_what_sources_share_is_declared_alike():
    contracts = read_contracts()
    for source in ("pds", "pr", "births"):
        assert "nhs_number" in contracts[source].identifier_kinds
    assert contracts["mws"].person_key_kind == contracts["activity"].person_key_kind == "encrypted_nino"
    for source, contract in contracts.items():
        if source not in ("review_sample", "link_review", "exit_checks", "passenger_survey"):
            assert {"given_name", "family_name", "date_of_birth", "sex", "postcode"} <= contract.identifier_kinds, (
                source
            )
    # passengers are asked about their journey, never who they are
    assert contracts["passenger_survey"].identifier_kinds == {"contact_number"}
    assert "postcode" not in contracts["exit_checks"].identifier_kinds


def test_what_corroborates_is_declared_alike_wherever_sources_have_it():
    declared = {
        (source, column.corroborates)
        for source, contract in read_contracts().items()
        for extract in contract.extracts.values()
        for column in extract.columns.values()
    }
    assert {source for source, kind in declared if kind == "nationality"} == {
        "coverage_survey", "exit_checks", "hesa", "leave", "mws", "settlement_scheme",
    }  # fmt: skip
    assert {source for source, kind in declared if kind == "first_arrival"} == {
        "coverage_survey", "exit_checks", "hesa", "mws", "pds", "pr",
    }  # fmt: skip
    assert {source for source, kind in declared if kind == "country_of_birth"} == {"pds"}


def test_what_is_counted_by_sex_or_age_costs_the_row_and_so_does_a_match_that_a_reviewer_found():
    contracts = read_contracts()
    spared = {
        name: set(extract.nulled) for contract in contracts.values() for name, extract in contract.extracts.items()
    }
    assert not spared["births"] & {"sex"}
    assert not spared["deaths"] & {"sex", "date_of_birth"}
    assert not spared["coverage_survey"] & {"sex", "date_of_birth"}
    assert not spared["review_sample"]  # an empty match means that there is none
    assert {"given_name", "family_name", "date_of_birth", "sex", "postcode"} <= spared["pds"]


def test_records_keep_no_clear_identifier():
    for contract in read_contracts().values():
        for extract in contract.extracts.values():
            kept = {column.identifier for column in extract.attributes.values() if column.identifier}
            assert kept <= {"sex"}


def test_every_source_says_what_it_is_and_every_extract_its_grain():
    for contract in read_contracts().values():
        assert contract.title
        assert contract.says.endswith(".")
        assert all(extract.says.startswith("One row") for extract in contract.extracts.values())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('codes = "sex_letter"', 'codes = "sex_leter"', "Did you mean 'sex_letter'"),
        ('person_key = "card"', 'person_key = "number"', "needs the person key 'number'"),
        ('unique = ["card"]', 'unique = ["kard"]', "which is not a column"),
        ('type = "date"', 'type = "day"', "library.columns.joined.type"),
        ('header = "JOINED"', 'heading = "JOINED"', "Did you mean 'header'"),
        (', codes = "sex_letter"', "", "needs 'codes'"),
        ('identifier = "library_card"', 'identifier = "library_card", pattern = "["', "not a regular expression"),
        ('identifier = "library_card"', 'identifier = "library_card", pattern = "(?=a)"', "not a regular expression"),
        ('identifier = "library_card"', 'identifier = "library_card", required = false', "required, as a direct"),
        ('identifier = "library_card"', 'identifier = "postcode"', "as a direct identifier"),
        ('type = "text"', 'type = "integer", min = 0, max = 9', "must be of type 'text'"),
        ('"sex_letter"', '{ F = "female", M = "male" }', "must map to 'F' and 'M'"),
        ('identifier = "sex", codes', 'identifier = "date_of_birth", codes', "must be of type 'date'"),
        ('type = "date", min = "2000-01-01", max = "data_date"', 'type = "text"', "needs a 'pattern'"),
        (
            'type = "date", min = "2000-01-01", max = "data_date"',
            'type = "integer", min = 0',
            "needs 'min' and 'max'",
        ),
        ('min = "2000-01-01"', "min = 2000", "cannot be 2000"),
        ('type = "date"', 'type = "date", format = "%Y-%m"', "must give year, month and day"),
        ('type = "date"', 'type = "date", format = "%Q"', "must give year, month and day"),
        ('type = "date"', 'type = "date", pattern = "2.*"', "only a column of type 'text'"),
        ('unique = ["card"]', 'unique = ["card"]\ndated_by = "sex"', "not the date of an event"),
        ('unique = ["card"]', "unique = []", "extract 'library' needs 'unique'"),
        ("joined =", "area =", "'area' cannot name a column"),
        ("joined =", "Joined =", "'Joined' cannot name a column"),
        ('header = "JOINED"', 'header = "Sex"', "two columns have SEX"),
        (
            "\n[extracts.library.columns]",
            f"\n[extracts.library.columns]\n{OTHER_CARD}",
            "two columns have the identifier library_card",
        ),
    ],
)
def test_a_mistake_in_a_contract_names_file_and_place(tmp_path, old, new, words):
    path = contract_file(tmp_path, LIBRARY.replace(old, new))
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_a_new_source_joins_those_of_the_package(tmp_path):
    contracts = read_contracts((contract_file(tmp_path, LIBRARY),))
    assert contracts["library"].person_key_kind == "library_card"


def test_a_source_or_extract_has_one_contract(tmp_path):
    with pytest.raises(UserError, match="already has a contract"):
        read_contracts((CONTRACT_FOLDER / "mws.toml",))
    clash = contract_file(tmp_path, LIBRARY.replace("extracts.library", "extracts.mws"))
    with pytest.raises(UserError, match="already belongs to 'mws'"):
        read_contracts((clash,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LIBRARY[LIBRARY.index("[extracts") :], "extracts = 3"),
        (LIBRARY[LIBRARY.index("[extracts") :], "[extracts]"),
        (LIBRARY[LIBRARY.index("[extracts") :], "[extracts]\nlibrary = 3"),
        (LIBRARY[LIBRARY.index("[extracts.library.columns]") :], "columns = 3"),
        ("joined = {", "wrong = 3\njoined = {"),
        ('source = "library"', 'source = "library"\ncode_lists = { sex_letter = 3 }'),
        ('codes = "sex_letter"', "codes = [[1]]"),
        ("extracts.library", 'extracts."../../library"'),
        ('identifier = "library_card"', 'identifier = "../card"'),
        ('identifier = "library_card"', 'identifier = "library_card", pattern = "(?x) a # "'),
        ('identifier = "library_card"', f"identifier = 'library_card', pattern = '{'(' * 500}a{')' * 500}'"),
        ('min = "2000-01-01"', 'min = "2000-01-01", max = "1999-01-01" #'),
    ],
)
def test_a_contract_of_the_wrong_shape_is_one_short_paragraph(old, new, tmp_path):
    assert old in LIBRARY
    text = LIBRARY.replace(old, new)
    if "#" in new and "max" in new:
        text = text.replace(' #, max = "data_date" }', " }")
    path = contract_file(tmp_path, text)
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(str(path))
    assert all(len(line) < 400 + len(str(path)) for line in str(error.value).splitlines())


def test_a_direct_identifier_other_than_the_person_key_is_not_required(tmp_path):
    """A number that helps to link is no reason to lose the row without it, unless the contract says so."""
    number = '{ header = "NHS", type = "text", identifier = "nhs_number", direct = true }'
    key = '{ header = "ID", type = "text", identifier = "council_number" }'
    asked = '{ header = "NINO", type = "text", identifier = "nino", direct = true, required = true }'
    path = tmp_path / "council.toml"
    path.write_text(
        'source = "council"\nperson_key = "key"\n[extracts.council]\nunique = ["key"]\n[extracts.council.columns]\n'
        f"key = {key}\nnumber = {number}\nasked = {asked}\n"
    )
    columns = read_contract(path).extracts["council"].columns
    assert {name: column.required for name, column in columns.items()} == {
        "key": True,
        "number": False,
        "asked": True,
    }
