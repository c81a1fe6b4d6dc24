"""`sojourn evaluate RUN --with true_links`: what true links would give, with nothing of the run changed."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from flows.ablation import perfect_quality, true_clusters


@pytest.fixture(scope="module")
def run(demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    shutil.copytree(demo.folder, folder / "demo")
    return folder / "demo" / "run"


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "true_links" not in path.parts
    }


@pytest.fixture(scope="module")
def ablated(run: Path, command: Callable) -> Path:
    before = _digests(run)
    done = command("evaluate", run, "--with", "true_links")
    assert done.status == 0, done.err
    assert "with true_links:" in done.out
    assert _digests(run) == before  # tables, manifest, store, report and the run's own scores
    return run / "evaluation" / "true_links"


def test_links_are_perfect(ablated: Path) -> None:
    links = pl.read_parquet(ablated / "links.parquet").filter(pl.col("true_pairs") > 0)
    assert links.height > 50
    assert links["precision"].min() == links["recall"].min() == 1.0


def test_estimates_are_computed_again(run: Path, ablated: Path) -> None:
    """With true links a resident is never two people, so fewer true residents are missed and fewer count twice."""
    own, with_truth = (
        pl.read_parquet(folder / "classes.parquet").filter(measure="population")
        for folder in (run / "evaluation", ablated)
    )
    assert with_truth["true"].to_list() == own["true"].to_list()
    assert with_truth["misses"].sum() + with_truth["false"].sum() <= own["misses"].sum() + own["false"].sum()
    coverage = json.loads((ablated / "summary.json").read_text())["headline"]
    assert (
        coverage["estimate"] != json.loads((run / "evaluation" / "summary.json").read_text())["headline"]["estimate"]
    )


def test_no_error_is_left_that_is_due_to_links(run: Path, ablated: Path) -> None:
    own, with_truth = (
        pl.read_parquet(folder / "link_errors.parquet").filter(nationality_group="all")["true_counted_twice"].item()
        for folder in (run / "evaluation", ablated)
    )
    assert own > with_truth == 0
    causes = set(pl.read_parquet(ablated / "anatomy.parquet")["cause"])
    assert not causes & {"one person in two clusters", "two in one"}


def test_scores_of_the_run_and_of_its_ablation_stand_side_by_side(
    run: Path, ablated: Path, command: Callable
) -> None:
    before = _digests(ablated.parent), ablated.joinpath("flows.csv").read_bytes()
    assert command("evaluate", run).status == 0
    assert (_digests(ablated.parent), ablated.joinpath("flows.csv").read_bytes()) == before


def test_an_unknown_ablation_is_a_mistake(run: Path, command: Callable) -> None:
    done = command("evaluate", run, "--with", "true_love")
    assert done.status == 2
    assert "true_links" in done.err


def test_true_clusters_are_numbered_in_the_order_of_the_runs_people() -> None:
    clusters = pl.DataFrame(
        {"source": ["pds", "pds", "hesa", "hesa", "mws"], "subject_id": [1, 2, 1, 2, 9], "draw": 0,
         "person_id": [1, 2, 1, 3, 4]},
        schema_overrides={"draw": pl.Int32},
    )  # fmt: skip
    who = pl.DataFrame(
        {"source": ["pds", "pds", "hesa", "hesa"], "subject_id": [1, 2, 1, 2], "person": [70, 50, 50, 70]}
    )
    found = true_clusters(clusters, who)
    assert dict(zip(found.select("source", "subject_id").rows(), found["person_id"], strict=True)) == {
        ("pds", 1): 2, ("hesa", 2): 2, ("hesa", 1): 1, ("pds", 2): 1, ("mws", 9): 3,
    }  # fmt: skip


def test_perfect_quality_is_known_for_certain_and_adds_no_measure() -> None:
    measures = ["expected_precision", "expected_recall", "review_recall", "review_recall_se",
                "review_false_link_rate", "review_false_link_rate_se"]  # fmt: skip
    quality = pl.DataFrame(
        {"reviewed": [1500, None], **{name: [0.9, None] for name in measures}},
        schema_overrides={"reviewed": pl.Int64},
    ).with_columns(review_false_link_rate=pl.lit(None, dtype=pl.Float64))
    found = perfect_quality(quality)
    assert found.select(measures).row(0) == (1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    assert found.select(measures).row(1) == (None,) * 6
