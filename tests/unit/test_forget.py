"""What `forget` deletes, file by file: small folders by hand, whose contents are never read."""

import json
from pathlib import Path

import pytest

from flows.again.forget import forget_people
from flows.live.live_runs import LiveRuns
from pipeline.errors import UserError

OF_PEOPLE = [
    "tables/clusters.parquet",
    "tables/records/pds.parquet",
    "tables/person_changes.csv",
    "store/ingest/abc/records/pds.parquet",
    "store/link/abc/clusters.parquet",
    "store/count/abc/people_counted.parquet",
    "store/publish/abc/tables/clusters.parquet",
    "store/ingest/.aside-def-1/.spill/rows.tmp",
    "review/first/sample.csv",
    "evaluation/people.parquet",
]
FIGURES = ["tables/flows.csv", "store/count/abc/counts.parquet", "evaluation/flows.parquet"]


def write(run: Path, *, finished: bool) -> Path:
    """Write a run folder; a run that was stopped has no manifest."""
    for name in (*OF_PEOPLE, *FIGURES):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_text("a row a person")
    if finished:
        outputs = {"tables/clusters.parquet": {"sensitivity": "person-level"}}
        manifest = {"study": {}, "stages": {}, "outputs": outputs, "spine": ""}
        (run / "manifest.json").write_text(json.dumps(manifest))
    return run


def left(run: Path) -> set[str]:
    files = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    return files - {"manifest.json", "store/.lock"}


@pytest.mark.parametrize("finished", [True, False])
def test_all_that_is_about_people_goes_and_figures_stay(finished, tmp_path):
    run = write(tmp_path / "run", finished=finished)
    assert forget_people(run, person_level=True) == 0
    assert left(run) == set(FIGURES)
    assert (run / "manifest.json").exists() == finished
    if finished:
        assert "forgotten" in json.loads((run / "manifest.json").read_text())


def test_of_a_folder_of_live_runs_all_are_forgotten_but_the_live_one(tmp_path, capsys):
    runs = LiveRuns(tmp_path / "runs")
    runs.prepare()
    superseded, live, stopped = (
        write(runs.folder / f"2026-01-0{day}-{day:012x}", finished=day < 3) for day in (1, 2, 3)
    )
    runs.go_live(superseded.name, "")
    runs.go_live(live.name, "")
    assert forget_people(runs.folder, person_level=True) == 0
    assert left(superseded) == left(stopped) == set(FIGURES)
    assert left(live) == {*FIGURES, *OF_PEOPLE}
    assert f"{live.name} is live" in capsys.readouterr().out
    forget_people(live, person_level=True)
    assert left(live) == set(FIGURES)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    (tmp_path / "people.csv").touch()
    with pytest.raises(UserError, match="no finished run"):
        forget_people(tmp_path, person_level=True)
    assert (tmp_path / "people.csv").exists()
