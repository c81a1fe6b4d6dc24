"""A study replaces or extends a shipped contract, and says so; what it does not mention stays."""

from pathlib import Path

import pytest
from test_ingest_documents import examples

from estimation.required_extracts import check_required_columns
from pipeline.errors import UserError
from pipeline.ingest.contracts import CONTRACT_FOLDER, read_contracts


@pytest.fixture
def stated(tmp_path):
    """Return the contracts of a study with some contract files of its own."""

    def of(*texts):
        paths = [tmp_path / f"own_{number}.toml" for number in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text, encoding="utf-8")
        return read_contracts(tuple(paths))

    return of


def test_what_an_extension_does_not_mention_is_as_shipped(stated):
    assert stated('extends = "pr"') == read_contracts()
    with_title = stated('extends = "pr"\ntitle = "Our register"')
    shipped = read_contracts()
    assert with_title.pop("pr") == shipped.pop("pr").model_copy(update={"title": "Our register"})
    assert with_title == shipped


def test_columns_differ_in_the_keys_given_or_are_stated_in_full(stated):
    pr = stated("""
extends = "pr"
[extracts.pr]
ignore = ["PRACTICE"]
[extracts.pr.columns]
postcode = { header = "POST_CODE" }
flag_4 = { header = "FLAG4", type = "code", codes = { X = "yes" }, required = false }
sex = { codes = ["sex_number", { "0" = "", "9" = "" }] }
practice_size = { header = "SIZE", type = "integer", min = 0, max = 99999, required = false, in_every_file = false }
""")["pr"].extracts["pr"]
    shipped = read_contracts()["pr"].extracts["pr"]
    assert pr.columns["postcode"] == shipped.columns["postcode"].model_copy(update={"header": "POST_CODE"})
    assert (pr.columns["flag_4"].type, pr.columns["flag_4"].says) == ("code", "")
    assert pr.columns["sex"].codes == {"1": "M", "2": "F", "0": "", "9": ""}
    assert list(pr.columns)[-1] == "practice_size"
    assert [version.id for version in pr.version] == ["to_2015"]
    # the version's own differences still hold for its files
    assert pr.layouts["to_2015"].columns["postcode"].header == "POSTCODE"
    assert pr.ignore == pr.layouts["to_2015"].ignore == ("PRACTICE",)


def test_versions_are_merged_by_id_and_new_ones_added(stated):
    pr = stated("""
extends = "pr"
[[extracts.pr.version]]
id = "to_2015"
until = 2016-07-31
columns = { snapshot_date = { header = "CUT" } }
[[extracts.pr.version]]
id = "from_2019"
since = 2019-01-01
says = "A new system."
columns = { sex = { header = "GENDER" } }
""")["pr"].extracts["pr"]
    old, new = pr.version
    assert (old.id, str(old.until), old.columns["snapshot_date"].header) == ("to_2015", "2016-07-31", "CUT")
    assert old.columns["snapshot_date"].format == "%Y%m%d"
    assert old.columns["date_of_birth"].header == "DATE_BIRTH"
    assert (new.id, new.columns["sex"].header) == ("from_2019", "GENDER")


def test_versions_can_be_left_out(stated):
    assert stated('extends = "pr"\nextracts.pr.version = []')["pr"].extracts["pr"].version == ()


def test_code_lists_of_a_contract_gain_codes(stated):
    contracts = stated('extends = "exit_checks"\n[code_lists.visa_type]\nBNO = "family"')
    for extract in contracts["exit_checks"].extracts.values():
        assert extract.columns["visa_type"].codes["BNO"] == "family"
        assert extract.columns["visa_type"].codes["STU"] == "study"


def test_an_extension_of_an_extension(stated):
    first = 'extends = "pr"\n[extracts.pr.columns]\npostcode = { header = "P1" }\nflag_4 = { header = "F4" }'
    second = 'extends = "pr"\n[extracts.pr.columns]\npostcode = { header = "P2" }'
    columns = stated(first, second)["pr"].extracts["pr"].columns
    assert (columns["postcode"].header, columns["flag_4"].header) == ("P2", "F4")


def test_a_contract_replaces_another_only_if_it_says_so(stated):
    shipped = (CONTRACT_FOLDER / "mws.toml").read_text(encoding="utf-8")
    own = shipped.replace('header = "NATIONALITY"', 'header = "NATION"')
    with pytest.raises(UserError, match="'mws' already has a contract.*replaces = true.*extends = \"mws\""):
        stated(own)
    assert stated(f"replaces = true\n{own}")["mws"].extracts["mws"].columns["nationality"].header == "NATION"


def test_the_example_of_the_documentation_reads_files_without_a_first_day(stated):
    (text,) = (one for one in examples() if 'extends = "' in one)
    hesa = stated(text)["hesa"].extracts["hesa"]
    assert hesa.delivered["year_start"].header == "ACYEAR"
    assert hesa.columns["year_start"].type == "year"
    assert "academic_year" not in hesa.delivered


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('extends = "prr"', "key 'extends': unknown source 'prr'. Did you mean 'pr'?"),
        ("extends = 3", "key 'extends': unknown source '3'"),
        ('extends = "pr"\nreplaces = true', "either extends another or replaces it"),
        ('extends = "pr"\nsource = "pds"', "key 'source': a contract that extends 'pr' is about that source"),
        ('replaces = "yes"\nsource = "pr"', "key 'replaces': it must be true or false"),
        ('replaces = true\nsource = "prr"', "key 'replaces': unknown source 'prr'. Did you mean 'pr'?"),
        ('extends = "pr"\n[extracts.pr.columns]\nsex = { heading = "S" }', "Did you mean 'header'?"),
        ('extends = "pr"\n[extracts.pr.columns]\nward = { header = "W" }', "columns.ward.type' is missing"),
        ('extends = "pr"\n[extracts.pr.columns]\nflag_4 = { min = 0 }', "extracts.pr.columns.flag_4"),
        ('extends = "pr"\nextracts = 3', "key 'extracts'"),
        ('extends = "pr"\n[extracts]\npr = 3', "key 'extracts.pr'"),
        ('extends = "pr"\n[extracts.pr]\ncolumns = 3', "key 'extracts.pr.columns'"),
        ('extends = "pr"\n[extracts.pr]\nversion = [{ id = "a" }, { id = "a" }]', "extracts.pr.version.0.says"),
        ('extends = "pr"\n[extracts.pds]\nsays = "x"', "extracts.pds.columns"),
        ('extends = "pr"\nextracts.pr.unique = ["nhs_no"]', "'unique' names 'nhs_no'"),
    ],
)
def test_a_mistake_names_the_file_of_the_study_and_the_place(stated, tmp_path, text, words):
    with pytest.raises(UserError) as error:
        stated(text)
    assert str(error.value).startswith(str(tmp_path / "own_0.toml"))
    assert words in str(error.value)


def test_an_extract_of_another_source_cannot_be_taken(stated, tmp_path):
    shipped = (CONTRACT_FOLDER / "births.toml").read_text(encoding="utf-8")
    with pytest.raises(UserError) as error:
        stated("replaces = true\n" + shipped.replace("extracts.births", "extracts.deaths"))
    assert str(error.value) == (
        f"{tmp_path / 'own_0.toml'}: the extract 'deaths' already belongs to 'deaths'. Rename it."
    )


@pytest.mark.parametrize(
    ("source", "old", "new", "words"),
    [
        ("deaths", "date_of_death", "died_on", "'deaths' has no column 'date_of_death' of type 'date', and"),
        ("coverage_survey", 'type = "decimal"', 'type = "integer"', "no column 'weight' of type 'decimal'"),
        ("births", ', identifier = "date_of_birth"', "", "the extract 'births' has no date of birth"),
        ("births", "registration_date", "registered_on", "'births' has no column 'registration_date' of type 'date'"),
        ("births", ', required = true, unusable = "quarantine"', "", "the extract 'births' lets 'sex' be empty"),
        ("deaths", ', required = true, unusable = "quarantine"', "", "the extract 'deaths' lets 'sex' be empty"),
        (
            "deaths",
            'identifier = "date_of_birth", required = true',
            'identifier = "date_of_birth"',
            "lets 'date_of_birth' be empty",
        ),
        (
            "coverage_survey",
            'identifier = "date_of_birth", required = true, unusable = "quarantine"',
            'identifier = "date_of_birth", required = true',
            "lets 'date_of_birth' be empty",
        ),
    ],
)  # fmt: skip
def test_estimates_say_which_column_a_contract_of_the_study_must_keep(stated, source, old, new, words):
    check_required_columns(read_contracts(), Path("study.toml"))
    shipped = (CONTRACT_FOLDER / f"{source}.toml").read_text(encoding="utf-8")
    contracts = stated("replaces = true\n" + shipped.replace(old, new))
    with pytest.raises(UserError) as error:
        check_required_columns(contracts, Path("study.toml"))
    assert words in str(error.value)
