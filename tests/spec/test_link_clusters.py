import polars as pl

from linkage.clusters import cluster
from linkage.identifiers import CERTAIN_WEIGHT

SOURCES = ["pds", "activity", "hesa"]
SUBJECTS = pl.DataFrame(
    [(source, subject) for source in SOURCES for subject in (1, 2)], schema=["source", "subject_id"], orient="row"
)


def links(*rows):
    schema = {
        "source_l": pl.String, "subject_id_l": pl.Int64, "source_r": pl.String, "subject_id_r": pl.Int64,
        "match_weight": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def people(found, rival_margin=0.5, several=(), subjects=SUBJECTS, sources=SOURCES):
    """Return the groups of subjects, e.g. {"pds1 activity1", "hesa1"}."""
    grouped = cluster(subjects, found, sources, rival_margin, several).with_columns(
        (pl.col("source") + pl.col("subject_id").cast(pl.String)).alias("who")
    )
    return set(grouped.group_by("person_id", maintain_order=True).agg(pl.col("who"))["who"].list.join(" "))


def test_without_links_each_subject_is_a_person_numbered_by_source_and_subject():
    assert cluster(SUBJECTS, links(), SOURCES, 0.5)["person_id"].to_list() == [1, 2, 3, 4, 5, 6]


def test_links_join_over_a_chain():
    found = links(("activity", 1, "pds", 1, 9.0), ("hesa", 2, "activity", 1, 9.0))
    assert people(found) == {"pds1 activity1 hesa2", "pds2", "activity2", "hesa1"}


def test_the_better_link_wins_and_nobody_is_two_people_of_one_source():
    found = links(("activity", 1, "pds", 1, 9.0), ("activity", 1, "pds", 2, 12.0), ("activity", 2, "pds", 2, 8.0))
    assert people(found) == {"pds2 activity1", "pds1", "activity2", "hesa1", "hesa2"}


def test_a_chain_that_would_join_two_people_of_the_spine_breaks_at_its_weakest_link():
    found = links(("activity", 1, "pds", 1, 9.0), ("hesa", 1, "pds", 2, 8.0), ("hesa", 1, "activity", 1, 5.0))
    assert people(found) == {"pds1 activity1", "pds2 hesa1", "activity2", "hesa2"}


def test_a_link_with_an_equal_rival_is_not_made():
    found = links(("activity", 1, "pds", 1, 9.0), ("activity", 1, "pds", 2, 9.0))
    assert people(found) == {"pds1", "pds2", "activity1", "activity2", "hesa1", "hesa2"}
    assert people(found.with_columns(pl.Series("match_weight", [9.0, 8.4]))) == {
        "pds1 activity1", "pds2", "activity2", "hesa1", "hesa2",
    }  # fmt: skip


def test_a_rival_that_is_taken_already_does_not_count():
    found = links(("activity", 1, "pds", 1, 9.0), ("activity", 1, "pds", 2, 9.0), ("activity", 2, "pds", 2, 11.0))
    assert people(found) == {"pds1 activity1", "pds2 activity2", "hesa1", "hesa2"}


def test_identifiers_come_before_any_model_and_need_no_rival_margin():
    found = links(
        ("activity", 1, "pds", 1, 40.0), ("hesa", 1, "pds", 2, 39.0),
        ("activity", 1, "hesa", 1, CERTAIN_WEIGHT), ("activity", 1, "hesa", 2, CERTAIN_WEIGHT),
    )  # fmt: skip
    assert people(found, rival_margin=0.0) == {"pds1 activity1 hesa1", "pds2", "activity2", "hesa2"}


def test_rivals_of_other_members_of_a_group_count():
    """Activity 1 is student 1, who is as much like patient 2 as activity 1 is like patient 1: neither is taken."""
    found = links(
        ("activity", 1, "hesa", 1, 20.0), ("activity", 1, "pds", 1, 9.0), ("hesa", 1, "pds", 2, 9.2),
    )  # fmt: skip
    assert people(found) == {"activity1 hesa1", "pds1", "pds2", "activity2", "hesa2"}
    clearer = found.with_columns(pl.Series("match_weight", [20.0, 9.0, 10.0]))
    assert people(clearer) == {"pds2 activity1 hesa1", "pds1", "activity2", "hesa2"}


FOUR = ["pds", "activity", "hesa", "mws"]
OF_FOUR = pl.DataFrame([(source, 1) for source in FOUR], schema=["source", "subject_id"], orient="row")


def test_two_groups_that_one_weak_link_holds_together_are_split():
    """Two strong pairs and one of four possible links between them, at a probability of three quarters."""
    strong = [("activity", 1, "pds", 1, 20.0), ("hesa", 1, "mws", 1, 20.0)]
    of_four = {"subjects": OF_FOUR, "sources": FOUR}
    weak = links(*strong, ("activity", 1, "hesa", 1, 1.6))
    assert people(weak, **of_four) == {"pds1 activity1", "hesa1 mws1"}
    assert people(links(*strong, ("activity", 1, "hesa", 1, 3.1)), **of_four) == {"pds1 activity1 hesa1 mws1"}
    # half of the possible links bear each other out
    two = links(*strong, ("activity", 1, "hesa", 1, 1.6), ("mws", 1, "pds", 1, 1.5))
    assert people(two, **of_four) == {"pds1 activity1 hesa1 mws1"}


def test_a_weak_link_of_two_subjects_alone_is_taken():
    assert people(links(("activity", 1, "pds", 1, 0.5))) == {"pds1 activity1", "pds2", "activity2", "hesa1", "hesa2"}


def test_a_person_may_have_several_subjects_of_a_source_that_repeats_people():
    """Students 1 and 2 are one person: both are linked with patient 1, who is no rival of himself."""
    found = links(
        ("hesa", 1, "hesa", 2, 6.0), ("hesa", 1, "pds", 1, 9.0), ("hesa", 2, "pds", 1, 9.0),
        ("activity", 1, "pds", 1, 9.0),
    )  # fmt: skip
    assert people(found, several=["hesa"]) == {"pds1 activity1 hesa1 hesa2", "pds2", "activity2"}
    # only the source that is named repeats people
    assert people(found, several=["activity"]) != people(found, several=["hesa"])


def test_subjects_of_one_source_are_joined_before_others_are_weighed():
    """Patient 2 fits student 2 alone, and less than patient 1 fits both: the person has one patient record."""
    found = links(
        ("hesa", 1, "hesa", 2, 4.0), ("hesa", 1, "pds", 1, 12.0), ("hesa", 2, "pds", 2, 9.0),
    )  # fmt: skip
    assert people(found, several=["hesa"]) == {"pds1 hesa1 hesa2", "pds2", "activity1", "activity2"}
