"""`sojourn simulate` with a scenario, other errors or a data date: what is simulated again, and errors."""

import json
from datetime import date

import pytest

from flows.simulate import MARK, simulate_study
from flows.terminal import Terminal
from pipeline.errors import UserError


def test_a_new_choice_is_simulated_and_an_intact_study_is_kept(tmp_path):
    out, errors = tmp_path / "study", tmp_path / "mine.toml"
    errors.write_text("[names]\nrate = 0.04\n")

    def reused(**chosen):
        return simulate_study(1_000, 1, out, Terminal(), **chosen).reused

    assert not reused()
    assert reused(scenario="baseline")
    (out / "extracts" / "mws.csv").unlink()
    assert not reused(), "a study with a missing file is made again"
    assert (out / "extracts" / "mws.csv").exists()
    (out / "targets.html").write_text("of the earlier study")
    assert not reused(scenario="lost_tenth")
    assert not (out / "targets.html").exists()
    assert not reused(errors=str(errors))
    assert reused(errors=str(errors))
    errors.write_text("[names]\nrate = 0.05\n")
    assert not reused(errors=str(errors))
    assert not reused(errors="none")
    assert not reused(scenario="perfect_sources", errors="none")
    assert not reused(regions=("Wales",))
    assert reused(regions=("W92000004",))
    assert not reused(snapshots=1, parquet=True)
    assert json.loads((out / MARK).read_text())["key"]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"scenario": "visa_surg"}, "Did you mean 'visa_surge'?"),
        ({"errors": "nowhere.toml"}, "--errors nowhere.toml: no such file"),
        ({"errors": "None"}, "or 'none' for no errors"),
        ({"errors": ""}, "no such file"),
        ({"errors": "hard_links"}, "with --scenario"),
        ({"scenario": __file__}, "ends in .toml"),
        ({"data_date": date(2017, 6, 29)}, "coverage survey of 2017-06-30"),
        ({"regions": ("Waless",)}, "Did you mean 'Wales'?"),
        ({"snapshots": 0}, "--snapshots 0"),
        ({"snapshots": 7}, "6 exist on 2019-12-31"),
        ({"snapshots": 5, "data_date": date(2018, 1, 31)}, "Choose 1 to 4"),
    ],
)
def test_a_mistake_leaves_no_folder(tmp_path, chosen, message):
    with pytest.raises(UserError, match=message):
        simulate_study(1_000, 1, tmp_path / "study", Terminal(), **chosen)
    assert not (tmp_path / "study").exists()


def test_files_of_errors_and_of_scenarios_are_distinguished(tmp_path):
    errors, scenario = tmp_path / "errors.toml", tmp_path / "scenario.toml"
    errors.write_text("[names]\nrate = 0.05\n")
    scenario.write_text('says = "as ever"\n')
    for chosen, message in (
        ({"errors": str(scenario)}, "with --scenario"),
        ({"scenario": str(errors)}, "with --errors"),
    ):
        with pytest.raises(UserError, match=message):
            simulate_study(1_000, 1, tmp_path / "study", Terminal(), **chosen)


def test_the_command_takes_all_choices_together(command, tmp_path):
    out = tmp_path / "study"
    outcome = command(
        "simulate", "--residents", 1000, "--seed", 1, "--out", out,
        "--data-date", "2018-12-31", "--scenario", "lost_tenth", "--errors", "none",
        "--region", "London", "--region", "W92000004", "--snapshots", 2, "--parquet",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    text = (out / "study.toml").read_text()
    for line in (
        "data_date = 2018-12-31",
        "flow_years = [2016, 2017, 2018]",
        "# Scenario lost_tenth",
        "# Errors: none",
        "# Regions: only people whose first home is in London, Wales.",
        'files = ["extracts/pr_2017.parquet", "extracts/pr_2018.parquet"]',
    ):
        assert line in text
