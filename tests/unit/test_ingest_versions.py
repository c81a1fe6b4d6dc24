"""An extract that was written otherwise in other years: each file in its own layout, one table of records."""

from datetime import date

import polars as pl
import pytest
from small_study import CONTRACT, SmallStudy, csv_text, row, strict

from pipeline.errors import UserError
from pipeline.ingest.contracts import read_contract

VERSIONS = """
[[extracts.visits.version]]
id = "to_2012"
until = 2012-12-31
says = "On paper."
absent = ["ward"]

[extracts.visits.version.columns]
sex = { header = "GENDER", codes = "sex_letter" }
visited_on = { header = "DAY", format = "%d.%m.%Y" }
guardian = { pattern = "[0-9]{12}" }
"""
LATE = """
[[extracts.visits.version]]
id = "from_2018"
since = 2018-01-01
says = "Sex as a letter, under the header of ever."
columns = { sex = { codes = "sex_letter" } }
"""
PAPER_HEADERS = [
    "PATIENT", "FORENAME", "SURNAME", "BORN", "GENDER", "PCODE", "DAY", "DOSES", "COST", "URGENT", "COUNTRY",
    "GUARDIAN_NHS",
]  # fmt: skip


def paper(**changes):
    """Return a good row as it was written to 2012."""
    kept = {name: value for name, value in row().items() if name not in {"SEX", "VISIT", "WARD"}}
    return kept | {"GENDER": "F", "DAY": "09.05.2012", "GUARDIAN_NHS": "943 476 5919 00"} | changes


def study_of(folder, files, versions=VERSIONS, more="", contract=CONTRACT):
    study = SmallStudy(folder / "study", files)
    (study.folder / "clinic.toml").write_text(contract + versions, encoding="utf-8")
    toml = study.folder / "study.toml"
    toml.write_text(toml.read_text() + more)
    return study


@pytest.fixture
def ingested(tmp_path):
    def of(files, **more):
        study = study_of(tmp_path, files, **more)
        study.result = study.run()
        return study

    return of


def test_files_of_two_versions_give_one_table_of_records(ingested):
    study = ingested({"old.csv": csv_text([paper()], PAPER_HEADERS), "new.csv": csv_text([row()])})
    records = study.table("records/visits").select("record_id", "subject_id", "sex", "visited_on", "ward", "doses")
    assert records.rows() == [(1, 1, "F", date(2012, 5, 9), None, 2), (2, 1, "F", date(2016, 5, 4), "A1", 2)]
    assert study.table("ledger").select("file", "version", "accepted").rows() == [
        ("new.csv", "current", 1),
        ("old.csv", "to_2012", 1),
    ]


def test_a_contract_without_versions_knows_the_current_layout_alone(ingested):
    study = ingested({"new.csv": csv_text([row()])}, versions="")
    assert study.table("ledger")["version"].to_list() == ["current"]


def test_an_older_file_can_come_alone(ingested):
    study = ingested({"old.csv": csv_text([paper()], PAPER_HEADERS)})
    assert study.table("ledger").select("version", "accepted", "quarantined").row(0) == ("to_2012", 1, 0)
    assert study.table("quarantine/visits").is_empty()


def test_an_older_typed_parquet_file_is_read_by_its_own_formats(ingested):
    old = pl.DataFrame([paper()]).with_columns(DAY=pl.lit(date(2011, 2, 3)), DOSES=pl.lit(2, pl.Int8))
    study = ingested({"old.parquet": old, "new.csv": csv_text([row()])})
    assert study.table("records/visits")["visited_on"].to_list() == [date(2011, 2, 3), date(2016, 5, 4)]
    assert study.table("ledger")["version"].to_list() == ["current", "to_2012"]


def test_a_record_that_is_dated_out_of_the_time_of_its_layout_is_set_aside(ingested):
    rows = [paper(), paper(DAY="01.01.2013"), paper(DAY="31.12.2012"), paper(DAY="no day")]
    study = ingested({"old.csv": csv_text(rows, PAPER_HEADERS)})
    assert study.table("quarantine/visits").select("row_number", "reasons").rows() == [
        (2, ["visited_on: after 2012-12-31, outside the dates of version 'to_2012'"]),
        (4, ["visited_on: not a date in the format DD.MM.YYYY"]),
    ]


def test_each_version_has_its_own_codes_formats_and_patterns(ingested):
    old = [{}, {"GENDER": "2"}, {"DAY": "2012-05-09"}, {"GUARDIAN_NHS": "9434765919"}]
    old = [paper(**change, PATIENT=f"P000{number}") for number, change in enumerate(old)]
    new = [{}, {"SEX": "F"}, {"VISIT": "09.05.2012"}, {"GUARDIAN_NHS": "943476591900"}]
    new = [row(**change, PATIENT=f"P000{number}") for number, change in enumerate(new)]
    study = ingested({"old.csv": csv_text(old, PAPER_HEADERS), "new.csv": csv_text(new)}, contract=strict())
    assert study.table("quarantine/visits").select("file", "row_number", "reasons").rows() == [
        ("old.csv", 2, ["sex: code '2' is not in the code list"]),
        ("old.csv", 3, ["visited_on: not a date in the format DD.MM.YYYY"]),
        ("old.csv", 4, ["guardian: does not match the pattern"]),
        ("new.csv", 2, ["sex: code 'F' is not in the code list"]),
        ("new.csv", 3, ["visited_on: not a date in the format YYYY-MM-DD"]),
        ("new.csv", 4, ["guardian: does not match the pattern"]),
    ]


@pytest.fixture
def ambiguous(ingested):
    """Files of the current layout and of `from_2018` have the same headers: the study says which is which."""

    def of(more, **files):
        files = {f"{name}.csv": content for name, content in files.items()}
        return ingested(files, versions=VERSIONS + LATE, more=more)

    return of


def test_headers_that_fit_two_layouts_are_an_error_unless_the_study_names_one(ambiguous):
    with pytest.raises(UserError) as error:
        ambiguous("", late=csv_text([row(SEX="F", VISIT="2018-01-01")]))
    message = str(error.value)
    assert "late.csv: its headers fit 2 layouts of the contract: current, from_2018. Name one of them in" in message
    assert "[[extract]] 'visits', 'version' of 'late.csv', such as 'current'." in message


def test_the_study_names_the_version_of_each_file_that_fits_two(ambiguous):
    study = ambiguous(
        'version = { "late.csv" = "from_2018", "mid.csv" = "current" }\n',
        mid=csv_text([row()]),
        late=csv_text([row(SEX="F", VISIT="2018-01-01"), row(SEX="F", VISIT="2017-12-31")]),
        early=csv_text([paper()], PAPER_HEADERS),
    )
    assert study.table("ledger").select("version", "accepted", "quarantined").rows() == [
        ("to_2012", 1, 0), ("from_2018", 1, 1), ("current", 1, 0),
    ]  # fmt: skip
    assert study.table("records/visits")["sex"].to_list() == ["F", "F", "F"]
    reason = "visited_on: before 2018-01-01, outside the dates of version 'from_2018'"
    assert study.table("quarantine/visits")["reasons"].to_list() == [[reason]]


def test_a_repetition_is_found_across_versions_and_the_later_file_is_named(ambiguous):
    study = ambiguous(
        'version = { "new.csv" = "current" }\n',
        new=csv_text([row(VISIT="2012-05-09")]),
        old=csv_text([paper(DAY="09.05.2012")], PAPER_HEADERS),
    )
    assert study.result.warnings == ("old.csv: 1 row quarantined: an earlier row has the same patient, visited_on.",)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('version = { "old.csv" = "to_2013" }', "'version' of 'old.csv': unknown version 'to_2013'. Did you mean"),
        ('version = { "odl.csv" = "to_2012" }', "unknown file 'odl.csv'. Did you mean 'old.csv'?"),
        (
            'version = { "old.csv" = "current" }',
            "'GENDER': the layout 'current' that the study names does not have it",
        ),
        ('version = "to_2012"', "version': Input should be a valid dictionary"),
    ],
)
def test_a_wrong_version_in_the_study_is_an_error(ingested, more, words):
    with pytest.raises(UserError) as error:
        ingested({"old.csv": csv_text([paper()], PAPER_HEADERS)}, more=f"{more}\n")
    assert words in str(error.value)


def test_a_file_that_fits_no_layout_is_compared_with_the_nearest(ingested):
    text = csv_text([paper()], PAPER_HEADERS).replace("GENDER", "GENDRE")
    with pytest.raises(UserError) as error:
        ingested({"old.csv": text})
    message = str(error.value)
    assert "unknown column 'GENDRE': did you mean 'GENDER'? the column 'GENDER' is missing." in message
    assert message.endswith("The headers must be those of the contract's nearest layout 'to_2012', in any order.")


def test_a_file_without_a_header_is_not_quoted(ingested):
    with pytest.raises(UserError) as error:
        ingested({"old.csv": csv_text([paper(), paper()], PAPER_HEADERS).split("\n", 1)[1]})
    assert "12 of the 12 columns of the contract's nearest layout 'to_2012' are missing." in str(error.value)
    assert "Zoë" not in str(error.value)


@pytest.mark.parametrize("name", ["old.csv", "old.parquet"])
def test_a_damaged_file_is_reported_before_its_layout(ingested, name):
    with pytest.raises(UserError, match=r"not UTF-8|cannot be read as Parquet"):
        ingested({name: b"PATIENT,F\xebRENAME\nx,y\n"})


def test_columns_that_only_an_older_layout_had(ingested):
    contract = CONTRACT.replace('dated_by = "visited_on"', 'dated_by = "visited_on"\nabsent = ["doses"]')
    new = {name: value for name, value in row().items() if name != "DOSES"}
    study = ingested(
        {"old.csv": csv_text([paper()], PAPER_HEADERS), "new.csv": csv_text([new], list(new))},
        contract=contract,
    )
    assert study.table("records/visits")["doses"].to_list() == [2, None]


# mistakes in a contract


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("until = 2012-12-31", "", "a version needs 'since', 'until' or both"),
        ("until = 2012-12-31", "until = 2012-12-31\nsince = 2013-01-01", "no date lies between them"),
        ('id = "to_2012"', 'id = "current"', "Give the version another 'id'"),
        ('id = "to_2012"', 'id = "from_2018"', "two versions have the same 'id'"),
        ('id = "to_2012"', 'id = "To 2012"', "extracts.visits.version.0.id"),
        ('absent = ["ward"]', 'absent = ["word"]', "version 'to_2012': 'absent' names 'word', which is not a column"),
        ('absent = ["ward"]', 'absent = ["sex"]', "version 'to_2012' names 'sex', which is absent from it"),
        ('absent = ["ward"]', 'absent = ["patient"]', "so it must be 'required = false'"),
        ("guardian = {", "gaurdian = {", "version 'to_2012' names 'gaurdian', which is not a column of the extract"),
        ('codes = "sex_letter"', 'codes = "sex_leter"', "column 'sex': unknown code list 'sex_leter'. Did you mean"),
        ('codes = "sex_letter"', 'codes = { F = "f" }', "version 'to_2012', column 'sex': the codes of sex must map"),
        ('header = "GENDER"', 'heading = "GENDER"', "unknown key 'heading'. Did you mean 'header'?"),
        ('header = "GENDER"', 'header = "Pcode"', "version 'to_2012': two columns have PCODE"),
        ('format = "%d.%m.%Y"', 'format = "%m.%Y"', "version 'to_2012', column 'visited_on': a date's format must"),
        ('header = "DAY", format = "%d.%m.%Y"', 'codes = "sex_letter"', "needs 'codes', and no other column can"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_version_names_file_and_place(tmp_path, old, new, words):
    path = tmp_path / "clinic.toml"
    path.write_text(CONTRACT + (VERSIONS + LATE).replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError) as error:
        read_contract(path)
    assert str(error.value).startswith(str(path))
    assert words in str(error.value)


def test_versions_need_dated_records(tmp_path):
    path = tmp_path / "clinic.toml"
    path.write_text(CONTRACT.replace('dated_by = "visited_on"', "") + VERSIONS, encoding="utf-8")
    with pytest.raises(UserError, match="an extract whose layout depends on the date needs 'dated_by'"):
        read_contract(path)
