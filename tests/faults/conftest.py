"""What tests of faults share: how many there are, and a folder in memory."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Whether to try all faults (`make faults`), or those for which every change can wait."""
    return pytestconfig.getoption("faults") == "full"


TRIED = "tried"


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a line for the end of the report: how many faults of which kind were tried."""
    return lambda line: request.node.user_properties.append((TRIED, line))  # a report has these from any process


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was tried, under the results."""
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if getattr(report, "when", None) == "call":
            for name, line in report.user_properties:
                if name == TRIED:
                    terminalreporter.line(line)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder that is removed after the test: in memory, where there is such a place, as thousands are made."""
    place = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="sojourn-faults-", dir=place if place.is_dir() else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
