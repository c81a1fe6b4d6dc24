"""`sojourn plan`: which stages would be computed again and why, what they would cost, and nothing changed by it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

STAGES = ["ingest", "link", "evidence", "stays", "count", "account", "publish"]


@pytest.fixture
def planned(command, tmp_path) -> Callable[..., dict]:
    """Plans a study, as one without a measured machine would, and returns what is printed as JSON."""

    def plan(*arguments: object) -> dict:
        outcome = command("plan", *arguments, "--json", env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
        assert outcome.status == 0, outcome.err
        return json.loads(outcome.out)

    return plan


def listing(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def test_of_a_finished_run_nothing_is_computed_again(demo, planned):
    before = listing(demo.folder)
    plan = planned(demo.study, "--out", demo.run)
    assert [(one["stage"], one["computed"], one["why"]) for one in plan["stages"]] == [
        (stage, False, []) for stage in STAGES
    ]
    assert (plan["bytes"], plan["cpu_seconds"], plan["candidate_pairs"]) == (0, 0.0, 0)
    assert listing(demo.folder) == before


def test_of_a_new_study_all_is_computed_with_about_the_rows_pairs_and_bytes_of_its_run(demo, planned, tmp_path):
    plan = planned(demo.study, "--out", tmp_path / "new")
    assert {(one["computed"], *one["why"]) for one in plan["stages"]} == {(True, "no finished run is in this folder")}
    assert not (tmp_path / "new").exists()
    counts = {
        name: stage["counts"]
        for name, stage in json.loads((demo.run / "manifest.json").read_text())["stages"].items()
    }
    files = {path.stat().st_ino: path.stat().st_size for path in (demo.run / "store").rglob("*") if path.is_file()}
    assert plan["rows"] == counts["ingest"]["rows"]
    assert plan["candidate_pairs"] == pytest.approx(counts["link"]["candidate_pairs"], rel=0.5)
    assert counts["link"]["candidate_pairs"] == pytest.approx(plan["candidate_pairs"], rel=0.5)
    assert plan["bytes"] == pytest.approx(sum(files.values()), rel=0.5)
    assert sum(files.values()) == pytest.approx(plan["bytes"], rel=0.5)
    assert plan["calibrated"] is False


def test_a_change_is_named_with_the_stage_that_it_reaches_first(demo, study_copy, planned):
    shutil.rmtree(study_copy.parent / "truth")
    study_copy.write_text(study_copy.read_text().replace('"long_term_2019"', '"definitions_2019"'))
    plan = {one["stage"]: one for one in planned(study_copy, "--out", demo.run)["stages"]}
    assert [name for name in STAGES if not plan[name]["computed"]] == ["ingest", "link"]
    assert plan["evidence"]["why"][0].startswith("another rule (long_term_2019 ")
    assert plan["count"]["why"] == ["after stays"]


def test_a_changed_file_is_named_and_a_damaged_result_is_told_from_it(demo, study_copy, planned, tmp_path):
    deaths = study_copy.parent / "extracts" / "deaths.csv"
    deaths.write_text(deaths.read_text() + "\n")
    plan = {one["stage"]: one for one in planned(study_copy, "--out", demo.run)["stages"]}
    assert plan["ingest"]["why"] == ["another input (deaths.csv)"]
    assert plan["link"]["why"] == ["after ingest"]
    assert plan["publish"]["why"][0].startswith("another study (")
    run = tmp_path / "run"
    shutil.copytree(demo.run, run)
    next((run / "store" / "evidence").rglob("evidence.parquet")).unlink()
    plan = {one["stage"]: one for one in planned(demo.study, "--out", run)["stages"]}
    assert plan["evidence"]["why"] == ["its stored result is missing or damaged"]
    assert not plan["stays"]["computed"]


def test_a_mistake_in_the_study_is_reported_as_by_a_run(study_copy, command):
    (study_copy.parent / "extracts" / "mws.csv").unlink()
    outcome = command("plan", study_copy)
    assert (outcome.status, outcome.err.count("\n")) == (2, 1)
    assert "mws.csv" in outcome.err


def test_the_lines_say_what_the_json_says(demo, command, tmp_path):
    outcome = command("plan", demo.study, "--out", demo.run, env={"XDG_CACHE_HOME": str(tmp_path)})
    assert outcome.lines[-1].strip() == "Nothing would be computed."
    outcome = command("plan", demo.study, "--out", tmp_path / "new", env={"XDG_CACHE_HOME": str(tmp_path)})
    assert "1 ingest" not in outcome.out
    assert "2 ingest    is computed: no finished run is in this folder" in outcome.out
    assert "measure this one by --calibrate" in outcome.lines[-1]


def test_what_was_measured_is_used_and_a_damaged_file_of_it_is_named(demo, command, planned, tmp_path):
    folder = tmp_path / "cache" / "sojourn"
    folder.mkdir(parents=True)
    ours = {"cpu_seconds": 2.0, "bytes": 1000}
    country = {"rows": 1000, "candidate_pairs": 100, "stages": dict.fromkeys(STAGES, ours)}
    other = {"rows": 2000, "candidate_pairs": 400, "stages": dict.fromkeys(STAGES, ours)}
    (folder / "machine.json").write_text(json.dumps({"name": "mine", "small": country, "large": other}))
    plan = planned(demo.study, "--out", tmp_path / "new")
    assert (plan["machine"], plan["calibrated"], plan["cpu_seconds"]) == ("mine", True, 14.0)
    (folder / "machine.json").write_text("{}")
    outcome = command("plan", demo.study, env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert (outcome.status, "Run that again" in outcome.err) == (2, True)
