"""The Prefect flow: the same stages, the same bytes, as quiet, with no server to start and no network."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from tiny_country import write_study

from flows.live.run_live import run_id_of
from pipeline.study import read_study

pytestmark = pytest.mark.prefect
TASKS = ["ingest", "link", "evidence", "stays", "count", "account", "publish"]


@pytest.fixture(scope="module")
def prefect_run(demo, command, loopback_only, tmp_path_factory):
    """The demo's study run live as a Prefect flow, with its ingest and link stages already finished."""
    runs = tmp_path_factory.mktemp("prefect") / "runs"
    run = runs / f"2020-01-01-{run_id_of(read_study(demo.study), runs / 'run')}"
    for stage in ("ingest", "link"):
        shutil.copytree(demo.run / "store" / stage, run / "store" / stage)
    (runs / ".lock").touch()
    return run, command("run", demo.study, "--live", runs, "--prefect", prelude=loopback_only)


def test_it_gives_the_same_bytes(demo, prefect_run, digests):
    run, outcome = prefect_run
    assert outcome.status == 0, outcome.out + outcome.err
    assert digests(run) == digests(demo.run)


def test_what_prefect_writes_is_for_its_owner_alone_too(prefect_run):
    run, _ = prefect_run
    assert (run / ".prefect" / "prefect.db").is_file()
    assert [path for path in (run / ".prefect").rglob("*") if path.stat().st_mode & 0o077] == []


def test_it_goes_live(prefect_run):
    run, outcome = prefect_run
    assert (run.parent / "latest").read_text() == f"{run.name}\n"
    assert outcome.lines[-1].startswith("  live ")


def test_it_is_as_quiet_as_the_plain_chain(demo, prefect_run):
    _, outcome = prefect_run
    log = [json.loads(line) for line in (demo.run / "run.log").read_text(encoding="utf-8").splitlines()]
    warnings = [
        warning
        for event in log
        if event.get("stage") in TASKS[2:] and not event["reused"]
        for warning in event["warnings"]
    ]
    assert outcome.err.splitlines() == [f"    warning: {warning}" for warning in warnings]
    assert [line.split()[1] for line in outcome.lines if line[2:3].isdigit()] == TASKS


def test_each_task_leaves_its_counts_and_a_link_to_its_tables(prefect_run):
    run, _ = prefect_run
    with sqlite3.connect(run / ".prefect" / "prefect.db") as database:
        artifacts = dict(database.execute("SELECT key, data FROM artifact").fetchall())
        tasks = {name for (name,) in database.execute("SELECT name FROM task_run").fetchall()}
    assert tasks == {"read", *TASKS}
    for name in TASKS:
        assert f"{name}-counts" in artifacts
        folder = artifacts[f"{name}-tables"].split("file://")[1].split(")")[0]
        assert Path(folder).is_dir()


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "http://no-such-host.invalid/api", "nonsense"])
def test_a_server_that_does_not_answer_is_named(address, demo, command, tmp_path):
    outcome = command("run", demo.study, "--out", tmp_path / "run", "--prefect", env={"PREFECT_API_URL": address})
    assert outcome.status == 2, outcome.err
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("sojourn: PREFECT_API_URL: ")


def test_a_folder_that_prefect_cannot_use_is_refused(demo, command, tmp_path):
    outcome = command("run", demo.study, "--out", tmp_path / "50%", "--prefect")
    assert outcome.status == 2
    assert "50%/.prefect: Prefect cannot use a folder" in outcome.err


def test_a_mistake_is_reported_in_one_paragraph(study_copy, command):
    (study_copy.parent / "extracts" / "mws.csv").unlink()
    outcome = command("run", study_copy, "--prefect")
    assert outcome.status == 2
    assert "mws.csv" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_study_without_births_and_a_survey_is_run_as_far_as_without_prefect(command, digests, tmp_path):
    study = write_study(tmp_path / "study", without=["births", "coverage_survey", "review_sample"])
    plain = command("run", study)
    assert plain.status == 0, plain.out + plain.err
    outcome = command("run", study, "--out", tmp_path / "run", "--prefect")
    assert outcome.status == 0, outcome.out + outcome.err
    assert digests(tmp_path / "run") == digests(study.parent / "run")
    with sqlite3.connect(tmp_path / "run" / ".prefect" / "prefect.db") as database:
        artifacts = dict(database.execute("SELECT key, data FROM artifact").fetchall())
    assert "coverage: not measured" in artifacts["count-counts"]
    assert "account: not measured" in artifacts["account-counts"]
