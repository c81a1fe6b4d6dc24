"""The real chain on a small country: stopped in every stage, killed for real, damaged, meddled with."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from real_run import NAMES, RUN, RealRun, flipped
from simulated_disk import LOSSES
from stub_chain import manifest_is_true

from flows.chain import StageRun, run_chain
from flows.cli import _cause_outside
from flows.progress import NullListener
from flows.simulate import simulate_study
from pipeline.errors import UserError
from pipeline.stage import StageRecord
from pipeline.study import read_study

RESIDENTS = 1_000
SIGNALS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> RealRun:
    folder = tmp_path_factory.mktemp("real")
    simulate_study(RESIDENTS, 3, folder / "study", NullListener(), threads=1)
    return RealRun.of(read_study(folder / "study"), folder / "reference")


def test_the_real_chain_stopped_in_every_stage(real, full, in_memory, tell):
    """Stages before the stop are taken from what is left; those after it follow from the same bytes."""
    points = 203 if full else len(NAMES)
    for seed in range(points):
        stage, draw, root = NAMES[seed % len(NAMES)], random.Random(seed), in_memory / "stopped"
        number = draw.choice(real.numbers_of(stage))
        real.stopped(number, seed, draw.choice(LOSSES)).write(root)
        real.check_left(root, number)
        real.resume(root, until=stage)
        shutil.rmtree(root)
    tell(f"real chain: stopped at {points} points of {len(real.operations)} operations, in all {len(NAMES)} stages")


def test_a_flipped_byte_is_found_and_its_file_made_again(real, full, in_memory, tell):
    flips = 100 if full else 2
    for seed in range(flips):
        real.whole().write(in_memory / "flipped")
        path = flipped(in_memory / "flipped", seed)
        real.resume(in_memory / "flipped")
        assert path.exists() or "store" in path.parts
        shutil.rmtree(in_memory / "flipped")
    tell(f"real chain: {flips} flipped bytes")


def started(study: Path, run: Path) -> subprocess.Popen[str]:
    code = "import sys; from flows.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "run", str(study), "--out", str(run), "--threads", "1"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def test_real_signals(real, full, in_memory, tell):
    """Whatever ends the process, the same command goes on where it was, until it has the same bytes."""
    kills, finished, draw = 30 if full else 3, 0, random.Random(1)
    for number in range(kills):
        by = list(SIGNALS)[number % len(SIGNALS)]
        process = started(real.study.path, in_memory / RUN)
        process.stdout.readline()  # what it does on which study: however busy the machine is, it has begun
        time.sleep(draw.uniform(0.0, 8.0))
        process.send_signal(by)
        _, errors = process.communicate()
        assert process.returncode in (SIGNALS[by], 0)
        assert "Traceback" not in errors
        assert manifest_is_true(in_memory / RUN)
        if process.returncode == 0:
            finished += 1
            real.check_resumed(in_memory)
            shutil.rmtree(in_memory / RUN)
    process = started(real.study.path, in_memory / RUN)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    real.check_resumed(in_memory)
    tell(f"real chain: {kills} signals (SIGKILL, SIGTERM, SIGINT), of which {finished} came after the end")


def test_less_memory_in_the_middle_and_a_second_run_on_the_folder(real, in_memory):
    """A second run is refused; a run whose memory is taken away ends, loses nothing, and can be resumed."""
    real.stopped(real.numbers_of("account")[0], 0, "killed").write(in_memory / "short")
    run = in_memory / "short" / RUN
    process = started(real.study.path, run)
    while not (run / "run.log").exists() and process.poll() is None:  # until it has found the first stage unchanged
        time.sleep(0.01)
    with pytest.raises(UserError, match="another run is using this folder"):
        run_chain(real.study, run)
    resource.prlimit(process.pid, resource.RLIMIT_AS, (1 << 28, resource.RLIM_INFINITY))
    _, errors = process.communicate()
    assert process.returncode, "it had enough memory"
    assert "Traceback" not in errors
    real.check_left(in_memory / "short", real.numbers_of("account")[0])
    real.resume(in_memory / "short")


@pytest.mark.parametrize("what", ["removed", "changed", "cut", "a folder"])
def test_an_extract_that_is_meddled_with_while_it_is_read(what, real, tmp_path):
    """Whatever happens to an extract in a run, the run stops and names it; with the file back, it goes on."""
    study = tmp_path / "study"
    shutil.copytree(real.study.folder, study, ignore=shutil.ignore_patterns("truth"))
    extract = study / "extracts" / "births.csv"
    content = extract.read_bytes()

    def meddle(one: StageRun) -> StageRecord:
        extract.unlink()
        if what == "changed":
            extract.write_bytes(content.replace(b"1", b"2"))
        elif what == "cut":
            extract.write_bytes(content[: len(content) // 2])
        elif what == "a folder":
            extract.mkdir()
        return one()

    with pytest.raises(UserError, match="births.csv: the file (changed|was removed)"):
        run_chain(read_study(study), tmp_path / RUN, execute=meddle)
    assert not list((tmp_path / RUN / "store").glob("ingest/*"))


@pytest.mark.parametrize("lost", ["store", "ingest", "tables"])
def test_a_folder_that_disappears_under_a_run(lost, real, in_memory):
    """A lost mount, or a folder that somebody removes: one paragraph, and the next run makes all of it again."""
    real.stopped(real.numbers_of("count")[0], 0, "killed").write(in_memory / "lost")
    run = in_memory / "lost" / RUN
    folder = {"store": run / "store", "ingest": run / "store" / "ingest", "tables": run}[lost]

    def disappear(one: StageRun) -> StageRecord:
        if one.stage.name == "count":
            os.rename(folder, in_memory / "away")
        return one()

    with pytest.raises(Exception) as caught:  # noqa: PT011 - the command turns it into a sentence
        run_chain(real.study, run, execute=disappear)
    cause = str(caught.value) if isinstance(caught.value, UserError) else _cause_outside(caught.value)
    assert cause, repr(caught.value)
    assert "\n" not in cause
    if folder.exists():
        shutil.rmtree(folder)
    os.rename(in_memory / "away", folder)
    real.resume(in_memory / "lost", until="count")
