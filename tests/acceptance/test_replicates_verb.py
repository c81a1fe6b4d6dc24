"""`sojourn replicates RUN` on a country of 21 people: a folder of its own, the same in any order, nothing changed."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from tiny_country import write_study

from estimation.by_replicates.counted_again import in_cells
from flows.by_replicates.link_draws import people_of_draw
from flows.by_replicates.replicated_run import check_can_be_replicated, prepared
from flows.variants.run_rules import opened
from pipeline.errors import UserError

DRAWS, REPLICATES = 2, 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, command: Callable) -> Path:
    study = write_study(tmp_path_factory.mktemp("replicates") / "study")
    study.write_text(f"{study.read_text()}\n[linkage]\ndraws = {DRAWS}\n")
    done = command("run", study)
    assert done.status == 0, done.out + done.err
    return study.parent / "run"


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "replicates" not in path.parts
    }


@pytest.fixture(scope="module")
def found(run: Path, command: Callable) -> dict:
    before = _digests(run)
    done = command("replicates", run, "--replicates", REPLICATES, "--json")
    assert done.status == 0, done.err
    assert _digests(run) == before  # tables, manifest, store and report
    return json.loads(done.out)


def test_it_writes_the_table_and_a_summary_into_a_folder_of_its_own(run: Path, found: dict) -> None:
    folder = run / "replicates"
    assert sorted(path.name for path in folder.iterdir()) == [
        "replicate_intervals.csv", "replicate_intervals.parquet", "summary.json",
    ]  # fmt: skip
    table = pl.read_parquet(folder / "replicate_intervals.parquet")
    assert table.height == len(found["rows"]) == 5 * (3 * 2 + 3)  # groups, of flows of two years and three stocks
    summary = json.loads((folder / "summary.json").read_text())
    assert summary.items() <= found.items()
    assert (summary["replicates"], summary["link_draws"], summary["figures"]) == (REPLICATES, DRAWS, 9)


def test_estimates_and_half_widths_are_those_of_the_run(run: Path, found: dict) -> None:
    flows = pl.read_parquet(run / "tables" / "flows.parquet").with_columns(pl.col(pl.Enum).cast(pl.String))
    net = flows.filter(sex="all", age_group="all", nationality_group="all", measure="net")
    own = {str(row["period_end"]): row for row in net.iter_rows(named=True) if row["period_start"].month == 7
           and row["period_end"].month == 6}  # fmt: skip
    rows = [row for row in found["rows"] if row["measure"] == "net" and row["nationality_group"] == "all"]
    assert len(rows) == 2
    for row in rows:
        assert row["estimate"] == pytest.approx(own[row["period"]]["estimate"])
        assert row["half_width"] == pytest.approx(1.96 * own[row["period"]]["standard_error"], abs=1e-5)
        assert row["mean"] == pytest.approx(row["estimate"], abs=0.5)
        parts = [value for name, value in row.items() if name.startswith("variance_")]
        assert min(parts) >= 0


def test_it_prints_the_headline_figures_which_are_the_same_with_one_thread(
    run: Path, found: dict, tmp_path: Path, command: Callable
) -> None:
    one_thread = {"POLARS_MAX_THREADS": "1"}
    done = command("replicates", run, "--replicates", REPLICATES, "--out", tmp_path / "other", env=one_thread)
    assert done.status == 0, done.err
    assert "net 30 Jun 2018" in done.out
    assert f"{REPLICATES} replicates, {DRAWS} draws of links" in done.out
    name = "replicate_intervals.csv"
    assert (tmp_path / "other" / name).read_bytes() == (run / "replicates" / name).read_bytes()


def test_with_its_weights_the_account_gives_the_figures_and_variances_of_the_run(run: Path) -> None:
    """A V A' and what the biases add are the variance that the account states, and no cell's own error is drawn."""
    with opened(run) as (base,), TemporaryDirectory() as work:
        made, within = prepared(base, REPLICATES, Path(work))
        account, area = made.account.account, made.account.account.areas[0]
        response = made.account.response(made.weights)
        variances = np.zeros(account.cells.height)
        variances[made.account.rows] = area.balance.variances.ravel()[made.account.places]
        biases = response @ made.account.effects(np.arange(len(account.terms.names))) @ area.biases.loadings
        stated = account.totals(made.weights)[1]
        assert response**2 @ variances + (biases**2).sum(axis=1) == pytest.approx(stated)
        assert (within <= response**2 @ variances + 1e-9).all()

        counted = account.cells["observed"].to_numpy()
        change = area.balance.cells.change
        least_squares = area.least_squares.ravel()[made.account.places]
        assert made.account.estimates(counted, change)[made.account.rows] == pytest.approx(least_squares)
        moved = np.random.default_rng(1).normal(size=len(counted))
        differs = made.account.estimates(counted + moved, change) - made.account.estimates(counted, change)
        assert made.weights @ differs == pytest.approx(response @ moved)


def test_replicates_are_the_same_in_any_order(run: Path) -> None:
    with opened(run) as (base,), TemporaryDirectory() as work:
        made, _ = prepared(base, REPLICATES, Path(work) / "account_in")
        people = people_of_draw(base, 1, Path(work) / "draw")
        forwards = [made.figures(people, one)[""] for one in range(3)]
        backwards = [made.figures(people, one)[""] for one in reversed(range(3))][::-1]
    assert np.array_equal(forwards, backwards)
    assert not np.array_equal(forwards[0], forwards[1])


def test_too_few_replicates_are_refused(run: Path, command: Callable, tmp_path: Path) -> None:
    done = command("replicates", run, "--replicates", 3, "--out", tmp_path / "out")
    assert done.status == 2
    assert "Give at least 4" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("draws", [0, 1])
def test_a_run_without_alternative_links_is_refused_with_what_to_write(run: Path, draws: int) -> None:
    with opened(run) as (base,):
        linkage = base.study.linkage.model_copy(update={"draws": draws})
        other = replace(base, study=base.study.model_copy(update={"linkage": linkage}))
        with pytest.raises(UserError, match=r"'draws = 20' under \[linkage\]"):
            check_can_be_replicated(other, REPLICATES)


def test_people_older_than_any_cell_are_counted_in_the_oldest_cohort() -> None:
    cells = pl.DataFrame({"sex": "F", "nationality_group": "EU", "cohort": [1930, 1931], "time": 2017}).cast(
        {"cohort": pl.Int32, "time": pl.Int32}
    )
    counts = cells.with_columns(cohort=pl.Series([1920, 1930], dtype=pl.Int32), count=pl.Series([2.0, 3.0]))
    assert in_cells(counts, cells).tolist() == [5.0, 0.0]
