"""The key is read from a file and stays in memory: it is in no SQL text, file, message or command line of a run."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from slow_token import key_of_domain

KEY = "5eC0DedFaCade0ff1CeBadD00dFeed5e" * 2
LOG_SQL = """
import duckdb, os, uuid
_connect = duckdb.connect
def _logging(*arguments, **named):
    connection = _connect(*arguments, **named)
    folder = os.path.join(os.environ["SQL_LOG"], uuid.uuid4().hex)
    connection.execute("CALL enable_logging('QueryLog', storage='file', storage_config={'path': '" + folder + "'})")
    return connection
duckdb.connect = _logging
"""
"""What every Python process of the run does first: DuckDB writes each statement that it gets into a file."""


DOMAINS = ("name", "postcode", "date_of_birth", "nhs_number")


def forms(key: str) -> list[bytes]:
    """Return the key in hexadecimal digits of either case, in bytes and in pads of HMAC, and keys of domains."""
    secret = bytes.fromhex(key)
    pads = [bytes(byte ^ mask for byte in secret) for mask in (0x36, 0x5C)]
    return [
        key.encode(),
        key.lower().encode(),
        key.upper().encode(),
        *(f for s in [secret, *pads] for f in (s, s.hex().encode())),
        *(key_of_domain(secret, domain).encode() for domain in DOMAINS),
    ]


def found_in(folder: Path) -> list[str]:
    """Return the files of a folder that contain the key in any form."""
    return [
        str(path) for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms(KEY))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def run(demo, command, tmp_path_factory):
    folder = tmp_path_factory.mktemp("secret")
    shutil.copytree(demo.study.parent, folder / "study", ignore=shutil.ignore_patterns("truth"))
    (folder / "study" / "synthetic.key").write_text(KEY)
    for name in ("first", "sql"):
        (folder / name).mkdir()
    (folder / "first" / "sitecustomize.py").write_text(LOG_SQL)
    path = os.pathsep.join([str(folder / "first"), os.environ.get("PYTHONPATH", "")])
    seen: set[bytes] = set()
    done = threading.Event()
    watcher = threading.Thread(target=watch_commands, args=(seen, done))
    watcher.start()
    try:
        outcome = command(
            "run", folder / "study" / "study.toml", "--out", folder / "run",
            env={"PYTHONPATH": path, "SQL_LOG": str(folder / "sql"), "POLARS_VERBOSE": "1"},
        )  # fmt: skip
    finally:
        done.set()
        watcher.join()
    assert outcome.status == 0, outcome.out + outcome.err
    return folder, outcome, seen


def watch_commands(seen: set[bytes], done: threading.Event) -> None:
    """Collect the command lines of all processes, as anybody on the machine can, until it is done."""
    while not done.wait(0.05):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(path.read_bytes())
            except OSError:  # it has ended
                continue


def test_the_search_finds_a_key_that_is_there(run):
    folder, *_ = run
    assert found_in(folder / "study") == [str(folder / "study" / "synthetic.key")]


def test_the_key_is_in_no_sql_text(run):
    folder, *_ = run
    statements = "".join(path.read_text() for path in (folder / "sql").rglob("*entries.csv"))
    assert statements.count("SELECT") > 50  # the log is of the run
    assert not found_in(folder / "sql")


def test_the_key_is_in_nothing_that_a_run_writes_or_prints(run):
    folder, outcome, _ = run
    assert len(list((folder / "run").rglob("*.parquet"))) > 20
    assert not found_in(folder / "run")
    printed = (outcome.out + outcome.err).encode()
    assert b"polars" in printed  # it told what it did
    assert not any(form in printed for form in forms(KEY))


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="command lines are read from /proc")
def test_the_key_is_on_no_command_line(run):
    folder, _, seen = run
    assert any(str(folder / "run").encode() in line for line in seen)  # the run itself was seen
    assert not any(form in line for line in seen for form in forms(KEY))
