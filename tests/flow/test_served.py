"""`sojourn serve`: a real server and a real worker estimate a delivery, and neither people nor key reach Prefect."""

import errno
import json
import shutil
import signal
import sqlite3
import urllib.error
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from canary import find_clear
from prefect.blocks.system import Secret
from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings
from served_prefect import serving, until
from tiny_country import PEOPLE, write_study
from tiny_country import _nhs_number as nhs_number

from flows.live.live_runs import LiveRuns
from flows.scheduled.key_block import key_of_block
from flows.scheduled.outcomes import ended
from flows.scheduled.parameters import QuarterlyRun, RevisionReplay, RuleComparison, Validation
from flows.scheduled.quarterly import estimated_live, quarterly
from flows.scheduled.revision_replay import revision_replay
from flows.scheduled.rule_comparison import rule_comparison
from flows.scheduled.tasks import in_task
from flows.scheduled.validation import validate_figures
from flows.served_processes import MARK
from pipeline.errors import UserError
from pipeline.keys import key_from_text, read_key
from pipeline.schemas import ALL
from pipeline.study import read_study

pytestmark = pytest.mark.prefect
KEY = "5ec0dedfacade0ff1cebadd00dfeed5e" * 2
MISSING = "extracts/deaths.csv"
STAGES = ("ingest", "link", "evidence", "stays", "count", "account", "publish")
OF_A_RUN = (
    "headline", "linkage-quality", "coverage", "ledger", "checks", "report", "progress", "link-counts", "live",
)  # fmt: skip
DISTINCT = ("Olszewska", "Pawlak", "Queiroz", "Underwood", "Abbott")
"""Family names that nothing else is called."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server with a worker that looks for the delivery of a tiny country, one file of which has not arrived."""
    folder = tmp_path_factory.mktemp("served")
    study = write_study(folder / "tiny")
    (folder / "tiny" / "study.key").write_text(KEY)
    (folder / "tiny" / MISSING).rename(folder / "tiny" / "on its way")
    with serving(study, str(study), "--live", str(folder / "runs"), folder=folder) as running:
        yield running


def looked(served):
    """Return a run of the sensor, started again where one of its schedule is in the way: then Prefect cancels it."""

    def found():
        number = served.start("sensor")
        (run,) = until(lambda: [one for one in served.runs("sensor") if one["id"] == number and one["end_time"]])
        return run if run["state"]["type"] != "CANCELLED" else None

    return until(found)


def test_the_sensor_waits_for_a_file_that_has_not_arrived(served):
    first = served.ended("sensor")[0]
    if first["state"]["type"] == "CANCELLED":
        first = looked(served)
    assert (first["state"]["type"], first["state"]["name"]) == ("COMPLETED", "Waiting")
    assert MISSING in first["state"]["message"]
    assert served.runs("quarterly") == []


def test_a_complete_delivery_is_estimated_once(served):
    (served.study.parent / "on its way").rename(served.study.parent / MISSING)
    assert looked(served)["state"]["name"] == "Started"
    run = served.ended("quarterly")[0]
    assert run["state"]["type"] == "COMPLETED", run["state"]
    assert run["state"]["message"].startswith("Net migration, year ending June 2018: ")
    runs = served.folder.parent / "runs"
    live = runs / (runs / "latest").read_text().strip()
    assert (live / "report.html").is_file()
    assert (runs / "history.csv").read_text().splitlines()[1].startswith(f"{live.name},2")
    assert not (served.study.parent / "run").exists()
    assert run["name"] == "tiny"
    assert looked(served)["state"]["name"] == "Nothing new"
    assert len(served.runs("quarterly")) == 1


def test_a_run_is_one_task_a_stage_with_its_artifacts(served):
    run = next(one for one in served.runs("quarterly") if one["state_type"] == "COMPLETED")
    asked = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    tasks = {one["name"]: one["state_name"] for one in served.post("/task_runs/filter", **asked)}
    assert tasks == dict.fromkeys(["read", *STAGES], "Completed")
    artifacts = {one["key"]: one for one in served.post("/artifacts/filter", **asked)}
    assert set(OF_A_RUN) <= set(artifacts)
    assert artifacts["progress"]["data"] == 100.0
    assert run["state"]["message"] in artifacts["headline"]["data"]
    assert json.loads(artifacts["ledger"]["data"])[0]["rows_in"] > 0
    assert "report.html" in artifacts["report"]["data"]


def test_the_forms_ask_for_the_parameters_and_take_no_key(served):
    form = served.deployments()["quarterly"]["parameter_openapi_schema"]["definitions"]["QuarterlyRun"]
    assert form["required"] == ["study"]
    assert form["properties"]["threads"]["description"]
    for wrong in (
        {"study": "not/a/whole/path"},
        {"study": "/a/study", "live": "runs"},
        {"study": "/a/study", "key_block": KEY},
    ):
        with pytest.raises(urllib.error.HTTPError):
            served.start("quarterly", {"run": wrong})


def test_a_run_folder_and_a_folder_of_live_runs_are_not_both_taken(served):
    asked = QuarterlyRun(study=str(served.study), out="/a/run", live="/runs")
    state = ended(lambda: estimated_live(read_study(served.study), asked, Path("/runs")))
    assert (state.name, "Leave out the run folder" in state.message) == ("Failed check", True)
    assert not Path("/runs").exists()


def test_a_run_whose_checks_fail_does_not_go_live(served):
    """Data of an earlier day than those that are live: a whole run, which only its audit can refuse."""
    earlier = served.study.with_name("earlier.toml")
    earlier.write_text(served.study.read_text().replace("data_date = 2019-12-31", "data_date = 2019-12-30"))
    runs = served.folder.parent / "runs"
    live = (runs / "latest").read_text().strip()
    settings = {PREFECT_API_URL: f"{served.address}/api", PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(settings):
        quarterly(QuarterlyRun(study=str(earlier), live=str(runs)), return_state=True)
    (run,) = served.post("/flow_runs/filter", flow_runs={"state": {"type": {"any_": ["FAILED"]}}})
    assert (run["name"], run["state"]["name"]) == ("tiny", "Failed check")
    assert "does not go live: its data are of 2019-12-30" in run["state"]["message"]
    of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}, "artifacts": {"key": {"any_": ["live"]}}}
    (artifact,) = served.post("/artifacts/filter", **of_run)
    assert artifact["data"].startswith("not live ")
    assert (runs / "latest").read_text().strip() == live
    (beside,) = LiveRuns(runs).all_but_live()
    assert (beside / "report.html").is_file()
    kept, failed = LiveRuns(runs).history()
    assert (kept.run, kept.superseded_by) == (live, "")
    assert (failed.run, failed.went_live) == (beside.name, "")
    assert failed.reason.startswith("failed its checks: its data are of 2019-12-30")


def test_rules_are_compared_on_the_people_of_a_live_run_beside_it(served):
    runs, out = LiveRuns(served.folder.parent / "runs"), served.study.with_name("compared")
    live = runs.folder / runs.live
    asked = {"run": str(live), "rule_sets": ["long_term_2019", "definitions_2019"], "counted": True}
    with temporary_settings({PREFECT_API_URL: f"{served.address}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        refused = rule_comparison(RuleComparison(**asked), return_state=True)
        done = rule_comparison(RuleComparison(**asked, out=str(out)), return_state=True)
    assert (refused.name, "is never changed" in refused.message) == ("Failed check", True)
    assert done.is_completed(), done.message
    assert not (live / "rule_comparison").exists()
    table = pl.read_csv(out / "estimates.csv")
    assert table.columns == ["measure", "period", "group", "long_term_2019", "definitions_2019"]
    came = table.filter(measure="immigration", period="2017-06-30", group=ALL).row(0, named=True)
    assert came["long_term_2019"] == 2, "Olga and Piotr"
    tasks = {one["name"]: one["state_name"] for one in served.post("/task_runs/filter")}
    assert (tasks["long_term_2019"], tasks["definitions_2019"]) == ("Completed", "Completed")


def test_deliveries_are_replayed_in_order_and_their_figures_compared(served):
    """Both deliveries have been computed by earlier tests: their stages are taken from those runs."""
    runs, out = LiveRuns(served.folder.parent / "runs"), served.study.with_name("replayed")
    studies = {"2019-12-31": served.study, "2019-12-30": served.study.with_name("earlier.toml")}
    computed = {"2019-12-31": runs.folder / runs.live, "2019-12-30": runs.all_but_live()[0]}
    for day, run in computed.items():
        shutil.copytree(run / "store", out / day / "store")
    with temporary_settings({PREFECT_API_URL: f"{served.address}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        asked = RevisionReplay(studies=[str(path) for path in studies.values()], out=str(out))
        state = revision_replay(asked, return_state=True)
    assert (state.name, state.message) == ("Completed", "2 deliveries, from 2019-12-30 to 2019-12-31")
    table = pl.read_csv(out / "revisions.csv")
    came = table.filter(measure="immigration", period="2017-06-30", group=ALL).sort("data_date")
    assert came["data_date"].to_list() == ["2019-12-30", "2019-12-31"]
    assert came["first"].n_unique() == 1
    assert came["revision"][0] == 0


def test_countries_are_estimated_and_scored_one_task_each(served):
    out = served.study.with_name("validated")
    asked = {"replicates": 2, "residents": 1_000, "calibration": "long_term_2019", "out": str(out)}
    with temporary_settings({PREFECT_API_URL: f"{served.address}/api", PREFECT_LOGGING_TO_API_ENABLED: False}):
        refused = validate_figures(Validation(**asked | {"calibration": "long_term_2018"}), return_state=True)
        done = validate_figures(Validation(**asked), return_state=True)
    assert (refused.name, "Did you mean 'long_term_2019'" in refused.message) == ("Failed check", True)
    assert (done.name, done.message) == ("Completed", f"2 countries, scored in {out}")
    tasks = {one["name"]: one["state_name"] for one in served.post("/task_runs/filter")}
    assert (tasks["seed 1001"], tasks["seed 1002"]) == ("Completed", "Completed")
    totals = [one for one in json.loads((out / "validation.json").read_text()) if one["measure"] == "population"]
    assert {one["replicates"] for one in totals} == {2}
    (accuracy,) = [one for one in served.post("/artifacts/filter") if one["key"] == "accuracy"]
    assert "immigration" in accuracy["data"]
    assert (out / "accuracy.md").is_file()


def test_schedules_make_runs(served):
    expected = {"quarterly": "0 6 1 2,5,8,11 *", "sensor": "*/15 * * * *"}
    deployments = served.deployments()
    for name, cron in expected.items():
        assert [(one["active"], one["schedule"]["cron"]) for one in deployments[name]["schedules"]] == [(True, cron)]
    wanted = {"deployments": {"id": {"any_": [deployments["sensor"]["id"]]}}}
    planned = until(lambda: [one for one in served.post("/flow_runs/filter", **wanted) if one["auto_scheduled"]])
    assert "SCHEDULED" in {one["state_type"] for one in planned}


def test_reading_is_tried_again_and_nothing_else_is(served):
    attempts = []

    def read():
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise OSError(errno.EIO, "Input/output error")
        return "read"

    def count():
        attempts.append(len(attempts))
        raise OSError(errno.EIO, "Input/output error")

    def compare():
        raise KeyError(DISTINCT[0])

    settings = {PREFECT_API_URL: f"{served.address}/api", PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(settings):
        assert in_task("reads", read, (0.01, 0.01)) == "read"
        assert len(attempts) == 3
        with pytest.raises(OSError, match="Input/output"):
            in_task("counts", count)
        assert len(attempts) == 4
        with pytest.raises(KeyError):
            in_task("compares", compare)
    wanted = {"reads": "Completed", "counts": "Failed check", "compares": "Program fault"}
    until(
        lambda: wanted.items() <= {one["name"]: one["state_name"] for one in served.post("/task_runs/filter")}.items()
    )


def test_the_key_of_a_secret_block_is_used_while_a_run_lasts_and_only_if_no_other_is_named(served, tmp_path):
    without = tmp_path / "study.toml"
    without.write_text(served.study.read_text().replace('key_file = "study.key"\n', ""))
    study = read_study(without)
    with temporary_settings({PREFECT_API_URL: f"{served.address}/api"}):
        Secret(value=KEY).save("key-of-the-country")
        with key_of_block("key-of-the-country", study):
            assert read_key(study).key_id == key_from_text(KEY, "the test").key_id
        with pytest.raises(UserError, match="there is no pseudonymisation key"):
            read_key(study)
        with pytest.raises(UserError, match="'key_file' names another key"):
            key_of_block("key-of-the-country", read_study(served.study)).__enter__()
        with pytest.raises(UserError, match="key block 'no-such-block'"):
            key_of_block("no-such-block", study).__enter__()


def test_a_second_server_in_the_folder_is_refused(served, command):
    outcome = command("serve", "--folder", served.folder, "--port", "0")
    assert outcome.status == 2
    assert "another `sojourn serve` uses this folder" in outcome.err


def test_it_stops_cleanly_and_leaves_no_process_and_nothing_outside_its_folder(served):
    server = next(iter(processes_of(served.folder)))
    mark = next(one for one in Path(f"/proc/{server}/environ").read_bytes().split(b"\0") if MARK.encode() in one)
    served.start("quarterly")
    until(lambda: [one for one in served.runs("quarterly") if one["state_type"] in ("PENDING", "RUNNING")])
    served.process.send_signal(signal.SIGTERM)
    out, _ = served.process.communicate(timeout=90)
    assert served.process.returncode == 0, out
    assert out.endswith("  stopped\n")
    assert [path for path in Path("/proc").glob("[0-9]*/environ") if mark in content_of(path)] == []
    assert not (served.folder.parent / "home" / ".prefect").exists()
    others = [path for path in served.folder.rglob("*") if path.stat().st_mode & 0o077]
    assert others == [], "files that others than their owner may read"
    assert sorted(path.name for path in served.folder.parent.iterdir() if path.name != "home") == [
        "runs",
        "server",
        "tiny",
    ]
    with sqlite3.connect(served.folder / ".prefect" / "prefect.db") as database:
        states = {state for (state,) in database.execute("SELECT state_type FROM flow_run")}
    assert states <= {"COMPLETED", "FAILED", "CRASHED", "CANCELLED", "SCHEDULED"}


def test_no_person_and_no_key_is_in_the_database_the_logs_or_the_artifacts(served):
    people = [one for one in PEOPLE if one.family in DISTINCT]
    canaries = [one.family for one in people] + [nhs_number(one) for one in PEOPLE] + [one.born for one in PEOPLE]
    assert len(people) >= 5
    assert find_clear(served.study.parent / "extracts", canaries)  # they would be found
    assert find_clear(served.folder, [*canaries, KEY]) == []
    secret = bytes.fromhex(KEY)
    assert [path for path in served.folder.rglob("*") if path.is_file() and secret in path.read_bytes()] == []


def processes_of(folder: Path) -> list[int]:
    """Return the numbers of the processes whose working folder is this one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if path.resolve() == folder:
                found.append(int(path.parent.name))
    return found


def content_of(path: Path) -> bytes:
    """Return the content of a file, or nothing if it has gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
