"""The probabilities of pairs that were joined and of pairs that were left apart, worked by hand."""

import numpy as np
import polars as pl
import pytest

from linkage.joined_pairs import (
    ALONE,
    SAME_IDENTIFIER,
    UNDERSTATED,
    UNLINKED_ALIKE,
    CandidatePairs,
    edges_of,
    joined_pairs,
    missed_pairs,
)

MODELS = [(0, 1), (0, 2), (1, 2)]


def people(*persons):
    """Return nodes 0, 1, ..., each given as its source and person."""
    return pl.DataFrame(
        [{"node": node, "source": source, "person": person} for node, (source, person) in enumerate(persons)]
    )


def edges(*links):
    """Return links as (left node, right node, probability) and perhaps 'identifier'."""
    return pl.DataFrame(
        [{"l": link[0], "r": link[1], "p": link[2], "certain": len(link) > 3} for link in links],
        schema={"l": pl.Int64, "r": pl.Int64, "p": pl.Float64, "certain": pl.Boolean},
    )


def candidates(*pairs, nodes=4):
    left, right = zip(*pairs, strict=True)
    return CandidatePairs(np.array(left), np.array(right), nodes)


def raised(probability):
    """Return the probability that two people left apart are one, from what their links say: greater odds."""
    return probability * UNDERSTATED / (1 - probability + probability * UNDERSTATED)


def probability(pairs, left, right, column="q"):
    return pairs.filter((pl.col("l") == left) & (pl.col("r") == right))[column].item()


def test_a_third_subject_makes_a_pair_more_likely_and_an_unlinked_one_likely():
    """1 − q = (1 − .9)(1 − .8 · .5)^½, and (1 − .9 · .5)^½ without a link of their own."""
    three = people((0, 1), (1, 1), (2, 1))
    whole = joined_pairs(three, edges((0, 1, 0.9), (0, 2, 0.8), (1, 2, 0.5)))
    assert probability(whole, 0, 1) == pytest.approx(1 - 0.1 * (1 - 0.8 * 0.5) ** 0.5)
    assert probability(whole, 0, 1, "p") == 0.9
    without = joined_pairs(three, edges((0, 1, 0.9), (1, 2, 0.5)))
    assert probability(without, 0, 2) == pytest.approx(1 - (1 - 0.9 * 0.5) ** 0.5)
    assert probability(without, 0, 2, "p") == 0


def test_subjects_of_one_identifier_are_one_and_share_their_links():
    found = joined_pairs(people((0, 1), (1, 1), (2, 1)), edges((0, 1, 1.0, "identifier"), (0, 2, 0.7)))
    assert probability(found, 0, 1) == SAME_IDENTIFIER
    assert probability(found, 0, 2) == probability(found, 1, 2) == pytest.approx(0.7)


def test_four_in_a_row_are_as_likely_as_the_best_way_and_without_any_nobody_knows():
    found = joined_pairs(people((0, 1), (1, 1), (2, 1), (3, 1)), edges((0, 1, 0.9), (1, 2, 0.8), (2, 3, 0.5)))
    two = 1 - (1 - 0.9 * 0.8) ** 0.5
    assert probability(found, 0, 3) == pytest.approx(max(two * 0.5, (1 - (1 - 0.8 * 0.5) ** 0.5) * 0.9))
    alone = joined_pairs(people((0, 1), (1, 1)), edges())
    assert probability(alone, 0, 1) == ALONE


def test_two_subjects_of_one_source_have_their_own_link_alone():
    found = joined_pairs(people((0, 1), (0, 1), (1, 1)), edges((0, 1, 0.6), (0, 2, 0.9), (1, 2, 0.9)))
    assert probability(found, 0, 1) == pytest.approx(0.6)


def test_a_link_between_people_who_can_be_one_stands_for_all_their_subjects():
    """One of the two pairs that a model could link is a link: (1/2)² of its probability, for each of two pairs."""
    nodes = people((0, 1), (1, 1), (2, 2))
    links = edges((0, 1, 0.99), (0, 2, 0.4))
    found = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 2), (1, 2)), MODELS, ())
    assert found.select("l", "r", "conflict").rows() == [(0, 2, False), (1, 2, False)]
    assert found["p"].to_list() == pytest.approx([raised(0.4 / 4)] * 2)
    # a pair that was not compared says nothing: the link stands alone
    silent = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 2)), MODELS, ())
    assert silent["p"].to_list() == pytest.approx([raised(0.4)] * 2)
    both = edges((0, 1, 0.99), (0, 2, 0.4), (1, 2, 0.5))
    assert missed_pairs(nodes, both, joined_pairs(nodes, both), candidates((0, 2), (1, 2)), MODELS, ())[
        "p"
    ].to_list() == pytest.approx([raised(1 - 0.6 * 0.5)] * 2)


def test_the_missing_link_of_a_record_that_an_identifier_joins_to_the_other_says_most():
    nodes = people((0, 1), (1, 1), (2, 2))
    links = edges((0, 1, 1.0, "identifier"), (0, 2, 0.4))
    found = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 2)), MODELS, ())
    assert found["p"].to_list() == pytest.approx([raised(0.4 * UNLINKED_ALIKE)] * 2)


def test_each_two_people_have_their_own_share():
    """Nodes 0 and 1 are one, 2 another, 3 a third: of each two people only their own compared pairs count."""
    nodes = people((0, 1), (1, 1), (2, 2), (2, 3))
    links = edges((0, 1, 0.99), (0, 2, 0.4), (1, 3, 0.2))
    found = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 2), (1, 2), (1, 3)), MODELS, ())
    of = dict(zip(found.select("l", "r").rows(), found["p"], strict=True))
    assert of[0, 2] == of[1, 2] == pytest.approx(raised(0.4 / 4))
    assert of[0, 3] == of[1, 3] == pytest.approx(raised(0.2))


def test_two_who_each_have_another_partner_in_a_third_source_are_one_only_if_one_of_these_is_wrong():
    """Nodes 0 and 1 are linked; 0 is with 2, 1 with 3, of a source in which people have one record."""
    nodes = people((0, 1), (1, 2), (2, 1), (2, 2))
    links = edges((0, 2, 0.9), (1, 3, 0.8), (0, 1, 0.5))
    found = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 1)), MODELS, ())
    assert found.select("l", "r", "conflict").rows() == [(0, 1, True)]
    assert found["p"].item() == pytest.approx(0.5 * (1 - 0.9 * 0.8))
    # people may have several records of the third source: they can be one
    both = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 1)), MODELS, (2,))
    assert not both["conflict"].any()


def test_a_link_between_people_who_cannot_be_one_is_a_pair_of_its_own():
    """Node 2 has its partner in source 0 for certain enough: what is left for node 1 is what that partner leaves."""
    nodes = people((0, 1), (0, 2), (1, 1))
    links = edges((0, 2, 0.7), (1, 2, 0.3))
    apart = missed_pairs(nodes, links, joined_pairs(nodes, links), candidates((0, 2), (1, 2)), MODELS, ())
    assert apart.select("l", "r", "conflict").rows() == [(1, 2, True)]
    assert apart["p"].item() == pytest.approx(0.3)  # no third subject has changed anything
    helped = people((0, 1), (0, 2), (1, 1), (2, 1))
    links = edges((0, 2, 0.7), (0, 3, 0.99), (1, 2, 0.3), (2, 3, 0.99))
    joined = joined_pairs(helped, links)
    apart = missed_pairs(helped, links, joined, candidates((0, 2), (1, 2)), MODELS, ())
    left = (1 - probability(joined, 0, 2)) / 0.3
    assert apart.filter(pl.col("l") == 1)["p"].item() == pytest.approx(0.3 * left)


def test_the_links_of_a_pair_count_once_and_an_identifier_is_remembered():
    nodes = pl.DataFrame({"node": [0, 1], "source": ["a", "b"], "subject_id": [7, 8]})
    links = pl.DataFrame(
        {"source_l": ["a", "b"], "subject_id_l": [7, 8], "source_r": ["b", "a"], "subject_id_r": [8, 7],
         "match_probability": [0.6, 1.0], "method": ["model:a-b", "identifier:nhs"]}
    )  # fmt: skip
    assert edges_of(links, nodes).rows() == [(0, 1, 1.0, True)]


def test_candidate_pairs_know_their_own():
    pairs = candidates((3, 5), (0, 9), (1, 2), nodes=10)
    assert pairs.contain(np.array([0, 1, 3, 3]), np.array([9, 3, 5, 9])).tolist() == [True, False, True, False]
    nobody = CandidatePairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 10)
    assert nobody.contain(np.array([1]), np.array([2])).tolist() == [False]
