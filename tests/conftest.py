"""What tests of the whole chain share: one small country, simulated, run and scored once a session."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import drawn_once
import pytest
from hypothesis import settings
from warm_command import needs_a_start, warm

# The time that an example takes depends on how busy the machine is, not on whether the property holds.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Tests set what they need. A job in the background or of cron ignores Ctrl-C, and so would all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
# What a user has set for these programs, and whether to draw in colours, must not reach what tests start; but which
# browser to test with is for the tests themselves.
for name in set(os.environ) - {"SOJOURN_BROWSER"}:
    if name.startswith(("SOJOURN_", "PREFECT_", "POLARS_")) or name in {"FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"}:
        del os.environ[name]


DRAWINGS = pytest.StashKey[Path | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the charts that commands draw while these tests run."""
    config.stash[DRAWINGS] = drawn_once.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget them."""
    drawn_once.end(config.stash[DRAWINGS])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make faults` ask for all faults, of which each change is tested with some."""
    parser.addoption("--faults", choices=("short", "full"), default="short", help="how many faults to try")


# Python that a process runs first: every connection and look-up but loopback fails.
LOOPBACK_ONLY = """
import socket
def refuse(*arguments):
    raise AssertionError(f"a connection was tried: {arguments[1:]}")
real = socket.socket.connect
def guarded(self, address):
    if self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1", "localhost"):
        return real(self, address)
    refuse(self, address)
socket.socket.connect = guarded
socket.socket.connect_ex = guarded
real_lookup = socket.getaddrinfo
def lookup(host, *rest, **named):
    if host not in ("127.0.0.1", "::1", "localhost", None):
        raise AssertionError(f"a host was looked up: {host}")
    return real_lookup(host, *rest, **named)
socket.getaddrinfo = lookup
"""
RESIDENTS = 3_000
SEED = 42


@dataclass(frozen=True)
class Outcome:
    """What a command left behind: its exit status and what it printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return [line for line in (self.out + self.err).splitlines() if line.strip()]


@dataclass(frozen=True)
class Demo:
    """A finished demo: the study, the run, what was printed, and the tables as they were before `evaluate`."""

    folder: Path
    outcome: Outcome

    @property
    def study(self) -> Path:
        return self.folder / "study" / "study.toml"

    @property
    def run(self) -> Path:
        return self.folder / "run"


def sojourn(*arguments: object, env: dict[str, str] | None = None, prelude: str = "") -> Outcome:
    """Run the command in a process of its own, as a user would; `prelude` is Python that runs before it."""
    if not prelude and not needs_a_start(env or {}):
        return Outcome(*warm([str(argument) for argument in arguments], env or {}))
    done = subprocess.run(
        _in_python(arguments, prelude),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **(env or {})},
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def _in_python(arguments: tuple[object, ...], prelude: str = "") -> list[str]:
    code = f"{prelude}\nimport sys\nfrom flows.cli import main\nmain(sys.argv[1:])"
    return [sys.executable, "-c", code, *map(str, arguments)]


def table_digests(run: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a run's `tables/`."""
    tables = run / "tables"
    return {
        str(path.relative_to(tables)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(tables.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def command() -> Callable[..., Outcome]:
    """The command, in a process of its own."""
    return sojourn


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the command as the first process of a session, which is killed if the test leaves it running."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            _in_python(arguments),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def loopback_only() -> str:
    """Python that blocks the network for the process that runs it."""
    return LOOPBACK_ONLY


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], dict[str, str]]:
    """Digests of all files in a run's `tables/`."""
    return table_digests


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A demo of a small country, made once; every process of the tests has a copy, which no test may change."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared-demo"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "outcome.json").exists():
            outcome = sojourn("demo", "--residents", RESIDENTS, "--seed", SEED, "--out", shared / "demo")
            (shared / "outcome.json").write_text(json.dumps(asdict(outcome)))
    outcome = Outcome(**json.loads((shared / "outcome.json").read_text()))
    assert outcome.status == 0, outcome.out + outcome.err
    folder = tmp_path_factory.mktemp("demo") / "demo"
    subprocess.run(["cp", "-a", shared / "demo", folder], check=True)  # one file under two names stays one
    return Demo(folder, outcome)


@pytest.fixture
def study_copy(demo: Demo, tmp_path: Path) -> Path:
    """A copy of the demo's study that a test may change; returns the path of its study file."""
    copy = tmp_path / "study"
    shutil.copytree(demo.study.parent, copy)
    return copy / "study.toml"
