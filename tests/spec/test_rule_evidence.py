"""Evidence from records: the default evidence rules on records made by hand, and the rules of a new source."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

import rules
from pipeline.schemas import TABLES, save
from pipeline.stage import StageContext, StageResult
from pipeline.study import read_study
from pipeline.tables import write_table
from rules.evidence import evidence
from rules.stages import EvidenceStudy, StaysStudy
from rules.stays import stays

DEFAULT = Path(rules.__file__).parent / "sets" / "long_term_2019.toml"
D = dt.date


def study_of(folder: Path, extracts: list[str], more: str = "") -> Path:
    named = "\n".join(f'[[extract]]\nname = "{name}"\nfiles = ["{name}.csv"]' for name in extracts)
    path = folder / "study.toml"
    path.write_text(f'name = "test"\ndata_date = 2019-12-31\narea_lookup = "areas.csv"\n{more}\n{named}\n')
    return path


def run_evidence(
    folder: Path, records: Mapping[str, pl.DataFrame], more: str = ""
) -> tuple[pl.DataFrame, StageResult]:
    study = read_study(study_of(folder, list(records), more))
    for name, frame in records.items():
        write_table(frame, folder / "ingest" / "records" / f"{name}.parquet")
    context = StageContext(
        EvidenceStudy.of(study, folder), {"ingest": folder / "ingest"}, folder / "evidence", threads=1
    )
    result = evidence(context)
    return pl.read_parquet(folder / "evidence" / "evidence.parquet"), result


def hesa(**columns: list) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    values = {
        "record_id": list(range(1, rows + 1)), "subject_id": [1] * rows, "domicile": ["CN"] * rows,
        "commencement_date": [D(2016, 9, 20)] * rows, "year_of_student": [1] * rows,
        "study_location": ["united_kingdom"] * rows, "year_start": [D(2016, 8, 1)] * rows,
        "end_date": [None] * rows, "area": ["E06"] * rows,
    } | columns  # fmt: skip
    return pl.DataFrame(values, schema_overrides={"end_date": pl.Date})


def dated_rows(frame: pl.DataFrame, *columns: str) -> list[tuple]:
    return frame.select("rule_id", "date", *columns).rows()


def test_a_student_arrives_once_and_is_enrolled_every_year(tmp_path: Path) -> None:
    records = hesa(year_of_student=[1, 2], year_start=[D(2016, 8, 1), D(2017, 8, 1)], end_date=[None, D(2018, 6, 15)])
    frame, result = run_evidence(tmp_path, {"hesa": records})
    assert dated_rows(frame, "end_date", "code") == [
        ("student_enrolled", D(2016, 9, 20), D(2017, 8, 1), "study"),
        ("student_from_abroad", D(2016, 9, 20), None, "study"),
        ("student_enrolled", D(2017, 8, 1), D(2018, 6, 16), "study"),
    ]
    assert result.counts["rows"] == 3
    assert result.sentence == "3 pieces of evidence from 1 sources by 2 rules"


def test_no_arrival_on_a_second_course_after_one_here(tmp_path: Path) -> None:
    """A new provider gives a new first year; a student who studied here before does not arrive by it."""
    records = hesa(
        year_of_student=[1, 1, 1], commencement_date=[D(2013, 9, 20), D(2016, 9, 20), D(2016, 9, 20)],
        year_start=[D(2013, 8, 1), D(2016, 8, 1), D(2016, 8, 1)], subject_id=[1, 1, 2],
    )  # fmt: skip
    frame, _ = run_evidence(tmp_path, {"hesa": records})
    arrivals = frame.filter(rule_id="student_from_abroad").select("subject_id", "date").rows()
    assert arrivals == [(1, D(2013, 9, 20)), (2, D(2016, 9, 20))]


@pytest.mark.parametrize(
    "changed",
    [{"domicile": ["GB"]}, {"year_of_student": [2]}, {"study_location": ["distance"]}, {"domicile": [None]}],
)
def test_no_arrival_from_here_in_later_years_at_a_distance_or_from_nowhere(tmp_path: Path, changed: dict) -> None:
    frame, _ = run_evidence(tmp_path, {"hesa": hesa(**changed)})
    assert "student_from_abroad" not in frame["rule_id"].to_list()


def test_undated_and_reversed_evidence_is_counted_and_reported(tmp_path: Path) -> None:
    visas = pl.DataFrame(
        {
            "record_id": [1, 2, 3], "subject_id": [1, 1, 2], "nationality": ["CN"] * 3,
            "visa_type": ["study", "work", "visit"], "valid_from": [D(2016, 9, 1), D(2019, 1, 1), D(2016, 1, 1)],
            "valid_to": [D(2017, 12, 31), D(2018, 1, 1), D(2016, 6, 1)],
        }
    )  # fmt: skip
    travel = pl.DataFrame(
        {
            "record_id": [1, 2],
            "subject_id": [1, 1],
            "event_date": [D(2016, 9, 3), None],
            "direction": ["arrival", "departure"],
            "visa_type": pl.Series([None, None], dtype=pl.String),
        }
    )
    frame, result = run_evidence(tmp_path, {"exit_checks_travel": travel, "exit_checks_visas": visas})
    assert dated_rows(frame, "end_date", "code") == [
        ("permission_to_stay", D(2016, 9, 1), D(2018, 1, 1), "study"),
        ("border_in", D(2016, 9, 3), None, None),
    ]
    assert result.counts["unusable"] == 2
    assert any(
        "'border_out': 1 records give no evidence, because they have no date" in one for one in result.warnings
    )
    assert any("'permission_to_stay': 1 records" in one and "end before they begin" in one for one in result.warnings)


def test_a_crossing_carries_the_type_of_its_visa(tmp_path: Path) -> None:
    who = {"record_id": [1, 2], "subject_id": [1, 2], "visa_type": ["study", None]}
    travel = pl.DataFrame({**who, "event_date": [D(2016, 9, 3)] * 2, "direction": ["arrival"] * 2})
    visit = {"record_id": [1], "subject_id": [1], "visa_type": ["visit"]}  # no permission to stay
    visas = pl.DataFrame({**visit, "valid_from": [D(2016, 1, 1)], "valid_to": [D(2016, 1, 2)]})
    frame, _ = run_evidence(tmp_path, {"exit_checks_travel": travel, "exit_checks_visas": visas})
    assert dated_rows(frame, "code") == [("border_in", D(2016, 9, 3), "study"), ("border_in", D(2016, 9, 3), None)]


def test_a_registration_row_can_say_when_and_why_it_was_removed(tmp_path: Path) -> None:
    """A removal is dated by its own day where the row has one, and by the posting of the removal where not."""
    rows = [
        ("move", D(2015, 3, 1), "embarked", D(2017, 6, 30)),
        ("first_in_country", D(2014, 5, 1), "death", D(2016, 2, 1)),
        ("removal", D(2018, 4, 1), "gone_away", None),
        ("removal", D(2018, 4, 1), "gone_away", D(2018, 1, 15)),
        ("move", D(2015, 3, 1), "embarked", None),
    ]
    columns = ["registration_type", "posting_date", "removal_reason", "removal_date"]
    pds = pl.DataFrame(rows, schema=columns, orient="row").with_columns(
        record_id=pl.int_range(1, 6), subject_id=pl.int_range(1, 6), area=pl.lit(None, pl.String)
    )
    frame, _ = run_evidence(tmp_path, {"pds": pds})
    removed = frame.filter(pl.col("rule_id").str.starts_with("nhs_removed")).sort("record_id")
    assert removed.select("record_id", "rule_id", "date", "known_on", "code").rows() == [
        (1, "nhs_removed", D(2017, 6, 30), D(2017, 6, 30), "embarked"),
        (2, "nhs_removed_dead", D(2016, 2, 1), D(2016, 2, 1), None),
        (3, "nhs_removed", D(2018, 4, 1), D(2018, 4, 1), "gone_away"),
        (4, "nhs_removed", D(2018, 1, 15), D(2018, 4, 1), "gone_away"),
    ]
    assert frame.filter(pl.col("rule_id") == "nhs_posted")["record_id"].sort().to_list() == [1, 2, 5]


def test_rules_on_sources_without_files_are_reported(tmp_path: Path) -> None:
    _, result = run_evidence(tmp_path, {"hesa": hesa(year_of_student=[1])})
    assert any("activity" in one and "mws" in one and "no rule on" in one for one in result.warnings)


def test_rules_that_fire_on_no_record_are_reported(tmp_path: Path) -> None:
    _, result = run_evidence(tmp_path, {"hesa": hesa(domicile=["GB"])})
    told = [one for one in result.warnings if "fires on no record" in one]
    assert len(told) == 1
    assert told[0].startswith("evidence rule 'student_from_abroad' fires on no record of hesa")


NEW_CONTRACT = """
source = "school_census"
title = "School census"
says = "Pupils on the roll of a state school."
person_key = "pupil_number"

[extracts.school_census]
says = "One row a pupil and year."
unique = ["pupil_number", "census_date"]

[extracts.school_census.columns]
pupil_number = { header = "UPN", type = "text", identifier = "pupil_number", pattern = "[A-Z][0-9]{12}" }
given_name = { header = "FORENAME", type = "text", identifier = "given_name" }
family_name = { header = "SURNAME", type = "text", identifier = "family_name" }
date_of_birth = { header = "DOB", type = "date", identifier = "date_of_birth", min = "1990-01-01", max = "data_date" }
sex = { header = "GENDER", type = "code", identifier = "sex", codes = "sex_letter" }
postcode = { header = "POSTCODE", type = "text", identifier = "postcode" }
census_date = { header = "CENSUS_DATE", type = "date", min = "2010-01-01", max = "data_date" }
"""

NEW_EVIDENCE = """
[[evidence]]
id = "pupil_counted"
says = "Was on the roll of a school on census day."
source = "school_census"
kind = "enrolment"
date = "census_date"
end_date = "census_date + 6 months"
source_of_rule = "Statistical Population Dataset V2.0: school census"
"""


def test_a_new_source_needs_a_contract_and_rules_and_no_python(tmp_path: Path) -> None:
    """A school census: its records give evidence, date stays, make residents and give people their sex."""
    (tmp_path / "school_census.toml").write_text(NEW_CONTRACT)
    changed = DEFAULT.read_text().replace('id = "long_term_2019"', 'id = "with_schools"')
    changed = changed.replace("# Stays: evidence", NEW_EVIDENCE + "\n# Stays: evidence")
    changed = changed.replace(
        'enrolments = ["student_enrolled"]', 'enrolments = ["student_enrolled", "pupil_counted"]'
    )
    changed = changed.replace('evidence = ["student_enrolled"]', 'evidence = ["student_enrolled", "pupil_counted"]')
    changed = changed.replace('"pds.sex",', '"school_census.sex", "pds.sex",')
    changed = changed.replace('areas = ["nhs_posted"', 'areas = ["pupil_counted", "nhs_posted"')
    (tmp_path / "with_schools.toml").write_text(changed)
    pupils = pl.DataFrame(
        {"record_id": [1, 2, 3], "subject_id": [1, 1, 1], "sex": ["M"] * 3, "birth_month": [D(2008, 3, 1)] * 3,
         "area": ["E06", "E06", "E07"], "census_date": [D(2016, 1, 21), D(2017, 1, 19), D(2018, 1, 18)]},
    )  # fmt: skip
    more = 'contracts = ["school_census.toml"]\nrule_set = "with_schools.toml"'
    frame, _ = run_evidence(tmp_path, {"school_census": pupils}, more)
    assert dated_rows(frame, "end_date", "kind") == [
        ("pupil_counted", D(2016, 1, 21), D(2016, 7, 21), "enrolment"),
        ("pupil_counted", D(2017, 1, 19), D(2017, 7, 19), "enrolment"),
        ("pupil_counted", D(2018, 1, 18), D(2018, 7, 18), "enrolment"),
    ]
    clusters = pl.DataFrame({"source": ["school_census"], "subject_id": [1], "draw": [0], "person_id": [7]})
    mothers = pl.DataFrame(
        schema={
            "source": pl.String,
            "subject_id": pl.Int64,
            "mother_source": pl.String,
            "mother_subject_id": pl.Int64,
        }
    )
    write_table(clusters, tmp_path / "link" / "clusters.parquet")
    write_table(mothers, tmp_path / "link" / "mothers.parquet")
    for name in ("possibly_one", "link_errors"):
        save(TABLES[name].create_empty(), name, tmp_path / "link")
    folders = {name: tmp_path / name for name in ("ingest", "link", "evidence")}
    study = StaysStudy.of(read_study(tmp_path / "study.toml"), tmp_path)
    result = stays(StageContext(study, folders, tmp_path / "stays", threads=1))
    people, spells, residents = (
        pl.read_parquet(tmp_path / "stays" / f"{name}.parquet") for name in ("people", "stays", "residents")
    )
    residents = residents.filter("published")
    assert people.select("person_id", "sex", "sex_source", "nationality_group", "area").rows() == [
        (7, "M", "school_census", "British", "E07")
    ]
    assert people["area_history"][0].to_list() == [
        {"area": "E06", "since": D(2016, 1, 21)}, {"area": "E07", "since": D(2018, 1, 18)}
    ]  # fmt: skip
    assert spells.filter(definition="long_term").select("start", "end").rows() == [(D(2016, 1, 21), D(2018, 7, 17))]
    assert residents.filter("resident")["reference_date"].dt.year().to_list() == [2016, 2017, 2018]
    assert result.counts["people"] == 1
