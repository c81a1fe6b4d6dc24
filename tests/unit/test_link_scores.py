import polars as pl

from linkage.score import score_links

TRUTH = pl.DataFrame(
    [
        ("mws", 1, 101, False), ("mws", 2, 102, True), ("mws", 3, 103, False),
        ("pds", 1, 101, False), ("pds", 2, 102, False), ("pds", 3, 104, False),
    ],
    schema=["source", "subject_id", "person", "moved"],
    orient="row",
)  # fmt: skip


def score(*person_ids):
    clusters = TRUTH.select("source", "subject_id").with_columns(pl.Series("person_id", person_ids))
    return {row["group"]: row for row in score_links(clusters, TRUTH).to_dicts()}


def test_by_hand_one_right_one_missed_mover_and_one_wrong():
    found = score(1, 2, 3, 1, 4, 3)
    assert found["all"] == {
        "source_l": "mws", "source_r": "pds", "group": "all",
        "true_pairs": 2, "linked_pairs": 2, "correct": 1, "precision": 0.5, "recall": 0.5,
    }  # fmt: skip
    assert (found["movers"]["true_pairs"], found["movers"]["recall"], found["movers"]["precision"]) == (1, 0.0, None)
    assert (found["stayers"]["recall"], found["stayers"]["precision"]) == (1.0, 0.5)


def test_perfect_links_score_one():
    found = score(1, 2, 3, 1, 2, 4)
    assert all((row["precision"], row["recall"]) == (1.0, 1.0) for row in found.values())


def test_a_subject_that_was_never_clustered_is_a_missed_pair():
    clusters = TRUTH.select("source", "subject_id").with_columns(pl.Series("person_id", [1, 2, 3, 1, 2, 4])).head(5)
    found = score_links(clusters.filter(pl.col("subject_id") != 2), TRUTH).row(0, named=True)
    assert (found["true_pairs"], found["linked_pairs"], found["correct"]) == (2, 1, 1)
