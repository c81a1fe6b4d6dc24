"""Why a pair is one person: the waterfall adds up to the weights of the links, and every reason has its sentence."""

import numpy as np
import polars as pl
import pytest
from link_population import Population, context_of

from linkage.explain import explain_pair
from linkage.link import Linking


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    context = context_of(
        folder, Population(2000, seed=9).write(folder / "ingest"), sources=("pds", "pr", "activity", "mws")
    )
    linking = Linking(context.study, folder / "ingest", 1, lambda _: None, keeps_scores=True)
    linking.link_by_identifiers()
    linking.link_by_keys()
    linking.link_by_models()
    return linking


@pytest.fixture(scope="module")
def person(linked):
    nodes = linked.subjects.nodes.join(linked.clusters(), on=["source", "subject_id"], maintain_order="left")
    return nodes["person_id"].to_numpy()


def node(linked, source, subject_id):
    return linked.subjects.nodes.filter((pl.col("source") == source) & (pl.col("subject_id") == subject_id))[
        "node"
    ].item()


def explained(linked, person, one, other):
    names = linked.subjects.sources
    models = {(names.index(model.left), names.index(model.right)): model for model in linked.models}
    return explain_pair(
        linked.subjects,
        linked.explained,
        models,
        linked.links,
        person,
        (min(one, other), max(one, other)),
        0.5,
        0.5,
        (),
    )


def pairs_by_model(linked, wanted):
    links = linked.links.filter(pl.col("method").str.starts_with("model:") & wanted)
    return links.sort("match_weight", "source_l", "subject_id_l").head(25).to_dicts()


@pytest.mark.parametrize("wanted", [pl.col("match_probability") < 0.9, pl.col("match_probability") > 0.999])
def test_the_steps_and_rivals_add_up_to_the_weight_of_the_link(linked, person, wanted):
    pairs = pairs_by_model(linked, wanted)
    assert pairs
    for row in pairs:
        one, other = (node(linked, row[f"source_{side}"], row[f"subject_id_{side}"]) for side in "lr")
        found = explained(linked, person, one, other)
        assert found.match_weight == row["match_weight"]
        assert found.match_probability == row["match_probability"]
        total = 0.0
        for step in found.steps:
            total += step.bits
            assert step.total == pytest.approx(total, abs=1e-4)
        assert found.unrivalled_weight == pytest.approx(total, abs=1e-4)
        assert found.match_weight <= found.unrivalled_weight + 1e-4  # rivals never speak for a pair
        assert found.proposed_by
        assert found.joined == (person[one] == person[other])


def test_a_level_has_the_bits_of_its_m_and_u(linked, person):
    row = pairs_by_model(linked, pl.col("match_probability") > 0.999)[0]
    one, other = (node(linked, row[f"source_{side}"], row[f"subject_id_{side}"]) for side in "lr")
    dated = next(step for step in explained(linked, person, one, other).steps if step.part == "date_of_birth")
    assert dated.bits == pytest.approx(np.log2(dated.m / dated.u), abs=0.3)


def test_a_pair_by_an_identifier_says_so(linked, person):
    row = linked.links.filter(pl.col("method").str.starts_with("identifier:")).row(0, named=True)
    found = explained(
        linked, person, *(node(linked, row[f"source_{side}"], row[f"subject_id_{side}"]) for side in "lr")
    )
    assert found.joined
    assert found.links == (row["method"],)
    assert found.reason == f"They are linked by {row['method']}."


def test_two_strangers_are_compared_although_no_rule_proposed_them(linked, person):
    first, last = node(linked, "activity", 1), node(linked, "pds", linked.identified["pds"]["subject_id"].max())
    found = explained(linked, person, first, last)
    assert not found.joined
    assert (found.proposed_by, found.match_weight) == ((), None)
    assert found.unrivalled_weight < -20
    assert found.reason == "Too little speaks for them to be weighed, or no rule proposed them."


def test_a_link_that_lost_to_another_names_what_it_lost_to(linked, person):
    lost = [
        row
        for row in pairs_by_model(linked, pl.col("match_probability") < 0.5)
        if person[node(linked, row["source_l"], row["subject_id_l"])]
        != person[node(linked, row["source_r"], row["subject_id_r"])]
    ]
    row = lost[-1]
    found = explained(
        linked, person, *(node(linked, row[f"source_{side}"], row[f"subject_id_{side}"]) for side in "lr")
    )
    assert found.reason == "The match probability is below 0.5 ('accept')."
    assert all(rival.match_weight > -10 for rival in found.rivals)
