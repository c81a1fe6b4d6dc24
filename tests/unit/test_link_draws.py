"""Alternative sets of links: probabilities by hand, constraints for all, and an enumeration of small cases."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_population import Population, context_of

from linkage.draws import clusters_of, draw_clusters
from linkage.joined_pairs import CandidatePairs, joined_pairs, missed_pairs, units_of
from linkage.link import link

DRAWS = 4000
NAMES = ("a", "b", "c", "d")


def subjects(*persons):
    """Return nodes 0, 1, ..., each given as its source (a number) and person."""
    return pl.DataFrame(
        [{"node": node, "source": source, "source_name": NAMES[source], "subject_id": 100 + node, "person": person}
         for node, (source, person) in enumerate(persons)]
    )  # fmt: skip


def edges(*links):
    return pl.DataFrame(
        [{"l": link[0], "r": link[1], "p": link[2], "certain": len(link) > 3} for link in links],
        schema={"l": pl.Int64, "r": pl.Int64, "p": pl.Float64, "certain": pl.Boolean},
    )


def candidates(people, links):
    return CandidatePairs(links["l"].to_numpy(), links["r"].to_numpy(), people.height)


def people_of_draws(people, links, draws=DRAWS, seed=1, several=()):
    """Return the person of every node in each draw (draws by nodes)."""
    joined = joined_pairs(people, links)
    missed = missed_pairs(people, links, joined, candidates(people, links), several)
    changed = draw_clusters(people, units_of(people, links), joined, missed, several, draws, seed)
    found = np.tile(people["person"].to_numpy(), (draws, 1))
    for draw, node, person in changed.iter_rows():
        found[draw - 1, node] = person
    return found


def share(of_draws, one, other):
    return (of_draws[:, one] == of_draws[:, other]).mean()


def test_one_uncertain_link_gives_a_count_its_variance():
    """A link of probability .7: the number of people is one or two, with variance .7 · .3."""
    found = people_of_draws(subjects((0, 1), (1, 1)), edges((0, 1, 0.7)))
    people = np.array([len(set(draw)) for draw in found])
    assert share(found, 0, 1) == pytest.approx(0.7, abs=0.03)
    assert people.var() == pytest.approx(0.7 * 0.3, abs=0.01)


def test_two_rivals_of_one_subject_are_never_both_its_partner():
    """Node 2 is with node 0 (.6), or with node 1 (.3), or with neither."""
    found = people_of_draws(subjects((0, 1), (0, 2), (1, 1)), edges((0, 2, 0.6), (1, 2, 0.3)))
    assert share(found, 0, 2) == pytest.approx(0.6, abs=0.03)
    assert share(found, 1, 2) == pytest.approx(0.3, abs=0.03)
    assert not (found[:, 0] == found[:, 1]).any()


def test_three_sources_keep_their_certain_part():
    """Nodes 0 and 1 are one for certain; node 2 belongs to them with q of its two links."""
    links = edges((0, 1, 1.0, "identifier"), (0, 2, 0.8), (1, 2, 0.5))
    found = people_of_draws(subjects((0, 1), (1, 1), (2, 1)), links)
    assert share(found, 0, 1) == 1
    assert share(found, 1, 2) == pytest.approx(0.8, abs=0.03)


def test_people_who_may_be_one_become_one_as_often_as_that_is_likely():
    links = edges((0, 1, 0.2))
    people = subjects((0, 1), (1, 2))
    found = people_of_draws(people, links)
    probability = missed_pairs(people, links, joined_pairs(people, links), candidates(people, links), ())["p"].item()
    assert share(found, 0, 1) == pytest.approx(probability, abs=0.03)


@st.composite
def networks(draw):
    size = draw(st.integers(2, 9))
    sources = [draw(st.integers(0, 3)) for _ in range(size)]
    person = [draw(st.integers(1, size)) for _ in range(size)]
    taken = set()
    for node in range(size):  # people have one subject a source
        while (person[node], sources[node]) in taken:
            person[node] += size
        taken.add((person[node], sources[node]))
    pairs = [(one, other) for one in range(size) for other in range(one + 1, size) if sources[one] != sources[other]]
    links = [(one, other, draw(st.floats(0.02, 0.99))) for one, other in pairs if draw(st.booleans())]
    return subjects(*sorted(zip(sources, person, strict=True))), links


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 5))
def test_no_draw_has_two_subjects_of_a_source_in_a_person_and_order_is_nothing(network, seed):
    people, links = network
    found = people_of_draws(people, edges(*links), draws=40, seed=seed)
    source = people["source"].to_numpy()
    for draw in found:
        assert len(set(zip(draw, source, strict=True))) == len(source)
    again = people_of_draws(people, edges(*links).reverse(), draws=40, seed=seed)
    assert (found == again).all()


def test_certain_people_never_change():
    people = subjects((0, 1), (1, 1), (2, 1), (0, 2), (1, 2))
    links = edges((0, 1, 1 - 1e-9), (0, 2, 1 - 1e-9), (1, 2, 1 - 1e-9), (3, 4, 0.5))
    found = people_of_draws(people, links, draws=200)
    assert (found[:, :3] == 1).all()
    assert 0.3 < share(found, 3, 4) < 0.7


def enumerated(probability):
    """Return the probability that node 0 and node 1 of two sources with rivals are one: all matchings, weighed.

    Four subjects, a link for each pair of sources with the odds of its probability.
    """
    odds = probability / (1 - probability)
    weights = {"both": odds[0] * odds[3], "cross": odds[1] * odds[2], "none": 1.0,
               **{str(one): odds[one] for one in range(4)}}  # fmt: skip
    total = sum(weights.values())
    return np.array([weights["both"] + weights["0"], weights["cross"] + weights["1"],
                     weights["cross"] + weights["2"], weights["both"] + weights["3"]]) / total  # fmt: skip


def test_draws_of_two_by_two_rivals_have_the_probabilities_of_all_matchings():
    """The links carry the probabilities of the enumeration, as the posterior of linkage gives them."""
    exact = enumerated(np.array([0.9, 0.2, 0.1, 0.8]))
    links = edges((0, 2, exact[0]), (0, 3, exact[1]), (1, 2, exact[2]), (1, 3, exact[3]))
    found = people_of_draws(subjects((0, 1), (0, 2), (1, 1), (1, 2)), links)
    shares = [share(found, one, other) for one, other in ((0, 2), (0, 3), (1, 2), (1, 3))]
    assert shares == pytest.approx(exact.tolist(), abs=0.06)


@pytest.fixture(scope="module")
def population(tmp_path_factory):
    return Population(1500, seed=4).write(tmp_path_factory.mktemp("draws") / "ingest")


def test_draws_of_a_run_change_nothing_else_and_are_the_same_for_any_threads(population, tmp_path):
    written = {}
    for name, draws, threads in (("none", 0, 1), ("two", 2, 1), ("threads", 2, 2)):
        context = context_of(tmp_path / name, population, threads=threads, draws=draws)
        link(context)
        written[name] = context.out
    names = sorted(path.name for path in written["none"].glob("*.parquet"))
    for name in names:
        one, two, threads = ((written[run] / name).read_bytes() for run in ("none", "two", "threads"))
        assert two == threads
        assert (one == two) == (name != "clusters.parquet")
    clusters = pl.read_parquet(written["two"] / "clusters.parquet")
    assert clusters.filter(draw=0).equals(pl.read_parquet(written["none"] / "clusters.parquet"))
    assert clusters["draw"].unique().sort().to_list() == [0, 1, 2]
    changed = clusters.filter(pl.col("draw") > 0)
    assert 0 < changed.height < 0.2 * clusters.filter(draw=0).height
    second = clusters_of(clusters, 2)
    assert second.height == clusters.filter(draw=0).height
    per_source = second.group_by("person_id", "source").len()
    assert per_source["len"].max() == 1
