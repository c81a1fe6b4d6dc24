"""`sojourn targets`: what it prints, its JSON and its page, and its errors for studies that it cannot compare."""

import json
import shutil

import polars as pl
import pytest

from flows.targets import report_targets
from pipeline.errors import UserError
from synthetic_data.benchmarks.observed_study import open_study
from synthetic_data.benchmarks.standard_errors import measure_standard_errors
from synthetic_data.benchmarks.targets import compare, read_targets
from synthetic_data.simulate import simulate

KEYS = {"name", "published", "source", "value", "tolerance", "holds"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    simulate(2_000, 5, folder)
    return folder


@pytest.fixture(scope="module")
def outcome(study, command):
    return command("targets", study, "--report")


@pytest.fixture(scope="module")
def objects(study, command):
    return json.loads(command("targets", study / "study.toml", "--json").out)


@pytest.fixture
def copy(study, tmp_path):
    return shutil.copytree(study, tmp_path / "study")


def test_every_target_is_printed_and_how_many_are_met(outcome, objects):
    assert outcome.status == 0
    met = sum(one["holds"] for one in objects)
    assert f"{met} of {len(objects)} targets are met" in outcome.out
    assert "SYNTHETIC DATA, NOT STATISTICS" in outcome.out
    for one in objects:
        assert one["says"] in outcome.out
        assert one["source"] in outcome.out
    assert outcome.out.count("(from memory)") >= 2


def test_json_is_a_list_of_objects_with_numbers(objects):
    assert len(objects) >= 45
    for one in objects:
        assert set(one) >= KEYS
        assert isinstance(one["holds"], bool)
        for number in ("published", "tolerance"):
            assert isinstance(one[number], int | float)
        assert one["value"] is None or isinstance(one["value"], int | float)
        assert one["holds"] == (one["value"] is not None and abs(one["value"] - one["published"]) <= one["tolerance"])
        assert one["geography"]
        assert one["period"]
        assert one["value"] is not None or one["note"]


def test_the_page_is_self_contained_and_shows_each_figure(outcome, study, objects):
    page = (study / "targets.html").read_text(encoding="utf-8")
    assert outcome.status == 0
    assert "SYNTHETIC DATA - NOT STATISTICS" in page
    assert "<script" not in page
    assert "http" not in page
    assert page.count("<figure") == page.count("</figure>") >= 8
    assert page.count('role="img" aria-label="') >= 12
    for one in objects:
        assert one["says"].replace("'", "&#39;") in page


def test_the_page_can_be_written_elsewhere_and_json_is_all_that_is_printed(study, objects, capsys, tmp_path):
    assert report_targets(study, as_json=True, report=[tmp_path / "pages" / "page.html"]) == 0
    assert json.loads(capsys.readouterr().out) == objects
    assert (tmp_path / "pages" / "page.html").stat().st_size > 50_000


def test_a_target_that_is_not_met_says_so(copy, capsys):
    people = pl.read_parquet(copy / "truth" / "people.parquet")
    women = people.with_columns(sex=pl.lit("F"))
    women.write_parquet(copy / "truth" / "people.parquet")
    assert report_targets(copy, as_json=False, report=None) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "women and girls" in line]
    assert line.split()[:3] == ["NO", "50.60%", "100.00%"]


def test_a_figure_that_the_study_cannot_show_is_not_met_and_says_why(copy, study):
    text = (copy / "study.toml").read_text(encoding="utf-8")
    (copy / "study.toml").write_text(text.replace("data_date = 2019-12-31", "data_date = 2018-12-31"))
    found = {one.target.name: one for one in compare(open_study(copy), read_targets())}
    assert found["numbers"].value is None
    assert not found["numbers"].met
    assert found["numbers"].note == (
        "cannot be shown: it needs data up to 2019-06-30, and the data date is 2018-12-31"
    )
    later = {one.target.name: one.value for one in compare(open_study(study), read_targets())}
    assert found["exits_in_time_2017"].value == later["exits_in_time_2017"] > 0
    assert found["population_2019"].value == later["population_2019"] > 0  # truth is known whatever the data date


def test_a_study_without_truth_is_an_error_that_says_what_to_do(copy):
    shutil.rmtree(copy / "truth")
    with pytest.raises(UserError, match="the truth cannot be read") as error:
        report_targets(copy, as_json=False, report=None)
    assert "sojourn simulate" in str(error.value)


def test_a_study_that_is_not_synthetic_has_no_truth(copy):
    text = (copy / "study.toml").read_text(encoding="utf-8")
    (copy / "study.toml").write_text(text.replace("synthetic = true", "synthetic = false"))
    with pytest.raises(UserError, match="not a synthetic study"):
        report_targets(copy / "study.toml", as_json=False, report=None)


def test_a_missing_study_is_an_error_of_the_user(command, tmp_path):
    done = command("targets", tmp_path / "nowhere")
    assert done.status == 2
    assert "no such study" in done.err


def test_the_page_cannot_be_a_folder(study):
    with pytest.raises(UserError, match="is a folder"):
        report_targets(study, as_json=False, report=[study.parent])


def test_the_page_never_replaces_a_file_of_another_kind(copy):
    before = (copy / "study.toml").read_bytes()
    with pytest.raises(UserError, match=r"ends in \.html"):
        report_targets(copy, as_json=False, report=[copy / "study.toml"])
    assert (copy / "study.toml").read_bytes() == before


def test_a_study_of_some_regions_cannot_be_compared(copy):
    people = pl.read_parquet(copy / "truth" / "people.parquet")
    people.with_columns(region=pl.lit("E12000001")).write_parquet(copy / "truth" / "people.parquet")
    with pytest.raises(UserError, match="it has no residents in North West") as error:
        compare(open_study(copy), read_targets())
    assert "Simulate all regions" in str(error.value)


def test_spread_is_measured_over_seeds_and_brought_to_one_size():
    targets = read_targets()
    spread = measure_standard_errors([1, 2, 3], 1_000, targets)
    assert spread["name"].to_list() == [one.name for one in targets.target]
    assert set(spread["residents"]) == {1_000}
    assert spread["seeds"].max() == 3
    female = spread.row(by_predicate=pl.col("name") == "female", named=True)
    # independent people would give 0.5 / sqrt(100,000) = 0.0016; three seeds give it roughly
    assert 0.0001 < female["standard_error"] < 0.006
