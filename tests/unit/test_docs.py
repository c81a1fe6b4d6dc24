"""The documentation names files, folders and commands that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = (
    "pipeline", "synthetic_data", "linkage", "rules", "estimation", "publication", "reception", "flows", "tests",
)  # fmt: skip
PLACEHOLDER = re.compile(r"[A-Z]{3,}|\*")


def named_files(text: str) -> set[str]:
    """Return what a page calls a file or a folder of the project: Python files, and paths in its packages."""
    names = set(re.findall(r"`([^`\s]+)`", text)) | set(re.findall(r"\]\(([^)#\s]+)", text))
    inside = {name for name in names if name.partition("/")[0] in PACKAGES and "/" in name}
    return {name for name in inside | {one for one in names if one.endswith(".py")} if not PLACEHOLDER.search(name)}


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """All files of the project, and their folders, relative to its root."""
    files = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if "__pycache__" not in path.parts
    ]
    return {f"/{path}" for path in files}


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_file_that_a_page_names_exists(page, tracked):
    missing = {
        name
        for name in named_files(page.read_text(encoding="utf-8"))
        if not any(path.endswith(f"/{name.rstrip('/')}") for path in tracked)
    }
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_page_that_a_page_links_to_exists(page):
    prose = re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^):#\s]+)(?:#[^)]*)?\)", prose)
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_headings_that_pages_link_to_exist():
    def anchors(page: Path) -> set[str]:
        headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    for page in PAGES:
        for link, anchor in re.findall(r"\]\(([^):#\s]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            assert anchor in anchors(page.parent / link if link else page), (page.name, link, anchor)


def test_the_accuracy_in_the_readme_is_that_of_the_page():
    quoted = r"^\| (\w[\w ]+) \| ([^|]+) \| ([+-][\d.]+%?) \| (\d+%) \|$"
    rows = re.findall(quoted, PAGES[0].read_text(encoding="utf-8"), re.MULTILINE)
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert len(rows) >= 6
    for measure, group, bias, coverage in rows:
        assert re.search(rf"^\| {measure} \| {group} \| {re.escape(bias)} \| {coverage} \|$", page, re.MULTILINE), (
            measure,
            group,
            bias,
            coverage,
        )


def test_every_module_that_a_page_runs_exists(tracked):
    for page in PAGES:
        for module in re.findall(r"python3? -m ([a-z_.]+)", page.read_text(encoding="utf-8")):
            if module.partition(".")[0] in PACKAGES:
                assert f"/{module.replace('.', '/')}.py" in tracked, (page.name, module)
