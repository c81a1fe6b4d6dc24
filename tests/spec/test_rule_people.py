"""Attributes of a person: the precedence of sources, the most frequent value, the mother's, a default."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

import rules
from pipeline.ingest.contracts import read_contracts
from pipeline.tables import connect
from rules.people import people_table
from rules.rule_set import read_rules

D = dt.date
DEFAULT = Path(rules.__file__).parent / "sets" / "long_term_2019.toml"
EXTRACTS = {
    "exit_checks_travel": "nationality", "exit_checks_visas": "nationality", "mws": "nationality",
    "hesa": "nationality", "pds": "country_of_birth",
    "activity_people": None, "pr": None, "births": None, "deaths": None,
}  # fmt: skip
SOURCES = {"exit_checks_travel": "exit_checks", "exit_checks_visas": "exit_checks", "activity_people": "activity"}


def attributes_of(
    *records: tuple[str, int, str | None],
    sex: dict[str, str] | None = None,
    mothers: dict[int, int] | None = None,
    survey_only: bool = False,
    evidence: pl.DataFrame | None = None,
) -> dict[int, dict]:
    """Return people by `person_id`; a record is (extract, person, country), its subject is the person's number."""
    connection = connect(1)
    members = set()
    for extract, column in EXTRACTS.items():
        rows = [(number, person, country) for number, (of, person, country) in enumerate(records, 1) if of == extract]
        source = SOURCES.get(extract, extract)
        members |= {(source, person) for _, person, _ in rows}
        frame = pl.DataFrame(
            {
                "record_id": [row[0] for row in rows], "subject_id": [row[1] for row in rows],
                "sex": [(sex or {}).get(source, "F") for _ in rows], "birth_month": [D(1990, 5, 1)] * len(rows),
                column or "unused": [row[2] for row in rows],
            },
            schema={"record_id": pl.Int64, "subject_id": pl.Int64, "sex": pl.String, "birth_month": pl.Date,
                    column or "unused": pl.String},
        )  # fmt: skip
        connection.register(f"records_{extract}", frame)
    if survey_only:
        members = {("coverage_survey", 1)}
    connection.register(
        "clusters",
        pl.DataFrame(
            [(source, subject, 0, subject) for source, subject in sorted(members)],
            schema={"source": pl.String, "subject_id": pl.Int64, "draw": pl.Int32, "person_id": pl.Int64},
            orient="row",
        ),
    )
    connection.register(
        "mothers",
        pl.DataFrame(
            [("births", child, "pds", mother) for child, mother in (mothers or {}).items()],
            schema={
                "source": pl.String,
                "subject_id": pl.Int64,
                "mother_source": pl.String,
                "mother_subject_id": pl.Int64,
            },
            orient="row",
        ),
    )
    nothing = pl.DataFrame(
        schema={"source": pl.String, "subject_id": pl.Int64, "record_id": pl.Int64, "rule_id": pl.String,
                "kind": pl.String, "date": pl.Date, "area": pl.String}
    )  # fmt: skip
    connection.register("evidence", nothing if evidence is None else evidence)
    # nobody has an address in common with anybody
    tokens = {
        "subject_id": pl.Int64,
        "family_name": pl.UInt64,
        "postcode": pl.UInt64,
        "postcodes": pl.List(pl.UInt64),
    }
    connection.register("tokens_pds", pl.DataFrame(schema=tokens))
    contracts = read_contracts()
    people = people_table(connection, read_rules(DEFAULT, contracts).people, contracts)
    return {row["person_id"]: row for row in people.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("records", "group", "source", "disagreements"),
    [
        ([("exit_checks_visas", 1, "IN"), ("mws", 1, "IN"), ("pds", 1, "GB")], "non_EU", "exit_checks", 1),
        ([("mws", 1, "PL"), ("hesa", 1, "DE")], "EU", "mws", 0),
        ([("mws", 1, "IE"), ("hesa", 1, "FR"), ("pds", 1, "IE")], "Irish", "mws", 1),
        ([("hesa", 1, "GB"), ("pds", 1, "RO")], "British", "hesa", 1),
        ([("pds", 1, "RO")], "EU", "pds", 0),
        ([("pds", 1, None)], "British", "default", 0),
        ([("pds", 1, "US")], "British", "default", 0),
        ([("hesa", 1, None), ("pds", 1, "RO")], "EU", "pds", 0),
        ([("hesa", 1, "FR"), ("hesa", 1, "CN"), ("hesa", 1, "CN")], "non_EU", "hesa", 0),
        ([("hesa", 1, "CN"), ("hesa", 1, "FR")], "EU", "hesa", 0),
    ],
    ids=[
        "a passport before a statement", "a statement before another", "Irish", "British, born abroad",
        "by country of birth", "no source has a value", "born further away, with no record of a visa",
        "an empty value does not count",
        "the most frequent", "the latest of equally frequent",
    ],
)  # fmt: skip
def test_nationality(records: list[tuple[str, int, str | None]], group: str, source: str, disagreements: int) -> None:
    person = attributes_of(*records)[1]
    assert (person["nationality_group"], person["nationality_source"]) == (group, source)
    assert person["nationality_disagreements"] == disagreements


def test_a_child_takes_the_mothers_nationality_and_not_that_of_the_place_of_birth() -> None:
    people = attributes_of(
        ("mws", 1, "PL"), ("pds", 1, "PL"), ("births", 2, None), ("pds", 2, "GB"), ("births", 3, None), mothers={2: 1}
    )
    assert people[2]["nationality_group"] == "EU"
    assert people[2]["nationality_source"] == "mother"
    assert people[2]["country_of_birth"] == "GB"
    assert people[3]["nationality_group"] == "British"


def test_sex_is_that_of_the_spine_and_sources_that_disagree_are_counted() -> None:
    person = attributes_of(("pds", 1, "GB"), ("hesa", 1, "GB"), ("pr", 1, None), sex={"hesa": "M"})[1]
    assert (person["sex"], person["sex_source"], person["sex_disagreements"]) == ("F", "pds", 1)


def test_people_in_the_survey_alone_are_left_out() -> None:
    assert attributes_of(("pds", 1, "GB"), survey_only=True) == {}


def test_areas_and_deaths_come_from_the_first_rule_with_a_value() -> None:
    rows = [
        ("pr", 1, "nhs_listed", "registration", D(2018, 7, 31), "E09"),
        ("pds", 2, "nhs_posted", "registration", D(2012, 1, 1), "E06"),
        ("pds", 3, "nhs_posted", "registration", D(2014, 1, 1), "E06"),
        ("pds", 4, "nhs_posted", "registration", D(2016, 1, 1), "E07"),
        ("pds", 5, "nhs_removed_dead", "death", D(2019, 3, 9), None),
        ("deaths", 6, "death_registered", "death", D(2019, 2, 20), "E07"),
    ]
    evidence = pl.DataFrame(rows, schema=["source", "record_id", "rule_id", "kind", "date", "area"], orient="row")
    person = attributes_of(
        ("pds", 1, "GB"), ("pr", 1, None), ("deaths", 1, None), evidence=evidence.with_columns(subject_id=pl.lit(1))
    )[1]
    assert (person["area"], person["area_source"]) == ("E07", "pds")
    assert person["area_history"] == [
        {"area": "E06", "since": D(2012, 1, 1)},
        {"area": "E07", "since": D(2016, 1, 1)},
    ]
    assert person["death_date"] == D(2019, 2, 20)
