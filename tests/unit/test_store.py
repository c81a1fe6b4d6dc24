"""The store: an intact result is not computed again, a failed stage leaves no result, folders are replaced whole."""

import json
import os
from dataclasses import replace

import pytest

from pipeline.errors import UserError
from pipeline.stage import Stage, StageResult, StudyPart
from pipeline.store import Store, digest, publish_folder, stage_key


class Seeded(StudyPart):
    """A part of a study: its seed."""

    seed: int


def writes(text, calls):
    def work(out):
        calls.append(out)
        (out / "a.txt").write_text(text)
        return StageResult(counts={"rows": 3}, sentence="3 rows", warnings=("look",))

    return work


def test_a_stage_with_an_intact_result_is_not_run_again(tmp_path):
    calls: list = []
    store = Store(tmp_path)
    first = store.run_or_reuse("ingest", "k" * 64, writes("one", calls))
    second = store.run_or_reuse("ingest", "k" * 64, writes("two", calls))
    assert len(calls) == 1
    assert (first.reused, second.reused) == (False, True)
    assert (second.folder / "a.txt").read_text() == "one"
    assert (second.counts, second.sentence, second.warnings) == ({"rows": 3}, "3 rows", ("look",))


def test_another_key_is_another_folder_and_both_are_kept(tmp_path):
    calls: list = []
    store = Store(tmp_path)
    store.run_or_reuse("ingest", "a" * 64, writes("one", calls))
    store.run_or_reuse("ingest", "b" * 64, writes("two", calls))
    kept = {key: store.finished("ingest", key * 64) for key in "ab"}
    assert {key: (one.folder / "a.txt").read_text() for key, one in kept.items()} == {"a": "one", "b": "two"}
    assert len(calls) == 2


def test_a_stage_that_fails_leaves_no_result_and_is_run_again(tmp_path):
    store = Store(tmp_path)

    def dies(out):
        (out / "half.txt").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        store.run_or_reuse("link", "k" * 64, dies)
    assert store.finished("link", "k" * 64) is None
    with store.locked():
        assert [path.name for path in (tmp_path / "store" / "link").iterdir()] == []
        record = store.run_or_reuse("link", "k" * 64, writes("whole", []))
    assert [path.name for path in sorted(record.folder.iterdir())] == ["a.txt", "stage.json"]


def test_a_result_with_a_missing_file_is_not_intact(tmp_path):
    store = Store(tmp_path)
    record = store.run_or_reuse("link", "k" * 64, writes("whole", []))
    (record.folder / "a.txt").unlink()
    assert store.finished("link", "k" * 64) is None


def test_two_runs_do_not_share_a_folder(tmp_path):
    with Store(tmp_path).locked(), pytest.raises(UserError, match="another run"), Store(tmp_path).locked():
        pass


def test_the_key_changes_with_all_that_can_change_the_result():
    stage, part = Stage("count", ("stays",), "estimation", Seeded, "none:none"), Seeded(study_file="s.toml", seed=1)
    base = stage_key(stage, part, ["u"])
    assert base == stage_key(stage, Seeded(study_file="elsewhere/s.toml", seed=1), ["u"])
    others = {
        stage_key(replace(stage, name="account"), part, ["u"]),
        stage_key(stage, Seeded(study_file="s.toml", seed=2), ["u"]),
        stage_key(stage, part, ["v"]),
        stage_key(replace(stage, package="rules"), part, ["u"]),
        stage_key(replace(stage, package="rules", declared_data=("sets",)), part, ["u"]),
    }
    assert len(others | {base}) == 6


def test_the_key_changes_with_the_version_of_a_library(monkeypatch):
    stage, part = Stage("count", (), "estimation", Seeded, "none:none"), Seeded(study_file="s.toml", seed=1)
    before = stage_key(stage, part, [])
    monkeypatch.setattr("pipeline.store.library_versions", lambda: {"polars": "0.0"})
    assert stage_key(stage, part, []) != before


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [1, 2]}) == digest(json.loads('{"b": [1, 2], "a": 1}'))


def test_publishing_replaces_a_folder_as_a_whole(tmp_path):
    source = tmp_path / "source.txt"
    source.write_text("new")
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "old.txt").write_text("old")
    publish_folder({"sub/new.txt": source, "also.txt": source}, tables)
    found = {str(path.relative_to(tables)) for path in tables.rglob("*") if path.is_file()}
    assert found == {"sub/new.txt", "also.txt"}
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("stage.json", b"{}"),
        ("stage.json", b"[]"),
        ("stage.json", b'{"key": "kk'),
        ("stage.json", b"\xff\xfe"),
        ("a.txt", b"on"),
        ("a.txt", None),
    ],
)
def test_a_damaged_result_is_made_again(name, content, tmp_path):
    calls: list = []
    store = Store(tmp_path)
    folder = store.run_or_reuse("ingest", "k" * 64, writes("one", calls)).folder
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    assert not store.run_or_reuse("ingest", "k" * 64, writes("one", calls)).reused
    assert (folder / "a.txt").read_text() == "one"
