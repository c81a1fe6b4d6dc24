"""`sojourn run --live`: written, audited, published; what is live is never changed."""

import os
import shutil
from pathlib import Path

from flows.live.run_live import run_id_of
from pipeline.study import read_study


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_goes_live_is_kept_and_is_superseded(demo, study_copy, command, tmp_path):
    runs = tmp_path / "runs"
    run_id = run_id_of(read_study(study_copy), runs / "run")
    first = runs / f"2020-01-01-{run_id}"  # stopped after most stages, some days ago
    shutil.copytree(demo.run / "store", first / "store", copy_function=os.link)
    (runs / ".lock").touch()

    outcome = command("run", study_copy, "--live", runs)
    assert outcome.status == 0, outcome.err
    assert (runs / "latest").read_text().strip() == first.name
    assert (first / "manifest.json").exists()
    assert outcome.out.count("[unchanged]") == 6, "only the publication was made"
    before = contents(first)

    again = command("run", study_copy, "--live", runs)
    assert (again.status, "nothing has changed" in again.out) == (0, True)
    for verb in (["evaluate", first], ["run", study_copy, "--out", first], ["sensitivity", first]):
        refused = command(*verb)
        assert refused.status == 2
        assert "never changed" in refused.err

    study_copy.write_text(study_copy.read_text() + "\n[flow_errors]\nemigration = 0.30\n")
    run_id = run_id_of(read_study(study_copy), runs / "run")
    second = runs / f"2020-02-01-{run_id}"
    shutil.copytree(demo.run / "store", second / "store", copy_function=os.link)
    outcome = command("run", study_copy, "--live", runs)
    assert outcome.status == 0, outcome.err
    assert (runs / "latest").read_text().strip() == second.name
    assert contents(first) == before
    kept, live = (runs / "history.csv").read_text().splitlines()[1:]
    assert kept.startswith(f"{first.name},")
    assert kept.endswith(f",{second.name},account: study (flow_errors)")
    assert live.startswith(f"{second.name},")
    assert live.endswith(",,")


def test_live_and_out_together_are_refused(study_copy, command, tmp_path):
    outcome = command("run", study_copy, "--live", tmp_path / "runs", "--out", tmp_path / "run")
    assert (outcome.status, "Leave out --out" in outcome.err) == (2, True)
    assert not (tmp_path / "runs").exists()
