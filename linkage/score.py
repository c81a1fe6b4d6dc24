"""Scores of linkage against the truth, for `evaluate`: precision and recall of linked pairs."""

from itertools import combinations

import polars as pl

GROUPS = {"all": pl.lit(True), "movers": pl.col("moved"), "stayers": ~pl.col("moved")}


def score_links(clusters: pl.DataFrame, subjects_truth: pl.DataFrame) -> pl.DataFrame:
    """Return precision and recall of the pairs of subjects that share a person, by two sources and group.

    `clusters` has `source, subject_id, person_id`; `subjects_truth` has `source, subject_id, person, moved`
    (whether the source records another address than the spine). A pair is a mover's if either subject
    moved. Columns out: `source_l, source_r, group` (all, movers, stayers), `true_pairs`, `linked_pairs`,
    `correct`, `precision` (null without linked pairs), `recall` (null without true pairs).
    """
    known = subjects_truth.select("source", "subject_id", "person", "moved").join(
        clusters.select("source", "subject_id", "person_id"), on=["source", "subject_id"], how="left"
    )
    scores = [
        _score(known, left, right, group)
        for left, right in combinations(sorted(known["source"].unique()), 2)
        for group in GROUPS
    ]
    schema = {
        "source_l": pl.String, "source_r": pl.String, "group": pl.String, "true_pairs": pl.Int64,
        "linked_pairs": pl.Int64, "correct": pl.Int64, "precision": pl.Float64, "recall": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(scores, schema=schema)


def _score(known: pl.DataFrame, left: str, right: str, group: str) -> dict[str, str | int | float | None]:
    one = known.filter(pl.col("source") == left)
    other = known.filter(pl.col("source") == right)
    true = _pairs(one, other, "person", group)
    linked = _pairs(one, other, "person_id", group)
    correct = true.join(linked, on=["subject_id", "subject_id_r"], how="semi").height
    return {
        "source_l": left,
        "source_r": right,
        "group": group,
        "true_pairs": true.height,
        "linked_pairs": linked.height,
        "correct": correct,
        "precision": correct / linked.height if linked.height else None,
        "recall": correct / true.height if true.height else None,
    }


def _pairs(one: pl.DataFrame, other: pl.DataFrame, same: str, group: str) -> pl.DataFrame:
    pairs = one.drop_nulls(same).join(other.drop_nulls(same), on=same, suffix="_r")
    return (
        pairs.with_columns((pl.col("moved") | pl.col("moved_r")).alias("moved"))
        .filter(GROUPS[group])
        .select("subject_id", "subject_id_r")
        .unique()
    )
