"""A new source needs a contract and rules, and no Python."""

from pathlib import Path

import polars as pl

import rules as rules_package

CONTRACT = """
source = "driving_licences"
title = "Driving licences"
says = "People who hold a licence to drive."
person_key = "licence_number"

[extracts.driving_licences]
says = "One row a licence."
unique = ["licence_number"]

[extracts.driving_licences.columns]
licence_number = { header = "LICENCE", type = "text", identifier = "licence_number", pattern = "L[0-9]{6}" }
given_name = { header = "FORENAME", type = "text", identifier = "given_name" }
family_name = { header = "SURNAME", type = "text", identifier = "family_name" }
date_of_birth = { header = "BORN", type = "date", identifier = "date_of_birth", min = "1900-01-01" }
sex = { header = "SEX", type = "code", identifier = "sex", codes = "sex_letter" }
postcode = { header = "POSTCODE", type = "text", identifier = "postcode", required = false }
issued_on = { header = "ISSUED", type = "date", min = "1990-01-01", max = "data_date" }
"""
EVIDENCE = """
[[evidence]]
id = "licence_issued"
says = "Was issued a licence to drive."
source = "driving_licences"
kind = "registration"
date = "issued_on"
date_quality = "exact"
source_of_rule = "A test"

"""
SIGN = """
[[resident]]
id = "drives"
says = "Was issued a licence to drive in the last twelve months."
form = "any"
source_family = "licences"
evidence = ["licence_issued"]
months_before = "$activity_window"

"""


def add_licences(study: Path, people: int) -> None:
    """Give a study the new source: a file, a contract, two rules."""
    folder = study.parent
    holders = pl.read_parquet(folder / "extracts" / "activity_people.parquet").head(people)
    licences = pl.DataFrame(
        {
            "LICENCE": [f"L{number:06d}" for number in range(people)],
            "FORENAME": holders["FIRST_NAME"],
            "SURNAME": holders["LAST_NAME"],
            "BORN": holders["DATE_OF_BIRTH"],
            "SEX": holders["SEX"],
            "POSTCODE": holders["POSTCODE"],
            "ISSUED": ["2016-11-05"] * (people - 1) + ["1950-01-01"],
        }
    )
    licences.write_csv(folder / "extracts" / "licences.csv")
    (folder / "driving_licences.toml").write_text(CONTRACT)
    shipped = (Path(rules_package.__file__).parent / "sets" / "long_term_2019.toml").read_text()
    first = shipped.index('[[resident]]\nid = "born_in_the_year"')
    (folder / "with_licences.toml").write_text(
        shipped[:first].replace("[[evidence]]", EVIDENCE + "[[evidence]]", 1)
        + SIGN
        + shipped[first:].replace('signs = ["born', 'signs = ["drives", "born')
    )
    text = "\n".join(
        'rule_set = "with_licences.toml"\ncontracts = ["driving_licences.toml"]'
        if line.startswith("rule_set")
        else line
        for line in study.read_text().splitlines()
    )
    study.write_text(text + '\n\n[[extract]]\nname = "driving_licences"\nfiles = ["extracts/licences.csv"]\n')


def test_a_contract_and_rules_are_all_that_a_new_source_needs(study_copy, command):
    add_licences(study_copy, people=600)
    outcome = command("run", study_copy)
    assert outcome.status == 0, outcome.out + outcome.err
    tables = study_copy.parent / "run" / "tables"
    ledger = pl.read_parquet(tables / "ledger.parquet").filter(pl.col("source") == "driving_licences")
    assert ledger.select("rows_in", "accepted", "quarantined").row(0) == (600, 599, 1)
    clusters = pl.read_parquet(tables / "clusters.parquet")
    holders = clusters.filter(pl.col("source") == "driving_licences")["person_id"]
    spine = clusters.filter(pl.col("source") == "pds")["person_id"]
    assert holders.is_in(spine.implode()).mean() > 0.9
    evidence = pl.read_parquet(tables / "evidence.parquet").filter(pl.col("rule_id") == "licence_issued")
    assert evidence.height == 599
    residents = pl.read_parquet(tables / "residents.parquet").filter(pl.col("decided_by") == "drives", "published")
    assert residents["reference_date"].unique().dt.year().to_list() == [2017]
    quality = pl.read_parquet(tables / "linkage_quality.parquet").filter(pl.col("source_l") == "driving_licences")
    assert quality.height > 0
