"""`sojourn rules`: a rule set in words, its probable mistakes, and a user's own cases."""

import json
from pathlib import Path

import polars as pl

from flows.cli import app

DOCUMENT = Path(__file__).parents[2] / "docs" / "rule_cases.md"


def test_every_rule_and_parameter_is_shown_in_words(command):
    outcome = command("rules", "show")
    assert outcome.status == 0, outcome.err
    for text in (
        "Crossed the border inwards.",
        "when: direction = 'arrival'",
        "long_term_days = 365 days from 1998-01-01 (90 to 730)",
        "more_than_days = $long_term_days, 365 days from 1998-01-01",
        "other_rows.studied_here_before.earlier: study_location = 'united_kingdom'",
        "source: ONS 2021, RAPID",
        "residency_index.resident_from = 0.7 points",
    ):
        assert text in outcome.out
    table = json.loads(command("rules", "show", "--json").out)
    assert {"parameter": "adult_age", "value": 18, "unit": "years"}.items() <= next(
        row for row in table if row["parameter"] == "adult_age"
    ).items()


def test_with_a_run_each_rule_says_how_many_people_it_decided(demo, command):
    outcome = command("rules", "show", "--run", demo.run)
    assert outcome.status == 0, outcome.err
    tables = {name: pl.read_parquet(demo.run / "tables" / f"{name}.parquet") for name in ("residents", "stays")}
    decided = tables["residents"].filter(decided_by="registered_with_nhs")["person_id"].n_unique()
    lines = outcome.out.splitlines()
    place = lines.index("  registered_with_nhs (any)")
    assert f"    decided: {decided:,} people" in lines[place : place + 12]
    residents = tables["residents"].filter(pl.col("family") == "two_families", "resident")["person_id"].n_unique()
    place = lines.index("  two_families (families)")
    assert f"    decided: {residents:,} residents" in lines[place : place + 12]


def test_rules_that_were_changed_since_the_run_are_not_shown_as_its_own(demo, command, study_copy, tmp_path):
    (study_copy.parent / "mine.toml").write_text('id = "mine"\ntitle = "x"\nsays = "x"\nextends = "long_term_2019"\n')
    text = study_copy.read_text().replace('rule_set = "long_term_2019"', 'rule_set = "mine.toml"')
    assert "mine.toml" in text
    study_copy.write_text(text)
    assert command("run", study_copy, "--out", tmp_path / "run").status == 0
    assert command("rules", "show", "--run", tmp_path / "run").status == 0
    changed = '[parameters.adult_age]\nvalue = 17\nsource_of_value = "x"\n'
    (study_copy.parent / "mine.toml").write_text((study_copy.parent / "mine.toml").read_text() + changed)
    outcome = command("rules", "show", "--run", tmp_path / "run")
    assert outcome.status == 2
    assert "the rules have changed since" in outcome.err


def test_check_finds_nothing_in_the_set_that_ships_and_a_bare_number_in_another(command, tmp_path):
    outcome = command("rules", "check")
    assert outcome.status == 0, outcome.out
    assert "no finding" in outcome.out
    mine = tmp_path / "mine.toml"
    head = 'id = "mine"\ntitle = "x"\nsays = "x"\nextends = "long_term_2019"\n'
    mine.write_text(f'{head}[[evidence]]\nid = "weeks_active"\nwhen = "weeks >= 13"\n')
    outcome = command("rules", "check", mine)
    assert outcome.status == 1
    assert 'the number 13 in "weeks >= 13" is undescribed' in outcome.out
    mine.write_text(f'{head}[[evidence]]\nid = "weeks_active"\nwhen = "wekes >= 13"\n')
    outcome = command("rules", "check", mine)
    assert outcome.status == 2
    assert "unknown column 'wekes'. Did you mean 'weeks'?" in outcome.err


def test_cases_of_ones_own_are_tested(command, tmp_path):
    assert command("rules", "test").status == 0
    cases = tmp_path / "cases.toml"
    cases.write_text(
        '[[case]]\nid = "visit"\nsays = "A visit."\ngroup = "non_EU"\nexpect.stays = ["long_term"]\n'
        "timeline = '''\n            |2016\nborder_in     x\nborder_out       x\n'''\n"
    )
    outcome = command("rules", "test", "--cases", cases)
    assert outcome.status == 1
    assert "visit, stays: expected long_term, found short_term" in outcome.out
    assert "0 of 1 cases as expected" in outcome.out


def test_the_page_of_cases_is_the_one_that_the_command_prints(command):
    outcome = command("rules", "test", "--markdown")
    assert outcome.status == 0
    page = DOCUMENT.read_text()
    other = command("rules", "test", "definitions_2019", "--markdown")
    assert other.status == 0, other.out
    assert page.endswith(f"## long_term_2019\n\n{outcome.out}## definitions_2019\n\n{other.out}")
    assert outcome.out.count("### ") > 10
    assert other.out.count("### ") > 5


def test_the_verb_is_part_of_the_command():
    assert "rules" in app
