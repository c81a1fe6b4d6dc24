"""What `sojourn run` computes again after a change: the stages that depend on it, and no others."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pipeline

ROOT = Path(pipeline.__file__).parents[1]
PACKAGES = ("pipeline", "linkage", "rules", "estimation", "publication", "flows", "synthetic_data")
STAGES = ["ingest", "link", "evidence", "stays", "count", "account", "publish"]


class Copy:
    """A copy of the demo and of all packages, which a test may change: it is run with the copied code."""

    def __init__(self, demo, command, folder: Path) -> None:
        self.code, self.folder, self.command = folder / "code", folder / "demo", command
        for name in PACKAGES:
            shutil.copytree(ROOT / name, self.code / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(demo.folder, self.folder, ignore=shutil.ignore_patterns("store"))
        shutil.copytree(demo.run / "store", self.folder / "run" / "store", copy_function=os.link)  # read only

    @property
    def study(self) -> Path:
        return self.folder / "study" / "study.toml"

    def read(self, name: str) -> str:
        return (self.folder / "run" / name).read_text(encoding="utf-8")

    def stages_computed(self) -> list[str]:
        """Run the study and return the stages that were computed."""
        prelude = f"import sys; sys.path.insert(0, {str(self.code)!r})"
        outcome = self.command("run", self.study, "--out", self.folder / "run", prelude=prelude)
        assert outcome.status == 0, outcome.out + outcome.err
        lines = [line for line in outcome.out.splitlines() if line[2:3].isdigit()]
        assert [line.split()[1] for line in lines] == STAGES
        computed = [line.split()[1] for line in lines if not line.endswith("[unchanged]")]
        assert ("Nothing has changed" in outcome.out) == (not computed)
        return computed


@pytest.fixture(scope="module")
def copy(demo, command, tmp_path_factory) -> Copy:
    return Copy(demo, command, tmp_path_factory.mktemp("copy"))


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """Change a file temporarily; once it is restored, so are the keys of the stored results."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    yield
    path.write_text(text, encoding="utf-8")


def test_a_table_missing_from_the_run_folder_is_restored(copy, digests):
    before = digests(copy.folder / "run")
    (copy.folder / "run" / "tables" / "flows.csv").unlink()
    assert copy.stages_computed() == []
    assert digests(copy.folder / "run") == before


def test_a_damaged_report_is_shown_again(copy):
    shutil.rmtree(copy.folder / "run" / "evaluation", ignore_errors=True)  # with scores, the report is another one
    (copy.folder / "run" / "report.html").write_text("x")
    assert copy.stages_computed() == []
    assert len(copy.read("report.html")) > 10_000


def test_only_the_study_of_a_run_is_scored(copy):
    seed = next(line for line in copy.study.read_text().splitlines() if line.startswith("seed = "))
    with changed(copy.study, seed, "seed = 43"):
        outcome = copy.command("evaluate", copy.folder / "run")
    assert outcome.status == 2
    assert "not the study that" in outcome.err


def test_a_changed_template_of_the_report_publishes_again_and_computes_nothing_else(copy):
    (copy.folder / "run" / "evaluation").mkdir(exist_ok=True)
    template = copy.code / "publication" / "templates" / "report.html.j2"
    with changed(template, "</body>", "<p>A new line of the report.</p>\n</body>"):
        assert copy.stages_computed() == ["publish"]
    assert "A new line of the report." in copy.read("report.html")
    assert not (copy.folder / "run" / "evaluation").exists()


def test_a_renamed_study_is_published_again_and_nothing_else_is_computed(copy):
    name = next(line for line in copy.study.read_text().splitlines() if line.startswith("name = "))
    before = json.loads(copy.read("manifest.json"))
    with changed(copy.study, name, 'name = "A better name"'):
        assert copy.stages_computed() == ["publish"]
    manifest = json.loads(copy.read("manifest.json"))
    assert manifest["study"]["name"] == "A better name"
    assert manifest["study"]["digest"] != before["study"]["digest"]
    assert manifest["outputs"] == before["outputs"]
    assert "A better name" in copy.read("report.html")
