"""The study chooses the definition that is published; its id is a name, and no part of the program knows it."""

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.study import read_study
from rules.rule_set import rule_set_path


@pytest.fixture
def run_with(demo, command, study_copy, tmp_path):
    """Run the demo's study with other first lines; returns the folder of the run."""

    def run(lines: str) -> Path:
        folder = tmp_path / "run"
        shutil.copytree(demo.run / "store", folder / "store", copy_function=os.link)  # read only
        kept = [line for line in study_copy.read_text().splitlines() if not line.startswith("rule_set")]
        study_copy.write_text("\n".join([lines, *kept]) + "\n")
        outcome = command("run", study_copy, "--out", folder)
        assert outcome.status == 0, outcome.out + outcome.err
        return folder

    return run


def figures(run: Path, name: str) -> pl.DataFrame:
    """Return a table without what names the rules; of migrations, those by the published definition."""
    table = pl.read_parquet(run / "tables" / f"{name}.parquet")
    if name == "migrations":
        published = json.loads((run / "manifest.json").read_text())["definition"]
        table = table.filter(definition=published)
    return table.drop("definition", "rule_set", strict=False)


def test_a_definition_of_another_id_gives_the_same_figures(demo, run_with, study_copy):
    text = rule_set_path(read_study(study_copy)).read_text()
    assert 'id = "long_term"\n' in text
    (study_copy.parent / "mine.toml").write_text(text.replace('id = "long_term"\n', 'id = "usual_residence"\n'))
    run = run_with('rule_set = "mine.toml"')
    for name in ("migrations", "residents", "counts", "estimates", "flows", "stocks"):
        assert_frame_equal(figures(run, name), figures(demo.run, name))
    flows = pl.read_parquet(run / "tables" / "flows.parquet")
    assert flows["definition"].unique().to_list() == ["usual_residence"]
    yearly = flows.filter(pl.col("measure") == "immigration", pl.col("period_end").dt.year() == 2018)
    assert yearly["estimate"].max() > 0
    assert json.loads((run / "manifest.json").read_text())["definition"] == "usual_residence"
    totals = [
        line
        for line in (run / "tables" / "funnel.csv").read_text().splitlines()
        if line.startswith(("immigration", "emigration"))
    ]
    shipped = (demo.run / "tables" / "funnel.csv").read_text()
    assert len(totals) == 2
    assert all(line in shipped for line in totals)


def test_a_study_may_publish_one_of_the_stay_rules(demo, run_with):
    run = run_with('definition = "registration"')
    tables = {name: pl.read_parquet(run / "tables" / f"{name}.parquet") for name in ("migrations", "flows", "stays")}
    assert tables["flows"]["definition"].unique().to_list() == ["registration"]
    of_definition = tables["migrations"].filter(definition="registration")
    assert of_definition["rule_id"].unique().to_list() == ["registration"]
    counted = pl.read_parquet(run / "tables" / "counts.parquet")
    assert counted["definition"].unique().to_list() == ["registration"]
    by_arrival = tables["stays"].filter(definition="registration", starts_by_arrival=True, status="long_term")
    immigrations = of_definition.filter(direction="immigration", status="certain")
    assert immigrations.height == by_arrival.height > 0
    assert not figures(run, "flows").equals(figures(demo.run, "flows"))
