"""A calibration is made from a run whose truth is known, named by a study and its manifest, and refused elsewhere."""

import json
import os
import shutil

import polars as pl
import pytest


@pytest.fixture(scope="module")
def made(demo, command, tmp_path_factory):
    file = tmp_path_factory.mktemp("calibration") / "made.toml"
    outcome = command("evaluate", demo.run, "--write-calibration", file)
    assert outcome.status == 0, outcome.err
    assert "decisions of 1 runs by long_term_2019" in outcome.out
    return file


def misstated(run):
    """The mean distance, over cases, of the probabilities of a tenth from the share that happened."""
    tenths = pl.read_parquet(run / "evaluation" / "tenths.parquet")
    assert set(tenths["measure"]) == {"immigration", "emigration", "population"}
    off = (pl.col("predicted") - pl.col("actual")).abs() * pl.col("cases")
    return tenths.select(off.sum() / pl.col("cases").sum()).item()


def test_probabilities_of_a_calibrated_run_mean_what_they_say(demo, made, command, study_copy, tmp_path):
    assert json.loads((demo.run / "manifest.json").read_text())["calibration"] == "uncalibrated"
    assert ">uncalibrated<" in (demo.run / "report.html").read_text()
    run = tmp_path / "run"
    shutil.copytree(demo.run / "store", run / "store", copy_function=os.link)  # read only
    shutil.copy(made, study_copy.parent / "made.toml")
    study_copy.write_text(study_copy.read_text() + '\n[rules]\ncalibration = "made.toml"\n')
    outcome = command("run", study_copy, "--out", run)
    assert outcome.status == 0, outcome.out + outcome.err
    assert json.loads((run / "manifest.json").read_text())["calibration"].startswith("made.toml ")
    before, after = (pl.read_parquet(one / "tables" / "migrations.parquet") for one in (demo.run, run))
    assert before.drop("probability").equals(after.drop("probability"))
    were_certain = after.filter((before["status"] == "certain") & (before["probability"] == 1))
    assert were_certain["probability"].mean() < 1  # some certain migrations did not happen
    outcome = command("evaluate", run)
    assert outcome.status == 0, outcome.err
    assert misstated(run) < misstated(demo.run)
    stands_for = pl.read_parquet(run / "tables" / "flow_completeness.parquet")["migrations_per_case"]
    assert ((stands_for > 0.8) & (stands_for < 1.5)).all()
    assert stands_for.n_unique() > 2  # each group has its own
    again = command("evaluate", run, "--write-calibration", tmp_path / "again.toml")
    assert again.status == 2
    assert "its probabilities are calibrated already" in again.err


def test_a_calibration_of_other_rules_is_refused_before_anything_runs(made, command, study_copy, tmp_path):
    shutil.copy(made, study_copy.parent / "made.toml")
    (study_copy.parent / "mine.toml").write_text(
        'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "long_term_2019"\n'
        '[parameters.long_term_days]\nvalue = 300\nsource_of_value = "A test"\n'
    )
    lines = [line for line in study_copy.read_text().splitlines() if not line.startswith("rule_set")]
    study_copy.write_text("\n".join(['rule_set = "mine.toml"', *lines, "[rules]", 'calibration = "made.toml"', ""]))
    refused = command("run", study_copy, "--out", tmp_path / "run")
    assert refused.status == 2
    assert "made.toml: made with the rule set long_term_2019" in refused.err
    assert not (tmp_path / "run" / "tables").exists()


def test_what_makes_no_calibration(demo, made, command, tmp_path):
    for arguments, message in (
        ((demo.run, tmp_path), "only --write-calibration takes several runs"),
        ((demo.run, "--write-calibration", tmp_path / "made.txt"), "ends in .toml"),
        ((demo.run, "--json", "--write-calibration", made), "Leave out --json"),
        ((demo.run, tmp_path, "--write-calibration", made), "no finished run here"),
    ):
        outcome = command("evaluate", *arguments)
        assert outcome.status == 2, arguments
        assert message in outcome.err


def test_runs_that_publish_different_definitions_make_no_calibration(demo, command, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(demo.run, other, copy_function=os.link)
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").unlink()  # a link
    (other / "manifest.json").write_text(json.dumps(manifest | {"definition": "registration"}))
    outcome = command("evaluate", demo.run, other, "--write-calibration", tmp_path / "made.toml")
    assert outcome.status == 2
    assert "publishes another definition" in outcome.err
