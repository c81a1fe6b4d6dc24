"""The tests end, and pass, wherever they are started."""

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]


def test_a_test_that_hangs_is_ended_and_the_next_one_runs(tmp_path):
    tests = tmp_path / "test_waiting.py"
    tests.write_text(
        "import subprocess, sys\n"
        "def test_waits(): subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "def test_goes_on(): pass\n"
    )
    ended = subprocess.run([*PYTEST, "--timeout=1", tests], capture_output=True, text=True, check=False)
    assert "Timeout (>1.0s)" in ended.stdout
    assert "1 failed, 1 passed" in ended.stdout


def test_every_test_has_a_limit_of_time(pytestconfig):
    assert 60 <= float(pytestconfig.getini("timeout")) <= 600


def test_tests_of_ctrl_c_pass_in_a_job_that_ignores_it():
    tests = ROOT / "tests" / "unit" / "test_synthetic_processes.py"
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)  # as a shell does for a job in the background
    ended = subprocess.run(
        [*PYTEST, tests, "-k", "ctrl_c"], preexec_fn=ignore, capture_output=True, text=True, check=False
    )
    assert "1 passed" in ended.stdout, ended.stdout
