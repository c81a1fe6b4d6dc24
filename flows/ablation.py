"""Ablations: a run computed again with one thing known to be true, to see how much of an error it explains.

With `true_links`, every subject is the person whom the truth names, the survey's links have recall 1 and no false
links, and stays, counts and the account are computed again from the run's own evidence. What is still wrong is wrong
in rules, estimates or data, not in linkage; with the scenario `perfect_sources`, not in data either.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from estimation.stages import ACCOUNT, COUNT
from flows.stages_again import computed_again, stored_result
from pipeline.disk import link_files
from pipeline.errors import UserError
from pipeline.schemas import TABLES, save
from pipeline.stage import Stage, StageRecord
from pipeline.study import Study
from pipeline.tables import read_table
from rules.stages import STAYS

TRUE_LINKS = "true_links"
ABLATIONS = (TRUE_LINKS,)
_STAGES: tuple[Stage[Any], ...] = (STAYS, COUNT, ACCOUNT)
"""The stages after linkage whose results depend on links."""


def check_ablation(name: str | None) -> None:
    """Raise `UserError` for an ablation that does not exist."""
    if name is not None and name not in ABLATIONS:
        raise UserError(f"--with {name}: no such ablation. Choose {', '.join(ABLATIONS)}.")


def compute_with_true_links(study: Study, run: Path, keys: Mapping[str, str], who: pl.DataFrame, work: Path) -> Path:
    """Compute a run's stages after linkage again in the folder `work` and return the folder of their tables.

    `keys` are the keys of the run's stages, `who` the true person of each subject (`source, subject_id, person`).
    Nothing in the run is changed. Raises `UserError` where stored results of the run are missing.
    """
    records = {name: stored_result(run, name, keys[name]) for name in ("ingest", "link", "evidence")}
    records["link"] = replace(records["link"], folder=_true_links(records["link"], who, work / "link"))
    for stage in _STAGES:
        records[stage.name] = computed_again(stage, study, run, records, work / stage.name)
    tables = work / "tables"
    link_files({name: records["ingest"].folder / name for name in records["ingest"].outputs}, tables)
    for name in ("link", "evidence", STAYS.name, COUNT.name, ACCOUNT.name):
        link_files({path.name: path for path in records[name].folder.glob("*.parquet")}, tables)
    return tables


def _true_links(link: StageRecord, who: pl.DataFrame, folder: Path) -> Path:
    """Write true clusters and the quality of perfect links into `folder`, the other tables as they are."""
    table = {
        name: read_table(link.folder / f"{name}.parquet")
        for name in ("clusters", "mothers", "linkage_quality", "link_errors")
    }
    save(true_clusters(table["clusters"], who), "clusters", folder)
    save(table["mothers"], "mothers", folder)
    for name in ("possibly_one", "review_of_links"):
        save(TABLES[name].create_empty(), name, folder)
    save(perfect_quality(table["linkage_quality"]), "linkage_quality", folder)
    errors = [name for name, kind in table["link_errors"].schema.items() if kind.is_float()]
    save(table["link_errors"].with_columns(pl.lit(0.0).alias(name) for name in errors), "link_errors", folder)
    return folder


def true_clusters(clusters: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    """Return `clusters` with one person for each true person: `source, subject_id, draw, person_id`.

    `clusters` are a run's, with the best links as draw 0. People are numbered from 1 in the order of the run's
    people; a subject whom the truth does not know is a person of their own.
    """
    subjects = clusters.filter(pl.col("draw") == 0).join(
        who.select("source", "subject_id", "person"), on=["source", "subject_id"], how="left"
    )
    unknown = pl.concat_str("source", pl.lit(":"), pl.col("subject_id").cast(pl.String))
    named = pl.coalesce(pl.col("person").cast(pl.String), unknown)
    return (
        subjects.sort("person_id", "source", "subject_id")
        .with_row_index("order")
        .select(
            "source",
            "subject_id",
            "draw",
            person_id=pl.col("order").min().over(named.alias("named")).rank("dense").cast(pl.Int64),
        )
        .sort("source", "subject_id")
    )


def perfect_quality(quality: pl.DataFrame) -> pl.DataFrame:
    """Return `linkage_quality` of links without any error, known for certain."""
    exact = {
        "expected_precision": 1.0, "expected_recall": 1.0, "precision_estimate": 1.0, "precision_low": 1.0,
        "precision_high": 1.0, "recall_estimate": 1.0, "recall_low": 1.0, "recall_high": 1.0, "missed_pairs": 0.0,
        "unseen_pairs": 0.0, "review_recall": 1.0, "review_recall_se": 0.0,
        "review_false_link_rate": 0.0, "review_false_link_rate_se": 0.0,
    } | {
        f"{rate}_{by}_decisions{limit}": 1.0
        for rate in ("precision", "recall") for by in ("by", "with") for limit in ("", "_low", "_high")
    }  # fmt: skip
    measured = pl.col("reviewed").is_not_null()
    return quality.with_columns(
        pl.when(measured if name.startswith("review") else pl.col(name).is_not_null())
        .then(pl.lit(value))
        .otherwise(pl.col(name))
        .alias(name)
        for name, value in exact.items()
        if name in quality.columns
    )
