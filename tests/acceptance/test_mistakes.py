"""A mistake of the user ends with status 2 and one paragraph: what, where, how to correct it; never a traceback."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rules as rules_package
from flows.loading import loading

HEAVY = ("polars", "duckdb", "prefect", "splink", "numpy", "scipy")
WHEN_DONE = f"""
import atexit, sys
atexit.register(lambda: print([name for name in {HEAVY} if name in sys.modules]))
"""


def spoil(old, new, name="study.toml"):
    def change(folder):
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def rules(old, new):
    def change(folder):
        shipped = Path(rules_package.__file__).parent / "sets" / "long_term_2019.toml"
        text = shipped.read_text()
        assert old in text
        (folder / "mine.toml").write_text(text.replace(old, new, 1))
        study = folder / "study.toml"
        lines = [
            'rule_set = "mine.toml"' if one.startswith("rule_set") else one for one in study.read_text().split("\n")
        ]
        study.write_text("\n".join(lines))

    return change


def without(extract):
    def change(folder):
        study = folder / "study.toml"
        head, *extracts = study.read_text().split("[[extract]]")
        kept = [one for one in extracts if f'name = "{extract}"' not in one]
        assert len(kept) == len(extracts) - 1
        study.write_text("[[extract]]".join([head, *kept]))

    return change


def short_key(folder):
    key = folder / "synthetic.key"
    key.write_text(key.read_text().splitlines()[0] + "\nabcdef\n")


def append(text):
    def change(folder):
        path = folder / "study.toml"
        path.write_text(path.read_text() + text)

    return change


def cut_in_half(name):
    def change(folder):
        path = folder / "extracts" / name
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2 + 3])

    return change


def header_only(name):
    def change(folder):
        path = folder / "extracts" / name
        path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")
        _any_number_of_rows(folder, name)

    return change


def of_another_century(name, column):
    """Move all dates of a column into the nineteenth century, which the contract does not allow."""

    def change(folder):
        path = folder / "extracts" / name
        header, *rows = path.read_text().splitlines()
        at = header.split(",").index(column)
        moved = [
            ",".join(f"18{value[2:]}" if number == at else value for number, value in enumerate(row.split(",")))
            for row in rows
        ]
        path.write_text("\n".join([header, *moved]) + "\n")

    return change


def _any_number_of_rows(folder, name):
    study = folder / "study.toml"
    text = study.read_text()
    head, file, rest = text.partition(f'"extracts/{name}"')
    study.write_text(head + file + re.sub(r"\nrows = \d+", "", rest, count=1))


VERSION = 'files = ["extracts/pds.parquet"]\nversion = { "extracts/pds.parquet" = "nonsense" }'


def model_of_hesa(folder):
    (folder / "hesa.json").write_text('{"model": "hesa", "by_default": [], "splink": {"comparisons": []}}')
    append('\n[linkage.models]\nexit_checks = "hesa.json"\n')(folder)


def contract(folder):
    (folder / "clinic.toml").write_text('source = "clinic"\ntitel = "Clinic"\n')
    study = folder / "study.toml"
    study.write_text('contracts = ["clinic.toml"]\n' + study.read_text())


def latin(folder):
    path = folder / "extracts" / "mws.csv"
    lines = path.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b",", b",\xe9", 1)
    path.write_bytes(b"\n".join(lines))


MISTAKES = {
    "a missing extract": (lambda folder: (folder / "extracts/mws.csv").unlink(), ["mws.csv", "no such extract"]),
    "malformed TOML": (spoil('name = "', 'name = '), ["study.toml", "malformed TOML"]),
    "an unknown key of the study": (spoil("data_date", "date_of_data"), ["unknown key", "data_date"]),
    "an unknown column in a rule": (rules("commencement_date", "comencement_date"), ["mine.toml", "commencement"]),
    "a group that no table has": (rules('"non_EU" }', '"Rest_of_world" }'), ["mine.toml", "Rest_of_world"]),
    "a model of an unknown source": (
        append('\n[linkage.models]\nhessa = "m.json"\n'),
        ["linkage.models", "'hesa-pds'"],
    ),
    "a file that is not a model": (append('\n[linkage.models]\nmws = "study.toml"\n'), ["not a linkage model"]),
    "a model of another source": (model_of_hesa, ["'hesa", "'exit_checks"]),
    "a survey day without a list": (append("\n[coverage]\nreference_date = 2017-06-29\n"), ["[coverage]"]),
    "a version that is none": (spoil('files = ["extracts/pds.parquet"]', VERSION), ["unknown version 'nonsense'"]),
    "an unknown key of a contract": (contract, ["clinic.toml", "unknown key 'titel'", "'title'"]),
    "one stock too many": (append("\n[periods]\nstock_years = [2014, 2015]\n"), ["[periods]", "stock_years"]),
    "a year that has not ended": (
        append(f"\n[periods]\nflow_years = {list(range(2016, 2021))}\nstock_years = {list(range(2015, 2021))}\n"),
        ["[periods]", "2020-06-30 ends after the data date 2019-12-31", "flow_years"],
    ),
    "a year before the border record": (
        append(f"\n[periods]\nflow_years = {list(range(2015, 2020))}\nstock_years = {list(range(2014, 2020))}\n"),
        ["[periods]", "June 2015 begins on 2014-07-01 before the evidence", "'exit_checks_travel'", "2015-04-08"],
    ),
    "a short key": (short_key, ["synthetic.key", "3 bytes", "32"]),
    "a missing key": (lambda folder: (folder / "synthetic.key").unlink(), ["synthetic.key"]),
    "a wrong header": (spoil("NINO_ENC", "NINO", "extracts/mws.csv"), ["mws.csv", "NINO_ENC"]),
    "a truncated CSV file": (cut_in_half("mws.csv"), ["mws.csv"]),
    "a truncated Parquet file": (cut_in_half("pds.parquet"), ["pds.parquet"]),
    "a wrong encoding": (latin, ["mws.csv", "UTF-8"]),
    "an unknown rule set": (spoil('rule_set = "long_term_2019"', 'rule_set = "long_term_2018"'), ["long_term_2019"]),
    "an unknown definition": (
        spoil("data_date", 'definition = "long_tem"\ndata_date'), ["key 'definition'", "'long_tem'", "'long_term'"]),
    "births without a row": (
        header_only("births.csv"),
        ["births.csv has a header and no row", "'births' is to be linked"],
    ),
    "deaths of another century": (
        of_another_century("deaths.csv", "DATE_OF_DEATH"),
        ["deaths.csv, all of them quarantined: ", "date_of_death: before 2009-01-01 (", "'deaths' is to be linked"],
    ),
    "a register without a row": (
        header_only("mws.csv"),
        ["mws.csv has a header and no row", "'mws' is to be linked"],
    ),
    "a review without a row": (header_only("review_sample.csv"), ["review_sample.csv has a header", "how well"]),
    "half of a source": (without("activity_weeks"), ["study.toml", "'activity' needs", "'activity_weeks'"]),
    "a synthetic key for a real study": (spoil("synthetic = true", "synthetic = false"), ["synthetic"]),
}  # fmt: skip


IN_A_FILE = {name for name in MISTAKES if re.search("header|truncated|encoding|without a row|another century", name)}
"""Mistakes that only the reading of an extract finds; all others are reported before the first stage."""


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_in_one_paragraph(name, study_copy, command):
    change, words = MISTAKES[name]
    change(study_copy.parent)
    outcome = command("run", study_copy)
    assert outcome.status == 2, outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    warnings = [line for line in outcome.err.splitlines() if line.startswith("    warning: ")]
    assert outcome.err.splitlines()[len(warnings)].startswith("sojourn: ")
    assert not warnings or name in IN_A_FILE
    assert "\n\n" not in outcome.err.strip()
    for word in words:
        assert word in outcome.err
    assert (name in IN_A_FILE) == (study_copy.parent / "run" / "store" / "ingest").exists()


def test_an_output_that_is_full_or_closed_is_not_a_fault_of_the_program():
    command = [Path(sys.executable).with_name("sojourn"), "dictionary"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("sojourn: what is written or printed: No space left on device. ")
    assert ended.stderr.count("\n") == 1
    reads, writes = os.pipe()
    os.close(reads)
    ended = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_shows_what_it_can(encoding, command, demo):
    env = {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    outcome = command("run", demo.study, "--out", demo.run, env=env)
    assert (outcome.status, outcome.err) == (0, "")
    dot = "\\xb7" if encoding == "ascii" else "\N{REPLACEMENT CHARACTER}"  # as read here, which is as UTF-8
    assert outcome.out.startswith(f"sojourn run {dot} ")
    assert command("dictionary", env=env).status == 0
    outcome = command("run", "nowhere/é/study.toml", env=env)
    assert outcome.status == 2
    assert "no such file" in outcome.err


def test_a_name_that_is_not_utf_8_is_named_as_the_cause(command, demo, tmp_path):
    outcome = command("run", demo.study, "--out", os.fsdecode(bytes(tmp_path) + b"/\xff"))
    assert (outcome.status, outcome.err.count("\n")) == (2, 1)
    assert "is not UTF-8" in outcome.err


FAILS = """
import flows.run
def fail(*_, **__):
    {}
flows.run.run_study = fail
"""


@pytest.mark.parametrize(
    "failure",
    [
        "raise MemoryError",
        "import numpy; numpy.empty(2**50)",
        "import duckdb; duckdb.sql(\"SET memory_limit = '1MB'; SELECT list(range) FROM range(10000000)\").pl()",
        "import pyarrow; raise pyarrow.ArrowMemoryError('malloc of size 64 failed')",
        "raise OSError(12, 'Cannot allocate memory')",
        "raise ImportError('libarrow.so: failed to map segment from shared object')",
        'raise RuntimeError("can\'t start new thread")',
        "raise ValueError('a step of Splink failed') from MemoryError()",
    ],
)
def test_too_little_memory_is_named_as_the_cause(failure, command):
    outcome = command("run", "study", prelude=FAILS.format(failure))
    assert (outcome.status, outcome.err.count("\n")) == (2, 1), outcome.err
    assert outcome.err.startswith("sojourn: too little memory. ")


def test_a_limit_of_addresses_is_reported_before_libraries_abort(command):
    few = "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, resource.RLIM_INFINITY))"
    outcome = command("run", "study", prelude=few)
    assert (outcome.status, outcome.err.count("\n")) == (2, 1)
    assert outcome.err.startswith("sojourn: too little memory: `ulimit -v` allows this process 3.0 GB of addresses")


@pytest.mark.parametrize(
    "failure",
    [
        "raise OSError(28, 'No space left on device')",
        "import duckdb; raise duckdb.IOException('Could not write file: No space left on device')",
    ],
)
def test_a_full_disk_is_named_as_the_cause(failure, command):
    outcome = command("run", "study", prelude=FAILS.format(failure))
    assert (outcome.status, outcome.err.count("\n")) == (2, 1)
    assert "No space left on device. Use --out" in outcome.err


def test_a_panic_of_a_library_is_a_fault_and_quotes_nothing(command):
    panic = "import polars; raise polars.exceptions.PanicException('Zoë, born 1981')"
    outcome = command("run", "study", prelude=FAILS.format(panic))
    assert (outcome.status, outcome.err.count("\n")) == (1, 1)
    assert outcome.err.startswith("sojourn: a fault of the program")
    assert "Zoë" not in outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "nowhere/study.toml"], "make a study with `sojourn simulate`"),
        (["run", "."], "study.toml: no such file"),
        (["run"], "STUDY"),
        (["rum", "study.toml"], "run"),
        (["demo", "--residents", "many"], "residents"),
        (["demo", "--residents", "5"], "too few"),
        (["demo", "--threads", "0"], "threads"),
        (["evaluate", "nowhere"], "no finished run"),
        (["bench", "nothing"], "nothing"),
        (["bench", "cluster", "--kind", "noisy"], "takes no --kind"),
        (["bench", "link", "--seeds", "2"], "takes no --seeds"),
        (["bench", "link", "--size", "5"], "too few"),
        (["bench", "link_files", "--size", "0"], "too few"),
        (["bench", "link_files", "--kind", "nosy"], "did you mean 'noisy'"),
        (["bench", "link_files", "--seeds", "0"], "not a number of seeds"),
    ],
)
def test_a_wrong_command_line_is_reported_too(arguments, words, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = command(*arguments)
    assert outcome.status == 2
    assert "Traceback" not in outcome.out + outcome.err
    assert words.lower() in (outcome.out + outcome.err).lower()


def test_a_folder_of_other_files_is_never_touched(command, tmp_path, demo):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("A letter.")
    for arguments in (["run", demo.study, "--out"], ["simulate", "--residents", 1000, "--seed", 1, "--out"]):
        outcome = command(*arguments, tmp_path / "letters")
        assert outcome.status == 2
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("verb", ["run", "simulate", "demo"])
def test_a_folder_that_cannot_be_written_is_reported(verb, command, tmp_path, demo):
    (tmp_path / "letter.txt").write_text("A letter.")
    study = {"run": [demo.study], "simulate": ["--residents", 1000, "--seed", 1], "demo": ["--residents", 1000]}
    outcome = command(verb, *study[verb], "--out", tmp_path / "letter.txt" / "run")
    assert outcome.status == 2, outcome.out + outcome.err
    assert "letter.txt" in outcome.err
    assert "--out" in outcome.err


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_how_to_continue(by, status, study_copy, started):
    running = started("run", study_copy)
    running.stdout.readline()  # the run has begun
    running.send_signal(by)
    _, errors = running.communicate()
    assert running.returncode == status
    assert errors == "sojourn: stopped. Run the same command again: finished stages are kept.\n"


def test_ctrl_c_that_a_library_turns_into_an_error_stops_too(command):
    prelude = """
import flows.run, os, signal
def turn(*_, **__):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise ValueError("a schema could not be built") from None
flows.run.run_study = turn
"""
    outcome = command("run", "study", prelude=prelude)
    assert (outcome.status, outcome.err.partition(".")[0]) == (130, "sojourn: stopped")


def test_ctrl_c_waits_for_libraries_to_load():
    loaded = []
    answers = signal.getsignal(signal.SIGINT)

    def load():
        with loading():
            os.kill(os.getpid(), signal.SIGINT)
            loaded.append("whole")

    with pytest.raises(KeyboardInterrupt):
        load()
    assert loaded == ["whole"]
    assert signal.getsignal(signal.SIGINT) is answers


@pytest.mark.parametrize("verb", [[], ["demo"], ["simulate"], ["run"], ["evaluate"], ["bench"], ["dictionary"]])
def test_help_is_everywhere(verb, command):
    outcome = command(*verb, "--help")
    assert outcome.status == 0
    assert "Usage" in outcome.out


def test_version(command):
    from importlib.metadata import version

    assert command("--version").out.strip() == f"sojourn {version('sojourn')}"


def test_help_imports_nothing_heavy(command):
    assert command("--help", prelude=WHEN_DONE).out.rstrip().endswith("[]")
