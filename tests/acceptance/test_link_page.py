"""The page that walks from two CSV files to people: its files and commands are run, and give what it shows."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "link_your_files.md"
BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
"""The name of a file before a block, the language of the block, and its content."""


def people(clusters: str) -> set[frozenset[str]]:
    """Return the subjects of each person: the numbers of people may be others."""
    found: dict[str, set[str]] = {}
    for line in clusters.split("\n")[1:]:
        subject, _, person = line.rpartition(",")
        found.setdefault(person, set()).add(subject)
    return {frozenset(subjects) for subjects in found.values()}


def test_the_page_has_the_files_of_a_study():
    assert [name for name, _, _ in BLOCKS if name] == [
        "library.csv", "clinic.csv", "library.toml", "clinic.toml", "study.toml",
    ]  # fmt: skip
    assert all(language in {"csv", "toml", "bash", "text"} for _, language, _ in BLOCKS)


def test_its_commands_give_what_it_shows(tmp_path):
    programs = {
        "sojourn": f"{sys.executable} -c 'from flows.cli import main; main()'",
        "python": sys.executable,
    }
    printed = ""
    for name, language, content in BLOCKS:
        if name:
            (tmp_path / name).write_text(content, encoding="utf-8")
        elif language == "bash":
            for line in content.splitlines():
                program, _, arguments = line.partition(" ")
                done = subprocess.run(
                    f"{programs[program]} {arguments}",
                    shell=True, cwd=tmp_path, capture_output=True, text=True, check=False,
                )  # fmt: skip
                assert done.returncode == 0, (line, done.stdout, done.stderr)
                printed = done.stdout
        elif language == "text":
            assert people(printed.strip()) == people(content.strip())
    written = {path.name for path in (tmp_path / "linked").iterdir()}
    assert {"links.parquet", "clusters.parquet", "quality.csv"} <= written
    assert all(path.suffix == ".json" for path in (tmp_path / "models").iterdir())
