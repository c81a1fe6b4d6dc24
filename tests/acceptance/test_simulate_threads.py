"""`sojourn simulate --threads`: Ctrl-C ends every process with one message and leaves no part of the study."""

import os
import signal
import time


def test_ctrl_c_in_a_terminal_ends_all_processes_and_leaves_nothing(tmp_path, started):
    running = started("simulate", "--residents", 200_000, "--seed", 1, "--out", tmp_path / "study")
    while not list(tmp_path.glob(".aside-study-*/.pieces-*")):  # then processes are about to start
        assert running.poll() is None
        time.sleep(0.01)
    time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    output, errors = running.communicate()
    assert running.returncode == 130
    assert (output, errors) == ("", "sojourn: stopped. Run the same command again: finished stages are kept.\n")
    assert not list(tmp_path.iterdir())


def test_no_thread_is_a_mistake(command, tmp_path):
    outcome = command("simulate", "--residents", 1000, "--seed", 1, "--out", tmp_path / "study", "--threads", 0)
    assert outcome.status == 2
    assert outcome.err == "sojourn: --threads: 0 is not a number of threads. Give 1 or more.\n"
    assert not list(tmp_path.iterdir())
