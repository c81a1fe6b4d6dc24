"""The same inputs, study, key and seed give the same bytes, whatever the threads, environment and interruptions."""

import os
import shutil
import signal
import time

import polars as pl
import pytest

from pipeline.study import read_study
from rules.rule_set import rule_set_path


@pytest.fixture(scope="module")
def adverse(demo, command, loopback_only, tmp_path_factory):
    """The demo's study run again: in an odd folder, truth poisoned, one thread, another hash seed, no network."""
    folder = tmp_path_factory.mktemp("adverse") / "a[b]*'c {d}%20" / "year=2019"
    folder.mkdir(parents=True)
    shutil.copytree(demo.study.parent, folder / "study")
    for path in (folder / "study" / "truth").rglob("*.parquet"):
        path.write_bytes(b"poison")
    outcome = command(
        "run", folder / "study" / "study.toml", "--threads", 1, env={"PYTHONHASHSEED": "7"}, prelude=loopback_only
    )
    assert outcome.status == 0, outcome.err
    return folder / "study" / "run"


def test_an_odd_folder_poisoned_truth_one_thread_another_hash_seed_no_network_change_nothing(demo, adverse, digests):
    assert digests(adverse) == digests(demo.run)


def test_evaluate_refuses_a_poisoned_truth_and_leaves_tables_alone(demo, adverse, command, digests):
    assert command("evaluate", adverse).status != 0
    assert digests(adverse) == digests(demo.run)


def test_evaluate_adds_its_folder_and_the_report_and_nothing_else(demo, command):
    def stamps():
        return {
            str(path.relative_to(demo.run)): path.stat().st_mtime_ns
            for path in demo.run.rglob("*")
            if path.is_file() and "evaluation" not in path.parts and path.name != "report.html"
        }

    before = stamps()
    assert command("evaluate", demo.run).status == 0
    assert stamps() == before


def test_a_second_run_computes_nothing_and_says_so(demo, command, digests):
    before = digests(demo.run)
    outcome = command("run", demo.study, "--out", demo.run)
    assert outcome.status == 0
    assert "nothing was computed again" in outcome.out
    assert outcome.out.count("[unchanged]") == 7
    assert digests(demo.run) == before


def test_a_change_of_a_stay_rule_links_nothing_again_and_reads_no_evidence_again(demo, command, tmp_path, study_copy):
    shutil.copytree(demo.run / "store", tmp_path / "run" / "store", copy_function=os.link)  # read only
    rules = rule_set_path(read_study(study_copy)).read_text()
    assert "365" in rules
    (study_copy.parent / "mine.toml").write_text(rules.replace("value = 365", "value = 180"))
    study = study_copy.read_text()
    assert "rule_set" in study
    lines = ['rule_set = "mine.toml"' if line.startswith("rule_set") else line for line in study.splitlines()]
    study_copy.write_text("\n".join(lines) + "\n")
    outcome = command("run", study_copy, "--out", tmp_path / "run")
    assert outcome.status == 0, outcome.err
    state = {line.split()[1]: line for line in outcome.out.splitlines() if line.startswith("  ") and "[" in line}
    reused = [stage for stage, line in state.items() if line.endswith("[unchanged]")]
    assert reused == ["ingest", "link", "evidence"]
    ours = pl.read_parquet(demo.run / "tables" / "migrations.parquet").height
    assert pl.read_parquet(tmp_path / "run" / "tables" / "migrations.parquet").height > ours


def test_a_killed_run_resumes_to_the_same_bytes(demo, command, started, digests, tmp_path):
    run = tmp_path / "run"
    process = started("run", demo.study, "--out", run)
    while not list((run / "store" / "link").glob(".aside-*")):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / "tables").exists()
    outcome = command("run", demo.study, "--out", run)
    assert outcome.status == 0
    assert "ingest" in outcome.out
    assert next(line for line in outcome.out.splitlines() if " ingest " in line).endswith("[unchanged]")
    assert digests(run) == digests(demo.run)
    assert not list((run / "store").glob("*/.aside-*"))
