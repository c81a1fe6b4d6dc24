"""`verify`, `reproduce`, `compare` and `forget`: what a run says of itself is true, and stays so."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest


@pytest.fixture
def copied(demo, tmp_path: Path) -> Path:
    """A copy of the demo, study and run, that a test may change; returns its folder."""
    folder = tmp_path / "demo"
    shutil.copytree(demo.folder, folder, ignore=shutil.ignore_patterns("store"))
    shutil.copytree(demo.run / "store", folder / "run" / "store", copy_function=os.link)
    return folder


@pytest.fixture
def other_errors(copied: Path, command) -> Path:
    """A run of the same study with another declared error of emigration."""
    study = copied / "study" / "study.toml"
    with study.open("a", encoding="utf-8") as file:
        file.write("\n[flow_errors]\nemigration = 0.30\n")
    outcome = command("run", study, "--out", copied / "run")
    assert outcome.status == 0, outcome.err
    return copied / "run"


def test_a_run_is_computed_again_byte_for_byte(copied, command, digests):
    before = digests(copied / "run")
    outcome = command("verify", copied / "run")
    assert outcome.status == 0, outcome.out + outcome.err
    assert outcome.lines[-1].startswith("equal: ")
    assert digests(copied / "run") == before
    assert not list(copied.glob(".run-again-*")), "what was computed again does not stay"


def test_a_table_that_was_changed_is_named(copied, command):
    table = copied / "run" / "tables" / "flows.csv"
    table.write_bytes(table.read_bytes().replace(b"1", b"2", 1))
    outcome = command("verify", copied / "run")
    assert outcome.status == 1
    assert "flows.csv is not the table that the run wrote" in outcome.out


def test_a_manifest_that_claims_another_table_is_found_out(copied, command):
    """The table and its digest in the manifest were replaced together: only to compute it again shows it."""
    run = copied / "run"
    table, manifest = run / "tables" / "bridge.csv", json.loads((run / "manifest.json").read_text())
    table.write_bytes(table.read_bytes() + b"\n")
    manifest["outputs"]["tables/bridge.csv"]["sha256"] = hashlib.sha256(table.read_bytes()).hexdigest()
    (run / "manifest.json").write_text(json.dumps(manifest))
    outcome = command("verify", run)
    assert outcome.status == 1
    assert "the first table that differs is tables/bridge.csv" in outcome.out


@pytest.mark.parametrize("what", ["study", "input", "key"])
def test_what_a_run_was_made_from_must_be_there(copied, command, what):
    study = copied / "study"
    changed = {"study": "study.toml", "input": "extracts/deaths.csv", "key": "key.hex"}[what]
    path = next(study.rglob(Path(changed).name)) if what == "input" else study / changed
    if what == "key":
        path = next(one for one in study.iterdir() if one.suffix in {".hex", ".txt", ".key"})
        path.write_text("# SYNTHETIC ONLY\n" + "ab" * 32 + "\n")
    else:
        path.write_bytes(path.read_bytes() + (b"# a note\n" if what == "study" else b"\n"))
    outcome = command("verify", copied / "run")
    assert outcome.status == 2, outcome.out
    assert path.name in outcome.err or "key" in outcome.err
    assert "then verify the run" in outcome.err


def test_a_run_of_other_code_is_not_reproduced(copied, command):
    manifest = json.loads((copied / "run" / "manifest.json").read_text())
    (copied / "run" / "manifest.json").write_text(
        json.dumps(manifest | {"code": "0" * 64, "commit": "1234567", "lock": "a" * 64})
    )
    outcome = command("reproduce", copied / "run")
    assert outcome.status == 2
    assert "Check out 1234567" in outcome.err
    assert "aaaaaaaaaaaa" in outcome.err


def test_equal_runs_compare_equal(demo, copied, command):
    outcome = command("compare", demo.run, copied / "run")
    assert (outcome.status, outcome.lines) == (0, [outcome.lines[0]])
    assert outcome.out.startswith("equal: ")


def test_the_first_stage_that_differs_is_named_with_the_setting(demo, other_errors, command):
    outcome = command("compare", demo.run, other_errors)
    assert outcome.status == 1
    assert "the first stage that differs is account: study (flow_errors)" in outcome.out
    found = json.loads(command("compare", demo.run, other_errors, "--json").out)
    assert not found["equal"]
    assert found["difference"]["stage"] == "account"
    assert "flows.parquet" in found["difference"]["tables"]
    assert not [name for name in found["difference"]["tables"] if name.startswith("links")]


def test_forgotten_people_are_gone_and_figures_still_verified(copied, command):
    run = copied / "run"
    assert command("forget", run).status == 2, "what is deleted for good is said by name"
    outcome = command("forget", run, "--person-level")
    assert outcome.status == 0, outcome.err
    left = [path for path in run.rglob("*.parquet") if path.is_file()]
    columns = {path: set(pl.read_parquet_schema(path)) for path in left}
    of_people = {"person_id", "subject_id", "record_id", "person"}
    assert not {str(path) for path, names in columns.items() if names & of_people}
    assert (run / "tables" / "flows.parquet").exists()
    outcome = command("verify", run)
    assert outcome.status == 0, outcome.out + outcome.err
    assert "aggregate tables alone are verified" in outcome.out
