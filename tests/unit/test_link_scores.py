import polars as pl

from linkage.score import score_links

TRUTH = pl.DataFrame(
    [
        ("mws", 1, 101, False, "EU"), ("mws", 2, 102, True, "EU"), ("mws", 3, 103, False, "non_EU"),
        ("pds", 1, 101, False, "EU"), ("pds", 2, 102, False, "EU"), ("pds", 3, 104, False, "EU"),
    ],
    schema=["source", "subject_id", "person", "moved", "nationality_group"],
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
    assert found.keys() == {"all", "movers", "stayers", "nationality_group=EU", "nationality_group=non_EU"}
    of_nobody = found.pop("nationality_group=non_EU")
    assert (of_nobody["true_pairs"], of_nobody["precision"], of_nobody["recall"]) == (0, None, None)
    assert all((row["precision"], row["recall"]) == (1.0, 1.0) for row in found.values())


def test_a_pair_belongs_to_the_nationality_group_of_the_person_on_its_left():
    """The wrong link joins the records of a non-EU person on the left with those of an EU person."""
    found = score(1, 2, 3, 1, 4, 3)
    eu, non_eu = found["nationality_group=EU"], found["nationality_group=non_EU"]
    assert (eu["true_pairs"], eu["linked_pairs"], eu["correct"], eu["recall"]) == (2, 1, 1, 0.5)
    assert (non_eu["true_pairs"], non_eu["linked_pairs"], non_eu["precision"]) == (0, 1, 0.0)


def test_a_subject_that_was_never_clustered_is_a_missed_pair():
    clusters = TRUTH.select("source", "subject_id").with_columns(pl.Series("person_id", [1, 2, 3, 1, 2, 4])).head(5)
    found = score_links(clusters.filter(pl.col("subject_id") != 2), TRUTH).row(0, named=True)
    assert (found["true_pairs"], found["linked_pairs"], found["correct"]) == (2, 1, 1)


def test_pairs_are_scored_by_the_sex_and_age_of_the_person_on_the_left():
    truth = TRUTH.with_columns(
        pl.Series("sex", ["F", "M", "F", "F", "M", "M"]),
        age_group=pl.when(pl.col("person") == 102).then(pl.lit("65+")),
    )
    clusters = truth.select("source", "subject_id").with_columns(pl.Series("person_id", [1, 2, 3, 1, 4, 3]))
    rows = {row["group"]: row for row in score_links(clusters, truth).to_dicts()}
    found = {name: (row["true_pairs"], row["linked_pairs"], row["correct"]) for name, row in rows.items()}
    assert (found["sex=F"], found["sex=M"], found["age_group=65+"]) == ((1, 2, 1), (1, 0, 0), (1, 0, 0))
    assert found["all"] == (2, 2, 1)  # nobody is left out because an age is not known
