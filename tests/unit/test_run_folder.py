"""What a run folder shows: one publication as a whole, also after a run that was killed half way."""

import json
from pathlib import Path

import pytest

from pipeline.stage import StageRecord
from pipeline.study import digest_of_file
from publication.run_folder import read_manifest, show_publication


def publication(folder: Path, name: str, *, report: bool = True) -> StageRecord:
    """Return a stored publication with one table, whose files all contain its name."""
    (folder / "tables").mkdir(parents=True)
    files = ("tables/flows.csv", *(("report.html",) if report else ()), "manifest.json")
    for file in files[:-1]:
        (folder / file).write_text(name)
    parts = {"study": {"name": name}, "stages": {}, "outputs": {}, "spine": "pds"}
    (folder / "manifest.json").write_text(json.dumps(parts))
    outputs = {file: digest_of_file(folder / file) for file in files}
    return StageRecord("publish", name, folder, {}, "", (), 0.0, outputs, reused=False)


def shown(run: Path) -> set[str]:
    """Return the names that a run folder's table, report and manifest contain."""
    manifest = read_manifest(run)
    named = {manifest["study"]["name"]} if manifest else set()
    return named | {(run / file).read_text() for file in ("tables/flows.csv", "report.html")}


def test_a_later_publication_replaces_table_report_and_manifest_and_removes_old_scores(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    show_publication(publication(tmp_path / "a", "first"), run)
    (run / "evaluation").mkdir()
    show_publication(publication(tmp_path / "b", "second"), run)
    assert shown(run) == {"second"}
    assert not (run / "evaluation").exists()


def test_tables_alone_are_shown_without_the_report_of_other_tables(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    show_publication(publication(tmp_path / "a", "first"), run)
    alone = publication(tmp_path / "b", "second", report=False)
    for _ in range(2):
        show_publication(alone, run)
        assert (run / "tables" / "flows.csv").read_text() == "second"
        assert not (run / "report.html").exists()
    with_report = publication(tmp_path / "c", "second")
    show_publication(with_report, run)
    assert shown(run) == {"second"}


@pytest.mark.parametrize("step", ["publish_folder", "disk.copy_file"])
def test_a_run_that_was_killed_while_it_published_is_complete_after_the_next_one(tmp_path, monkeypatch, step):
    run = tmp_path / "run"
    run.mkdir()
    first, second = publication(tmp_path / "a", "first"), publication(tmp_path / "b", "second")
    show_publication(first, run)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"publication.run_folder.{step}", killed)
        with pytest.raises(KeyboardInterrupt):
            show_publication(second, run)
    assert read_manifest(run) is None  # nothing can be evaluated
    show_publication(first, run)
    assert shown(run) == {"first"}


def test_scores_and_their_report_stay_while_the_publication_is_the_same(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    only = publication(tmp_path / "a", "first")
    show_publication(only, run)
    (run / "evaluation").mkdir()
    (run / "report.html").write_text("first, with the truth")
    show_publication(only, run)
    assert (run / "evaluation").exists()
    assert (run / "report.html").read_text() == "first, with the truth"
