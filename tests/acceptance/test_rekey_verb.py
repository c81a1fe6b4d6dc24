"""`sojourn rekey`: a run's pseudonyms for a second recipient."""

import json

import polars as pl
import pytest

from flows.evaluate import study_of_run
from linkage.stages import LINK
from pipeline.stage import StageContext

NEW = "7b" * 32


@pytest.fixture(scope="module")
def second(demo, command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rekey")
    (folder / "new.key").write_text(NEW)
    outcome = command("rekey", demo.run, "--key-file", folder / "new.key", "--out", folder / "second")
    assert outcome.status == 0, outcome.err
    return folder


def test_the_folder_has_what_linkage_reads_and_the_ids_of_both_keys(second, demo):
    out = second / "second"
    assert sorted(path.name for path in out.iterdir()) == [
        "gaps.parquet",
        "ledger.parquet",
        "records",
        "rekeyed.json",
        "tokens",
    ]
    about = json.loads((out / "rekeyed.json").read_text())
    assert about["key_id_of_run"] == json.loads((demo.run / "manifest.json").read_text())["key_id"]
    assert about["key_id"] != about["key_id_of_run"]
    people = pl.read_parquet(out / "tokens" / "pds.parquet")
    assert people.height > 1000
    assert people["nhs_number"].n_unique() == people["nhs_number"].drop_nulls().len() + (
        people["nhs_number"].null_count() > 0
    )


def test_what_is_written_gives_the_same_links(second, demo, tmp_path):
    study = study_of_run(demo.run)
    LINK.run(StageContext(LINK.part.of(study, tmp_path), {"ingest": second / "second"}, tmp_path, 2))
    for name in ("clusters", "links"):
        assert (tmp_path / f"{name}.parquet").read_bytes() == (demo.run / f"tables/{name}.parquet").read_bytes()


def test_neither_key_is_written(second):
    for path in (second / "second").rglob("*"):
        if path.is_file():
            assert NEW.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("key", "out", "message"),
    [
        ("new.key", "second", "this folder exists"),
        ("none.key", "third", "no such key file, although it is named by --key-file"),
    ],
)
def test_what_cannot_be_done_is_refused(second, demo, command, key, out, message):
    outcome = command("rekey", demo.run, "--key-file", second / key, "--out", second / out)
    assert outcome.status == 2
    assert message in outcome.err


def test_the_key_of_the_run_serves_nobody_else(second, demo, command):
    outcome = command("rekey", demo.run, "--key-file", demo.study.parent / "synthetic.key", "--out", second / "third")
    assert outcome.status == 2
    assert "this is the run's own key" in outcome.err
