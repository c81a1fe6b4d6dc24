"""Subjects with and without a key of their own, and the names by which outputs know them."""

from datetime import date

import polars as pl
import pytest
from canary import find_clear
from small_study import KEY, SmallStudy

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract
from pipeline.ingest.ingest import ingest
from pipeline.ingest.stages import IngestStudy
from pipeline.ingest.subjects import named_by_row
from pipeline.stage import StageContext
from pipeline.study import read_study

LEAST = """
source = "list"

[extracts.list.columns]
given_name = { header = "first", type = "text", identifier = "given_name" }
born = { header = "born", type = "date", identifier = "date_of_birth" }
"""
SERIAL = 'serial = { header = "id", type = "text", pattern = "[a-z0-9-]+" }'
KEYED = 'who = { header = "who", type = "text", identifier = "member_number" }'


def public(contract, name="serial"):
    return contract.replace('source = "list"', f'source = "list"\npublic_id = "{name}"') + SERIAL + "\n"


def keyed(contract):
    contract = contract.replace('source = "list"', 'source = "list"\nperson_key = "who"')
    return contract.replace(
        "[extracts.list.columns]", f'[extracts.list]\nunique = ["who", "born"]\n\n[extracts.list.columns]\n{KEYED}'
    )


@pytest.fixture
def ingested(tmp_path):
    def of(contract, **files):
        (tmp_path / "list.toml").write_text(contract, encoding="utf-8")
        (tmp_path / "a.key").write_text(KEY)
        for name, text in files.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        (tmp_path / "study.toml").write_text(
            f'name = "small"\ndata_date = {date(2019, 12, 31)}\nkey_file = "a.key"\ncontracts = ["list.toml"]\n'
            f'[[extract]]\nname = "list"\nfiles = {[f"{name}.csv" for name in files]}\n'
        )
        study = SmallStudy.__new__(SmallStudy)
        study.out = tmp_path / "out"
        study.out.mkdir()
        part = IngestStudy.of(read_study(tmp_path / "study.toml"), study.out)
        study.result = ingest(StageContext(study=part, folders={}, out=study.out))
        return study

    return of


def test_without_a_key_every_accepted_row_is_a_subject(ingested):
    study = ingested(LEAST, a="first,born\nAnn,1981-03-07\nAnn,1981-03-07\n,\n")
    assert study.table("records/list").select("record_id", "subject_id").rows() == [(1, 1), (2, 2), (3, 3)]
    assert study.table("tokens/list")["subject_id"].to_list() == [1, 2, 3]
    assert study.table("subjects/list").rows() == [(1, "1"), (2, "2"), (3, "3")]
    assert study.table("ledger").select("accepted", "quarantined", "unusable").row(0) == (3, 0, "{}")


def test_what_is_quarantined_of_a_list_without_a_key_is_withheld(ingested):
    contract = public(LEAST) + 'nation = { header = "nation", type = "code", codes = "country_alpha2" }\n'
    names = [f"Ann,1981-03-07,{number},Rassendyll\n" for number in range(40)]
    study = ingested(contract, a="first,born,id,nation\nAnn,1981-03-07,A Name,PL\n" + "".join(names))
    assert study.table("ledger")["quarantined"].to_list() == [41]
    assert study.table("quarantine/list")["nation"].unique().sort().to_list() == ["(withheld)", "PL"]
    assert study.table("quarantine/list")["serial"][0] == "(withheld)"
    assert find_clear(study.out, ["Rassendyll", "A Name"]) == []
    assert "Rassendyll" not in "".join(study.result.warnings)


def test_a_subject_is_named_by_the_row_of_its_first_accepted_record(ingested):
    study = ingested(
        keyed(LEAST), a="who,first,born\n,Ann,1981-03-07\nx,Ann,1981-03-07\ny,Ann,1981-03-07\nx,Ann,1981-03-08\n"
    )
    assert study.table("records/list")["subject_id"].to_list() == [1, 2, 1]
    assert study.table("subjects/list").rows() == [(1, "2"), (2, "3")]


def test_of_several_files_the_file_is_named_too(ingested):
    study = ingested(LEAST, a="first,born\nAnn,1981-03-07\n", b="first,born\nAnn,1981-03-07\nBob,\n")
    assert study.table("subjects/list").rows() == [(1, "a.csv:1"), (2, "b.csv:1"), (3, "b.csv:2")]


def test_a_public_id_names_the_subjects(ingested):
    study = ingested(public(LEAST), a="first,born,id\nAnn,1981-03-07,rec-7\nAnn,1981-13-07,rec-5\n")
    assert study.table("subjects/list").rows() == [(1, "rec-7"), (2, "rec-5")]
    assert study.table("records/list")["serial"].to_list() == ["rec-7", "rec-5"]


def test_a_public_id_may_repeat_in_the_rows_of_one_person(ingested):
    study = ingested(
        public(keyed(LEAST)),
        a="who,first,born,id\nx,Ann,1981-03-07,1\ny,Bob,1981-03-07,2\nx,Ann,1981-03-08,1\n",
    )
    assert study.table("subjects/list").rows() == [(1, "1"), (2, "2")]


@pytest.mark.parametrize(
    ("contract", "text", "words"),
    [
        (
            public(LEAST),
            "first,born,id\nAnn,1981-03-07,7\nAnn,1981-03-07,8\nAnn,1981-03-07,7\n",
            "a.csv, row 1, and a.csv, row 3: two people have the same 'serial', the public id of 'list'",
        ),
        (
            public(keyed(LEAST)),
            "who,first,born,id\nx,Ann,1981-03-07,7\ny,Ann,1981-03-07,7\n",
            "a.csv, row 1, and a.csv, row 2: two people have the same 'serial'",
        ),
        (
            public(keyed(LEAST)),
            "who,first,born,id\nx,Ann,1981-03-07,7\nx,Ann,1981-03-08,8\n",
            "a.csv, row 1, and a.csv, row 2: one person has two different ones of 'serial'",
        ),
    ],
)
def test_a_public_id_is_that_of_one_person(ingested, contract, text, words):
    with pytest.raises(UserError) as error:
        ingested(contract, a=text)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("contract", "words"),
    [
        (public(LEAST, "given_name"), "the public id 'given_name' is the identifier 'given_name'"),
        (public(keyed(LEAST), "who"), "the public id 'who' is the identifier 'member_number'"),
        (public(LEAST, "number"), "extract 'list' needs the public id 'number', required, in every file"),
        (public(LEAST).replace('"[a-z0-9-]+"', '"[a-z0-9-]+", required = false'), "needs the public id 'serial'"),
        (public(LEAST).replace('type = "text", pattern = "[a-z0-9-]+"', 'type = "date"'), "'text' or 'integer'"),
    ],
)
def test_an_identifier_or_a_column_that_may_lack_is_no_public_id(tmp_path, contract, words):
    (tmp_path / "list.toml").write_text(contract, encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(tmp_path / "list.toml")
    assert words in str(error.value)


def test_files_of_one_name_in_two_extracts_are_told_apart():
    places = {"extract": ["old", "new"], "file": ["a.csv", "a.csv"], "row_number": [1, 1]}
    subjects = pl.DataFrame({"subject_id": [1, 2], **places})
    assert named_by_row(subjects, files=2)["subject"].to_list() == ["old:a.csv:1", "new:a.csv:1"]


def test_what_needs_a_person_key_says_so(tmp_path):
    (tmp_path / "list.toml").write_text(LEAST, encoding="utf-8")
    contract = read_contract(tmp_path / "list.toml")
    with pytest.raises(UserError, match="The contract of 'list' has no 'person_key'"):
        contract.person_key_kind  # noqa: B018 - the value is not needed
    assert contract.identifier_kinds == {"given_name", "date_of_birth"}
