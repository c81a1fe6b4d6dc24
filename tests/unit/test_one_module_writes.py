"""All writes pass `pipeline/disk.py`: no other module creates, changes, renames or removes a file or folder."""

import ast
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import disk

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipeline", "synthetic_data", "linkage", "rules", "estimation", "publication", "reception", "flows")
DISK = ROOT / "pipeline" / "disk.py"
METHODS = {
    "write_text", "write_bytes", "mkdir", "unlink", "rmdir", "touch", "symlink_to", "hardlink_to", "chmod",
    "tofile", "savefig",
}  # fmt: skip
"""Methods of a path, or of an array, that write or remove."""
MODULES = {"shutil", "os"}
OF_MODULES = {
    "rmtree", "copy", "copy2", "copyfile", "copytree", "move", "copyfileobj", "rename", "replace", "renames",
    "remove", "unlink", "rmdir", "removedirs", "mkdir", "makedirs", "link", "symlink", "truncate", "chmod", "mkfifo",
}  # fmt: skip
ENCODERS = {"write_parquet", "write_csv", "sink_parquet", "sink_csv", "sink_ipc", "write_ipc", "write_ndjson"}
"""Methods of a frame that write a file, unless they are given an open one, or nothing: then they return a text."""
OPEN_FILES = {"file", "opened", "encoded"}
ALLOWED = {
    ("flows/cli.py", "os.open"): "the null device in the place of a standard output that nobody reads",
    ("flows/bench_columns.py", "copytree"): "a copy inside a temporary folder, for a benchmark",
    ("flows/bench_columns.py", "rmtree"): "the same",
    ("linkage/quality.py", "replace"): "values of a column",
    ("pipeline/ingest/derive_name_variants.py", "write_csv"): "renews a table of the sources, not of a run",
}


def writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of every call that can write, rename or remove a file."""
    imported = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in MODULES
        for name in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Name):
            if function.id == "open" and _opens_to_write(node, 1):
                yield node.lineno, "open"
            if function.id in imported & OF_MODULES:
                yield node.lineno, function.id
            continue
        if not isinstance(function, ast.Attribute):
            continue
        name, of = function.attr, function.value.id if isinstance(function.value, ast.Name) else None
        if (of in MODULES and name in OF_MODULES) or (of == "os" and name == "open"):
            yield node.lineno, f"{of}.{name}"
        elif of == "disk":
            continue
        elif (
            name in METHODS
            or (name == "open" and _opens_to_write(node, 0))
            or (name == "replace" and len(node.args) == 1 and not node.keywords and not _may_be_a_column(node))
            or (name == "rename" and len(node.args) == 1 and _may_be_a_path(node.args[0]))
            or (name in ENCODERS and node.args and not _is_an_open_file(node.args[0]))
        ):
            yield node.lineno, name


def _opens_to_write(call: ast.Call, position: int) -> bool:
    modes = [*call.args[position : position + 1], *(one.value for one in call.keywords if one.arg == "mode")]
    return any(not isinstance(mode, ast.Constant) or set("wax+") & set(str(mode.value)) for mode in modes)


def _may_be_a_column(call: ast.Call) -> bool:
    return isinstance(call.args[0], ast.Dict | ast.DictComp)


def _may_be_a_path(argument: ast.expr) -> bool:
    return isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Div)


def _is_an_open_file(argument: ast.expr) -> bool:
    return isinstance(argument, ast.Name) and argument.id in OPEN_FILES


def test_no_other_module_writes():
    found = {
        (str(path.relative_to(ROOT)), name): line
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != DISK
        for line, name in writes(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert set(found) == set(ALLOWED), "write it with a function of pipeline/disk.py"


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')", "open(path, 'w')", "path.open('ab')", "os.replace(a, b)", "a.replace(b)",
        "frame.write_parquet(path)", "table.sink_csv(folder / name)", "shutil.rmtree(path)", "a.rename(b / c)",
        "os.open(path, flags)", "from shutil import move\nmove(a, b)", "path.mkdir()",
    ],
)  # fmt: skip
def test_the_search_finds_a_write(line):
    assert list(writes(ast.parse(line)))


@pytest.mark.parametrize("line", ["open(path)", "path.open('rb')", "text.replace('a', 'b')", "frame.write_csv()"])
def test_the_search_leaves_what_only_reads(line):
    assert not list(writes(ast.parse(line)))


def test_files_and_folders_are_open_to_their_owner_alone(tmp_path):
    disk.write_bytes(b"x", tmp_path / "a" / "b" / "file")
    disk.append_line("x", tmp_path / "a" / "log")
    disk.copy_file(tmp_path / "a" / "log", tmp_path / "a" / "copy")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").rglob("*")}
    assert modes == {"b": 0o700, "file": 0o600, "log": 0o600, "copy": 0o600}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    disk.write_bytes(b"old", tmp_path / "file")

    def interrupted() -> None:
        with disk.written(tmp_path / "file") as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_a_link_is_replaced_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    disk.write_bytes(b"new", tmp_path / "file")
    assert (tmp_path / "elsewhere").read_text() == "kept"
    disk.remove(tmp_path / "file")
    assert (tmp_path / "elsewhere").exists()
