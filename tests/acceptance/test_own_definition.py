"""A definition and an evidence rule, added in a file of a few lines, give flows: no Python, no copied rules."""

import json
import os
import shutil

import polars as pl

SIX_OF_TWELVE = """
id = "six_of_twelve"
title = "Six of twelve months"
says = "Usual residence for more than half of twelve months."
extends = "long_term_2019"

[parameters.long_term_days]
value = 182
source_of_value = "UN 2021: most of twelve months"

[parameters.absence_days]
value = 182
source_of_value = "UN 2021: most of twelve months"

[[evidence]]
id = "first_well_paid_year"
says = "Was active for most of a tax year, for the first time."
source = "activity"
extract = "activity_weeks"
kind = "arrival"
date = "tax_year_start"
when = "weeks >= $most_of_a_year and first_time"
other_rows = { first_time = { first = "weeks >= $most_of_a_year" } }
date_quality = "registered"
source_of_rule = "A test"

[evidence.parameters.most_of_a_year]
says = "Weeks that are most of a year."
value = 27
unit = "weeks"
range = [20, 40]
source_of_value = "A test"
holds_from = 2009-04-06

[[stay]]
id = "weeks_of_activity"
arrivals = ["worker_arrived", "student_from_abroad", "nhs_first_from_abroad", "nhs_flag_4", "first_well_paid_year"]

[definition]
id = "half_a_year"
says = "Usual residence for more than half of twelve months, by the best evidence available on each person."
"""


def test_a_definition_and_an_evidence_rule_of_ones_own_give_flows(demo, command, study_copy, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(demo.run / "store", folder / "store", copy_function=os.link)  # read only
    (study_copy.parent / "six.toml").write_text(SIX_OF_TWELVE)
    lines = [line for line in study_copy.read_text().splitlines() if not line.startswith("rule_set")]
    study_copy.write_text("\n".join(['rule_set = "six.toml"', *lines]) + "\n")
    outcome = command("run", study_copy, "--out", folder)
    assert outcome.status == 0, outcome.out + outcome.err
    tables = {name: pl.read_parquet(folder / "tables" / f"{name}.parquet") for name in ("evidence", "flows", "stays")}
    fired = tables["evidence"].filter(rule_id="first_well_paid_year")
    assert fired.height == fired["subject_id"].n_unique() > 0  # one first time each
    assert tables["flows"]["definition"].unique().to_list() == ["half_a_year"]
    ours, theirs = (
        pl.read_parquet(run / "tables" / "flows.parquet").filter(
            pl.col("measure") == "emigration", pl.col("nationality_group") == "all", pl.col("sex") == "all",
            pl.col("age_group") == "all", pl.col("period_end").dt.month() == 6,
        )["estimate"].sum()
        for run in (folder, demo.run)
    )  # fmt: skip
    assert ours > theirs > 0  # who leaves for seven months emigrates by this definition, and not by the other
    manifest = json.loads((folder / "manifest.json").read_text())["rule_set"]
    default = json.loads((demo.run / "manifest.json").read_text())["rule_set"]
    assert manifest["id"] == "six_of_twelve"
    assert manifest["extends"] == [{"id": "long_term_2019", "digest": default["digest"]}]
    assert manifest["digest"] != default["digest"]
    report = (folder / "report.html").read_text()
    assert default["digest"] in report
    assert manifest["digest"] in report
