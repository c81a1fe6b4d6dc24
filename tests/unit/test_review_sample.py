"""Whom reviewers look at: strata by doubt, the allocation of decisions, and a draw that says nothing."""

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.joined_pairs import UNDERSTATED
from linkage.review_allocation import _variance, allocate
from linkage.review_sample import doubts, draw
from pipeline.errors import UserError

CLUSTERS = pl.DataFrame(
    [("a", 1, 1), ("a", 2, 2), ("a", 3, 3), ("a", 4, 4), ("a", 5, 5), ("b", 5, 5),
     ("s", 1, 1), ("s", 2, 2), ("s", 3, 6), ("s", 4, 7)],
    schema=["source", "subject_id", "person_id"], orient="row",
)  # fmt: skip
"""Two of a are linked with s, one was left apart from it, one is alone, and one is linked with b."""


def link(subject, other, probability, source="a", searched="s", method="model:a-s"):
    return (source, subject, searched, other, 0.0, probability, method)


LINKS = pl.DataFrame(
    [link(1, 1, 1.0, method="identifier:nino"), link(2, 2, 0.95), link(3, 3, 0.3),
     link(5, 5, 0.9, searched="b", method="model:a-b")],
    schema=["source_l", "subject_id_l", "source_r", "subject_id_r", "match_weight", "match_probability", "method"],
    orient="row",
)  # fmt: skip


def test_doubt_is_what_the_links_say():
    found = doubts(CLUSTERS, LINKS, {"a": 0.2}, "s", ())
    by_subject = {row["subject_id"]: row for row in found.iter_rows(named=True)}
    assert by_subject[1]["doubt"] == pytest.approx(0.0001)  # an identifier is wrong at times too
    assert by_subject[2]["doubt"] == pytest.approx(0.05)
    # pairs left apart are one person more often than that
    assert by_subject[3]["doubt"] == pytest.approx(0.3 * UNDERSTATED / (0.7 + 0.3 * UNDERSTATED))
    assert [by_subject[one]["band"] for one in range(1, 6)] == ["0", "0.01", "0.1", "unseen alone", "unseen"]
    # half of the expected pairs that no rule proposed among people who are alone, half among the others
    assert by_subject[4]["doubt"] == by_subject[5]["doubt"] == pytest.approx(0.1)
    assert [by_subject[one]["is_linked"] for one in range(1, 6)] == [True, True, False, False, False]


def test_doubt_is_assumed_where_rules_cannot_tell():
    found = doubts(CLUSTERS, LINKS, {"a": float("nan")}, "s", ())
    assert found.filter(pl.col("band").str.starts_with("unseen"))["doubt"].to_list() == [0.05, 0.05]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(2, 9), st.floats(0, 1), st.floats(0.1, 3)), min_size=1, max_size=3),
    st.integers(0, 12),
)
def test_no_other_allocation_has_a_smaller_variance(strata, more):
    """Against all allocations of so many decisions, of which each stratum has two at least."""
    size, doubt, importance = (np.array(of) for of in zip(*strata, strict=True))
    decisions = min(2 * len(strata) + more, int(size.sum()))

    def variance(drawn):
        return float((importance**2 * _variance(size, doubt, np.array(drawn))).sum())

    found = allocate(size, doubt, importance, decisions)
    every = [one for one in product(*(range(2, of + 1) for of in size)) if sum(one) == decisions]
    assert tuple(found) in every
    assert variance(found) == pytest.approx(min(map(variance, every)), rel=1e-9, abs=1e-12)


def people(linked=3000, apart=400, source="a"):
    number = linked + apart
    is_linked = np.arange(number) < linked
    return pl.DataFrame({
        "source": [source] * number, "subject_id": np.arange(1, number + 1), "is_linked": is_linked,
        "band": np.where(is_linked, np.where(np.arange(number) % 10 == 0, "0.1", "0"), "unseen"),
        "doubt": np.where(is_linked, np.where(np.arange(number) % 10 == 0, 0.2, 0.0001), 0.1),
    })  # fmt: skip


def test_weights_stand_for_all_people_and_doubtful_ones_are_drawn_more_often():
    drawn = draw(people(), 200, seed=5)
    assert drawn.height == 200
    assert drawn["subject_id"].n_unique() == 200
    sizes = dict(drawn.group_by("stratum").agg(pl.col("weight").sum().round(6)).iter_rows())
    assert sizes == {"a linked 0": 2700, "a linked 0.1": 300, "a apart unseen": 400}
    weight = dict(drawn.select("stratum", "weight").unique().iter_rows())
    assert weight["a linked 0"] > 3 * weight["a linked 0.1"]


def test_the_number_of_a_decision_says_nothing_of_the_person():
    """Strata lie in any order, and so do subjects: neither goes with the number beyond chance."""
    drawn = draw(people(), 400, seed=5)
    assert drawn["decision"].to_list() == [f"D{number:04}" for number in range(1, 401)]
    place = np.arange(400)
    assert abs(np.corrcoef(place, drawn["subject_id"])[0, 1]) < 0.15
    assert abs(np.corrcoef(place, drawn["weight"])[0, 1]) < 0.15


def test_a_draw_depends_on_the_seed_and_on_no_other_source():
    drawn = draw(people(), 200, seed=5)
    assert drawn.equals(draw(people().sort("doubt"), 200, seed=5))
    assert not drawn.equals(draw(people(), 200, seed=6))
    both = draw(pl.concat([people(), people(source="b")]), 400, seed=5)
    of_a = both.filter(source="a")
    assert of_a.height == 200
    assert set(of_a["subject_id"]) == set(drawn["subject_id"])


def test_everybody_is_drawn_of_a_stratum_with_one_person():
    drawn = draw(people(linked=1, apart=50), 10, seed=1)
    assert drawn.filter(pl.col("stratum") == "a linked 0.1").select("subject_id", "weight").rows() == [(1, 1.0)]


def test_too_few_decisions_are_refused_with_the_number_that_is_needed():
    with pytest.raises(UserError, match="3 strata.*Draw 6 or more"):
        draw(people(), 5, seed=1)


def test_people_of_all_sources_may_be_drawn_by_doubt_alone():
    people = pl.DataFrame({
        "source": ["a"] * 300 + ["b"] * 100, "subject_id": [*range(300), *range(100)], "is_linked": True,
        "band": "0", "doubt": 0.001,
    })  # fmt: skip
    drawn = draw(people, 40, seed=1, together=True)
    assert drawn["stratum"].unique().to_list() == ["all linked 0"]
    assert drawn["weight"].unique().to_list() == [10.0]
    assert set(drawn["source"]) == {"a", "b"}
    # by source, the smaller one has more than its share
    by_source = draw(people, 40, seed=1).group_by("source").len().sort("source")["len"].to_list()
    assert by_source[1] > 10
