"""`sojourn validate`: the same figures with one process or two, after a kill, and from a stage on."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPLICATES, RESIDENTS, FIRST = 2, 2_000, 1
OPTIONS = ("--replicates", REPLICATES, "--residents", RESIDENTS, "--seed", FIRST)
KEYS = [
    "measure", "margin", "group", "period", "replicates", "estimate", "truth", "bias", "relative_bias", "rmse",
    "coverage", "coverage_lower", "coverage_upper", "mean_half_width", "interval_score", "dispersion", "too_high",
    "too_low", "precision", "recall", "true", "hits", "misses", "false", "brier",
]  # fmt: skip


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory, command: Callable) -> tuple[Path, str]:
    """A small validation from `stays` on, with one process: its folder and its JSON."""
    out = tmp_path_factory.mktemp("validation") / "one"
    done = command("validate", *OPTIONS, "--from", "stays", "--threads", 1, "--out", out, "--json")
    assert done.status == 0, done.err
    return out, done.out


@pytest.fixture(scope="module")
def figures(validation: tuple[Path, str]) -> list[dict[str, Any]]:
    return json.loads(validation[1])


def test_every_figure_has_all_keys(figures: list[dict[str, Any]]) -> None:
    assert all(list(one) == KEYS for one in figures)
    assert {one["measure"] for one in figures} == {
        "immigration", "emigration", "net", "population", "links", "classes", "counted_twice",
        "link_errors", "link_precision", "link_recall", "definitions",
    }  # fmt: skip
    assert {one["margin"] for one in figures if one["measure"] == "emigration"} == {
        "total", "sex", "age_group", "nationality_group", "cross", "quarter", "single_source",
    }  # fmt: skip
    assert {one["group"] for one in figures if one["measure"] == "links"} >= {"all", "movers", "stayers"}


def test_figures_are_inside_stated_bounds(figures: list[dict[str, Any]]) -> None:
    """Bounds for two countries of 2,000: wide, because chance is large; they shall become narrower."""
    totals = [one for one in figures if one["margin"] == "total"]

    def pooled_bias(measure: str) -> float:
        own = [one for one in totals if one["measure"] == measure]
        return sum(one["bias"] for one in own) / sum(one["truth"] for one in own)

    assert abs(pooled_bias("population")) < 0.01
    assert abs(pooled_bias("immigration")) < 0.12
    assert abs(pooled_bias("emigration")) < 0.25
    population = [one["coverage"] for one in totals if one["measure"] == "population"]
    assert sum(population) / len(population) > 0.85
    links = [one for one in figures if one["measure"] == "links" and one["group"] == "all" and one["true"] > 100]
    assert all(one["precision"] > 0.985 for one in links)
    spine = {
        one["margin"]: one["recall"] for one in links if one["margin"].endswith("pds") or "pds-" in one["margin"]
    }
    assert min(spine.values()) > 0.97
    classes = [one for one in figures if one["measure"] == "classes" and one["margin"] == "population"]
    assert all(one["precision"] > 0.98 and one["recall"] > 0.94 for one in classes)


def test_the_page_states_what_was_done(validation: tuple[Path, str]) -> None:
    page = (validation[0] / "accuracy.md").read_text()
    assert "seeds 1 to 2" in page
    assert "sojourn validate --replicates 2 --residents 2000 --seed 1 --from stays\n" in page
    assert "MB of disk" in page
    assert all((validation[0] / "accuracy" / name).is_file() for name in ("bias.svg", "coverage.svg"))


def test_earlier_results_are_kept_and_later_tables_are_not(validation: tuple[Path, str]) -> None:
    for seed in range(FIRST, FIRST + REPLICATES):
        run = validation[0] / "replicates" / str(seed) / "run"
        assert sorted(path.name for path in run.iterdir()) == ["store"]
        assert sorted(path.name for path in (run / "store").iterdir() if path.is_dir()) == [
            "evidence",
            "ingest",
            "link",
        ]


def test_from_a_stage_on_the_same_people_give_the_same_figures(
    validation: tuple[Path, str], command: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    shutil.copytree(validation[0], out, symlinks=True)
    shutil.rmtree(out / "scores")
    links = {path: path.stat().st_mtime_ns for path in out.glob("replicates/*/run/store/link/*/stage.json")}
    done = command("validate", *OPTIONS, "--from", "stays", "--out", out, "--json")
    assert (done.status, done.out) == (0, validation[1])
    assert {path: path.stat().st_mtime_ns for path in links} == links
    assert len(links) == REPLICATES


def test_other_rules_judge_the_same_people(
    validation: tuple[Path, str], figures: list[dict[str, Any]], command: Callable, tmp_path: Path
) -> None:
    """Stays count from nine months on, and moves of today are no evidence: links are kept, evidence is not."""
    out, mine = tmp_path / "copy", tmp_path / "mine.toml"
    shutil.copytree(validation[0], out, symlinks=True)
    mine.write_text(
        'id = "mine"\ntitle = "Mine"\nsays = "A test."\nextends = "long_term_2019"\n'
        '[parameters.long_term_days]\nvalue = 275\nsource_of_value = "A test"\n'
        '[[evidence]]\nid = "nhs_moved"\nwhen = "registration_type = \'move\' and posting_date < 2001-01-01"\n'
    )
    links = {path: path.stat().st_mtime_ns for path in out.glob("replicates/*/run/store/link/*/stage.json")}
    evidence = set(out.glob("replicates/*/run/store/evidence/*/stage.json"))
    done = command("validate", *OPTIONS, "--from", "stays", "--rule-set", mine, "--out", out, "--json")
    assert done.status == 0, done.err
    assert {path: path.stat().st_mtime_ns for path in links} == links
    assert not evidence & set(out.glob("replicates/*/run/store/evidence/*/stage.json"))
    page = (out / "accuracy.md").read_text()
    assert f"--rule-set {mine} --seed 1 --from stays" in page

    def immigrants(found: list[dict[str, Any]]) -> float:
        return sum(one["estimate"] for one in found if (one["measure"], one["margin"]) == ("immigration", "total"))

    assert immigrants(json.loads(done.out)) > immigrants(figures)


def test_a_killed_validation_resumes_to_the_same_figures(
    validation: tuple[Path, str], command: Callable, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    code = "import sys; from flows.cli import main; main(sys.argv[1:])"
    options = [*map(str, OPTIONS), "--out", str(out), "--json", "--threads", "2"]
    running = subprocess.Popen(
        [sys.executable, "-c", code, "validate", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list(out.glob("scores/*/scored.json")):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    scored = {path: path.stat().st_mtime_ns for path in out.glob("scores/*/scored.json")}
    done = command("validate", *options)
    assert (done.status, done.out) == (0, validation[1])
    assert {path: path.stat().st_mtime_ns for path in scored} == scored
    assert not list((out / "replicates").iterdir())  # tables are deleted once they are scored


def test_a_failed_replicate_is_named(command: Callable, tmp_path: Path) -> None:
    out = tmp_path / "failing"
    (out / "replicates" / "7").mkdir(parents=True)
    (out / "replicates" / "7" / "study").write_text("a file where the study should be")
    done = command("validate", "--replicates", 1, "--residents", 1000, "--seed", 7, "--out", out)
    assert done.status == 1
    assert "replicate of seed 7 failed" in done.err
    assert "simulated.json" in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--replicates", 0, "--residents", 1000), "--replicates"),
        (("--replicates", 1, "--residents", 1000, "--rule-set", "mine"), "--rule-set: unknown rule set 'mine'"),
        (("--replicates", 1, "--residents", 1000, "--calibration", "mine"), "unknown calibration 'mine'"),
        (("--replicates", 1, "--residents", 1000, "--calibration", "mine.toml"), "mine.toml: cannot be read"),
        (("--replicates", 1, "--residents", 10), "--residents"),
        (("--replicates", 1, "--residents", 1000, "--seed", -1), "--seed"),
        (("--replicates", 1, "--residents", 1000, "--seed", 10**20), "--seed"),
        (("--replicates", 1, "--residents", 1000, "--from", "stay"), "Did you mean 'stays'"),
        (("--replicates", 1, "--residents", 1000, "--with", "true_link"), "true_links"),
        (("--replicates", 1, "--residents", 1000, "--scenario", "base_line"), "baseline"),
        (("--replicates", 1, "--residents", 1000, "--threads", 0), "--threads"),
        (("--replicates", 1, "--residents", 1000, "--against", "nowhere.json"), "nowhere.json"),
    ],
)
def test_a_bad_option_is_a_mistake(command: Callable, tmp_path: Path, options: tuple, message: str) -> None:
    done = command("validate", *options, "--out", tmp_path / "out")
    assert done.status == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["[]", "[1]", '[{"measure": "net"}]', "{}", "no JSON"])
def test_what_is_no_validation_is_not_compared_with(command: Callable, tmp_path: Path, content: str) -> None:
    (tmp_path / "odd.json").write_text(content)
    out = tmp_path / "out"
    done = command(
        "validate", "--replicates", 1, "--residents", 1000, "--against", tmp_path / "odd.json", "--out", out
    )
    assert done.status == 2
    assert "Give the JSON of an earlier validation." in done.err
    assert not out.exists()


def test_a_folder_of_other_files_is_left_alone(command: Callable, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = command("validate", "--replicates", 1, "--residents", 1000, "--out", tmp_path)
    assert done.status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_estimation_alone_is_repeated_at_the_error_rates_of_a_validation(
    validation: tuple[Path, str], command: Callable, tmp_path: Path
) -> None:
    options = ("--estimation-only", "--replicates", 2, "--residents", 1000, "--rates", validation[0])
    done = command("validate", *options, "--out", tmp_path / "again", "--threads", 1, "--json")
    assert done.status == 0, done.err
    found = json.loads(done.out)
    totals = {one["measure"]: one for one in found["margins"] if one["margin"] == "total"}
    assert abs(totals["population"]["relative_bias"]) < 0.02
    assert totals["population"]["coverage_se"] is not None
    page = (tmp_path / "again" / "estimation_only.md").read_text(encoding="utf-8")
    assert "2 times around one truth" in page
    assert "seeds 1001 to 1002" in page
