"""The folder of live runs: a run goes live as a whole or not at all, and the history keeps the rest."""

import csv
import json
import os
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.live.audit import faults_of
from flows.live.live_runs import LiveRuns, check_not_live
from flows.live.run_live import run_live
from pipeline.errors import UserError
from pipeline.study import digest_of_file, read_study
from publication.run_folder import MANIFEST

A, B, C = (f"2020-01-0{day}-{'abc'[day - 1] * 12}" for day in (1, 2, 3))


@pytest.fixture
def runs(tmp_path: Path) -> LiveRuns:
    """A folder with three runs, none of them live."""
    found = LiveRuns(tmp_path / "runs")
    found.prepare()
    for name in (A, B, C):
        (found.folder / name).mkdir()
    return found


def history(runs: LiveRuns) -> list[dict[str, str]]:
    with (runs.folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_live_run_is_superseded_with_a_reason(runs):
    assert runs.go_live(A, "") is None
    assert runs.go_live(B, "ingest: input (pds.csv)") == A
    assert (runs.folder / "latest").read_text() == f"{B}\n"
    first, second = history(runs)
    assert (first["run"], first["superseded_by"], first["reason"]) == (A, B, "ingest: input (pds.csv)")
    assert (second["run"], second["superseded_by"], second["reason"]) == (B, "", "")
    assert first["went_live"]
    assert second["went_live"]


def test_a_failed_run_is_noted_and_what_is_live_stays_so(runs):
    runs.go_live(A, "")
    runs.failed(B, "failed its checks:\nno estimates")
    runs.failed(B, "failed again")
    assert runs.live == A
    assert [(row["run"], row["reason"]) for row in history(runs)] == [(A, ""), (B, "failed again")]
    runs.go_live(B, "")
    assert [row["run"] for row in history(runs)] == [A, B], "what failed and then passed is noted once"


def test_a_run_that_ended_without_a_word_is_noted(runs):
    runs.go_live(A, "")
    runs.note_unfinished(but=C)
    assert [(row["run"], row["went_live"] != "") for row in history(runs)] == [(A, True), (B, False)]


def test_a_run_that_was_superseded_can_be_live_again(runs):
    for run in (A, B, A):
        runs.go_live(run, "")
    assert runs.live == A
    assert [(row["run"], row["superseded_by"]) for row in history(runs)] == [(A, B), (B, A), (A, "")]


def test_what_a_stopped_machine_left_half_done_is_finished(runs):
    runs.go_live(A, "")
    runs.go_live(B, "")
    (runs.folder / "latest").write_text(f"{A}\n")  # the machine stopped after the history, and before `latest`
    runs.failed(C, "no key")
    assert runs.live == B


def test_the_same_study_resumes_its_own_folder_whatever_the_day(runs):
    assert runs.run_of("b" * 12, date(2021, 1, 1)).name == B
    assert runs.run_of("d" * 12, date(2021, 1, 1)).name == f"2021-01-01-{'d' * 12}"


def test_a_live_run_is_not_changed(runs):
    check_not_live(runs.folder / A, "")
    runs.go_live(A, "")
    with pytest.raises(UserError, match="never changed"):
        check_not_live(runs.folder / A, "")


@pytest.mark.parametrize("content", ["run,went_live\n", "run,went_live,superseded_by,reason\nx\n", "", "\0"])
def test_a_damaged_history_is_not_built_upon(runs, content):
    (runs.folder / "history.csv").write_text(content)
    with pytest.raises(UserError, match="Restore it"):
        runs.go_live(A, "")


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="not live runs"):
        LiveRuns(tmp_path).prepare()


@pytest.fixture
def audited(demo, tmp_path: Path):
    """Changes a table of a copy of the demo's run, so that its manifest names the new one, and audits it."""

    def audit(table: str = "", change=None, live: Path | None = None, **study: str) -> list[str]:
        run = tmp_path / "run"
        manifest = json.loads((demo.run / MANIFEST).read_text())
        for name in manifest["outputs"]:
            target = run / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            target.hardlink_to(demo.run / name)
        if table:
            path = run / "tables" / f"{table}.parquet"
            changed = change(pl.read_parquet(path))
            path.unlink()
            changed.write_parquet(path)
            manifest["outputs"][f"tables/{table}.parquet"]["sha256"] = digest_of_file(path)
        manifest["study"] |= study
        (run / MANIFEST).write_text(json.dumps(manifest))
        return faults_of(run, live)

    return audit


def test_a_sound_run_passes(audited):
    assert audited() == []


def first_changed(column: str, by: float):
    """Return a function that adds to the first measured value of a column."""
    index = pl.int_range(pl.len()) == pl.col(column).is_not_null().arg_max()
    return lambda frame: frame.with_columns(pl.when(index).then(pl.col(column) + by).otherwise(column).alias(column))


@pytest.mark.parametrize(
    ("table", "change", "fault"),
    [
        ("ledger", first_changed("accepted", -1), "does not add up"),
        ("flows", first_changed("estimate", 5.0), "not immigration less emigration"),
        ("flows", first_changed("upper", -1e6), "outside its own interval"),
        ("flows", first_changed("lower", float("nan")), "not a number"),
        ("stocks", first_changed("estimate", -1e6), "negative"),
        ("flows_by_age", first_changed("estimate", 5.0), "not the sum of flows_by_age"),
        ("flows", lambda flows: flows.with_columns(estimate=pl.lit(None, pl.Float64)), "no estimates"),
    ],
)
def test_what_cannot_be_right_does_not_go_live(audited, table, change, fault):
    assert any(fault in one for one in audited(table, change)), audited(table, change)


def test_data_of_an_earlier_day_do_not_supersede(audited, demo):
    assert audited(live=demo.run) == []
    assert "data are of 2018-12-31" in audited(live=demo.run, data_date="2018-12-31")[0]


def test_a_damaged_table_does_not_go_live(audited, tmp_path):
    audited()
    (tmp_path / "run" / "tables" / "flows.csv").unlink()
    assert "not the one that its manifest names" in faults_of(tmp_path / "run", None)[0]


def test_a_run_that_fails_its_checks_stays_beside_the_live_one_until_it_passes(demo, study_copy, capsys):
    """What `sojourn run --live` does with tables that cannot be right: nobody who reads what is live sees them."""
    folder = study_copy.parent.parent / "runs"

    def sound(run: Path) -> dict:
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(demo.run, run, copy_function=os.link)
        return {}

    def unsound(run: Path) -> dict:
        sound(run)
        path = run / "tables" / "ledger.parquet"
        lost = first_changed("accepted", -1)(pl.read_parquet(path))
        path.unlink()
        lost.write_parquet(path)
        manifest = json.loads((run / MANIFEST).read_text())
        manifest["outputs"]["tables/ledger.parquet"]["sha256"] = digest_of_file(path)
        (run / MANIFEST).unlink()
        (run / MANIFEST).write_text(json.dumps(manifest))
        return {}

    assert run_live(read_study(study_copy), folder, sound) == 0
    runs = LiveRuns(folder)
    live = runs.live
    study_copy.write_text(study_copy.read_text() + "\n[flow_errors]\nemigration = 0.30\n")
    capsys.readouterr()
    assert run_live(read_study(study_copy), folder, unsound) == 1
    printed = capsys.readouterr().out.splitlines()
    assert "does not add up" in printed[0]
    assert printed[-1].endswith(f"; {live} stays live")
    assert runs.live == live
    (beside,) = runs.all_but_live()
    assert (beside / "tables" / "ledger.parquet").is_file()
    first, second = history(runs)
    assert (first["run"], first["superseded_by"]) == (live, "")
    assert (second["run"], second["went_live"]) == (beside.name, "")
    assert second["reason"].startswith("failed its checks: the ledger of ")

    assert run_live(read_study(study_copy), folder, sound) == 0
    assert runs.live == beside.name
    assert [row["run"] for row in history(runs)] == [live, beside.name]


def test_a_run_that_stops_is_noted_with_its_reason(demo, tmp_path):
    def stops(error):
        def compute(run):
            run.mkdir(parents=True, exist_ok=True)
            raise error

        return compute

    study, folder = read_study(demo.study), tmp_path / "runs"
    for error, reason in (
        (UserError("the key is too short"), "the key is too short"),
        (KeyboardInterrupt(), "was stopped"),
        (ValueError("John Smith"), "failed: ValueError"),
    ):
        with pytest.raises(type(error)):
            run_live(study, folder, stops(error))
        (row,) = history(LiveRuns(folder))
        assert row["reason"].startswith(reason)
        assert "Smith" not in row["reason"]
    assert LiveRuns(folder).live is None
