"""How the simulator writes the layouts of other years: by hand, and read back by the contract that it followed."""

from datetime import date

import polars as pl
import pytest

from pipeline.ingest.contracts import read_contracts
from pipeline.ingest.extract_contract import CURRENT
from pipeline.ingest.ingest import ingest
from pipeline.ingest.stages import IngestStudy
from pipeline.stage import StageContext
from pipeline.study import read_study
from synthetic_data.delivery import layouts
from synthetic_data.delivery.layouts import as_written, in_layout, split_by_layout
from synthetic_data.simulate import simulate

VERSIONS = [
    pytest.param(extract, version, id=f"{name} {version.id}")
    for contract in read_contracts().values()
    for name, extract in contract.extracts.items()
    for version in extract.version
]


def crossings():
    """Crossings as the border's systems write them now: one before 2018, one after, one with an unknown sex."""
    return pl.DataFrame(
        {
            "row": [7, 8, 9],
            "PERSON_ID": ["T000000000001", "T000000000002", "T000000000003"],
            "GIVEN_NAMES": ["ANN", "BO", "CY"],
            "FAMILY_NAME": ["LEE", "MA", "NG"],
            "BIRTH_DATE": [date(1990, 2, 1), date(1991, 3, 2), date(1992, 4, 3)],
            "SEX": ["F", "M", "X"],
            "NATIONALITY": ["AUS", "CHN", "IND"],
            "EVENT_DATE": [date(2017, 12, 31), date(2018, 1, 1), date(2016, 5, 6)],
            "DIRECTION": ["IN", "OUT", "OUT"],
            "ROUTE": ["AIR", "SEA", "RAIL"],
        }
    )


def test_a_file_of_all_years_becomes_a_file_for_each_layout():
    files = split_by_layout("exit_checks_travel", "exit_checks_travel.csv", crossings())
    assert {name: frame["row"].to_list() for name, frame in files.items()} == {
        "exit_checks_travel_to_2017.csv": [7, 9],
        "exit_checks_travel.csv": [8],
    }
    old, new = (as_written("exit_checks_travel", frame) for frame in files.values())
    assert new.equals(files["exit_checks_travel.csv"])
    assert old.columns == [
        "row", "PERSON_ID", "FORENAMES", "SURNAME", "DOB", "SEX", "NATIONALITY", "TRAVEL_DATE", "IN_OUT", "ROUTE",
    ]  # fmt: skip
    assert old.select("FORENAMES", "DOB", "SEX", "TRAVEL_DATE", "IN_OUT").rows() == [
        ("ANN", "01/02/1990", "F", "31/12/2017", "I"),
        ("CY", "03/04/1992", "X", "06/05/2016", "O"),
    ]


def test_a_file_of_one_year_keeps_its_name_and_takes_the_layout_of_its_year():
    snapshot = pl.DataFrame(
        {
            "row": [0],
            "NHS_NO": ["9434765919"],
            "FORENAME": ["Ann"],
            "SURNAME": ["Lee"],
            "DOB": [date(1990, 2, 1)],
            "SEX": ["2"],
            "PCODE": ["AB1 2CD"],
            "ACCEPT_DATE": [date(2009, 8, 7)],
            "FLAG4": [False],
            "SNAPSHOT_DATE": [date(2015, 7, 31)],
        }
    )
    assert list(split_by_layout("pr", "pr_2015.parquet", snapshot)) == ["pr_2015.parquet"]
    assert as_written("pr", snapshot).drop("row").to_dicts() == [
        {
            "NHS_NO": "9434765919",
            "FORENAME": "Ann",
            "SURNAME": "Lee",
            "DATE_BIRTH": "19900201",
            "SEX": "F",
            "POSTCODE": "AB1 2CD",
            "POSTING_DATE": "20090807",
            "FLAG4": False,
            "EXTRACT_DATE": "20150731",
        }
    ]
    later = snapshot.with_columns(SNAPSHOT_DATE=date(2016, 7, 31))
    assert as_written("pr", later).equals(later)


def test_an_extract_without_versions_and_a_file_without_rows_stay_as_they_are():
    deaths = pl.DataFrame({"ENTRY_NUMBER": ["D0000000001"]})
    assert split_by_layout("deaths", "deaths.csv", deaths) == {"deaths.csv": deaths}
    assert as_written("deaths", deaths) is deaths
    empty = split_by_layout("exit_checks_travel", "exit_checks_travel.parquet", crossings().clear())
    assert [as_written("exit_checks_travel", frame).height for frame in empty.values()] == [0, 0]


def test_texts_that_are_dates_are_written_anew_and_others_stay():
    extract = read_contracts()["exit_checks"].extracts["exit_checks_travel"]
    texts = crossings().with_columns(BIRTH_DATE=pl.Series(["1990-02-01", "nobody knows", None]))
    assert in_layout(texts, extract, "to_2017")["DOB"].to_list() == ["01/02/1990", "nobody knows", None]
    assert in_layout(texts, extract, CURRENT) is texts


@pytest.mark.parametrize(("extract", "version"), VERSIONS)
def test_every_meaning_has_a_code_in_every_version(extract, version):
    """A meaning that a version cannot write would be delivered in a code of the current layout, and quarantined."""
    layout = extract.layouts[version.id]
    for name in layout.delivered:
        assert set(extract.columns[name].codes.values()) <= set(layout.columns[name].codes.values()), name


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """A small study in the layouts of its years, and the same in current layouts alone, both ingested."""
    made = {}
    for name in ("of their years", "current"):
        folder = tmp_path_factory.mktemp("study")
        with pytest.MonkeyPatch.context() as patch:
            if name == "current":
                patch.setattr(layouts, "split_by_layout", lambda _, file, frame: {file: frame})
                patch.setattr(layouts, "as_written", lambda _, frame: frame)
            simulate(1_200, 5, folder)
        out = folder / "out"
        out.mkdir()
        study = IngestStudy.of(read_study(folder / "study.toml"), out)
        ingest(StageContext(study=study, folders={}, out=out))
        made[name] = out
    return made


def test_a_study_has_files_of_each_version_of_its_contracts(ingested):
    ledger = pl.read_parquet(ingested["of their years"] / "ledger.parquet")
    old = ledger.filter(pl.col("version") != CURRENT)
    assert dict(old.select("file", "version").rows()) == {
        "exit_checks_travel_to_2017.csv": "to_2017",
        "hesa_to_2011_12.csv": "to_2011_12",
        "pr_2014.parquet": "to_2015",
        "pr_2015.parquet": "to_2015",
    }
    assert old["rows_in"].min() > 10
    assert {"exit_checks_travel.csv", "hesa.csv", "pr_2016.parquet"} <= {*ledger["file"]} - {*old["file"]}


def test_ingest_makes_the_same_tables_of_files_of_any_layout(ingested):
    own, current = ingested.values()
    names = sorted(path.relative_to(current) for path in current.glob("*/*.parquet"))
    assert len(names) > 20
    for name in names:
        one, other = pl.read_parquet(own / name), pl.read_parquet(current / name)
        if name.parent.name == "quarantine":  # files have other names and rows other numbers, values are as written
            one, other = (frame.select(pl.col("reasons").list.len()) for frame in (one, other))
        if name.parent.name == "subjects":  # named by file and row
            one, other = one.select("subject_id"), other.select("subject_id")
        if name.parent.name == "rows":  # likewise: files have other names, and as many rows are accepted
            one, other = (frame.select(pl.col("rows").sum()) for frame in (one, other))
        assert one.equals(other), name
