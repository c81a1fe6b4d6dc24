"""Alternative sets of links: probabilities by hand, constraints for all, and an enumeration of small cases."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from link_population import Population, context_of

from linkage import joined_pairs as joined_pairs_module
from linkage.draws import CERTAIN, clusters_of, draw_clusters
from linkage.joined_pairs import CandidatePairs, joined_pairs, missed_pairs, units_of
from linkage.link import link

DRAWS = 4000
NAMES = ("a", "b", "c", "d")
MODELS = [(one, other) for other in range(4) for one in range(other)]


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
    missed = missed_pairs(people, links, joined, candidates(people, links), MODELS, several)
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


def test_two_undecided_rivals_are_each_the_partner_as_often_as_is_likely():
    """Nodes 0 and 1 of one source may each be node 2, and the best links join nobody: p, p, or neither."""
    people, links = subjects((0, 1), (0, 2), (1, 3)), edges((0, 2, 0.1), (1, 2, 0.1))
    found = people_of_draws(people, links)
    (p, _) = missed_pairs(people, links, joined_pairs(people, links), candidates(people, links), MODELS, ())["p"]
    assert share(found, 0, 2) == pytest.approx(p, abs=0.03)
    assert share(found, 1, 2) == pytest.approx(p, abs=0.03)
    assert not (found[:, 0] == found[:, 1]).any()
    assert np.array([len(set(draw)) for draw in found]).var() == pytest.approx(2 * p * (1 - 2 * p), abs=0.02)


SURE = 1 - 1e-9


def test_a_rival_takes_nobody_who_is_held_by_all_evidence_together():
    """Node 0 is one with 1 and 2 for certain; that node 3 may be it too, of whom 4 is certain, changes nothing."""
    people = subjects((0, 1), (1, 1), (2, 1), (3, 2), (1, 2))
    links = edges((0, 1, SURE), (0, 2, SURE), (1, 2, SURE), (0, 3, 0.8), (3, 4, SURE))
    found = people_of_draws(people, links, draws=300)
    assert (found == people["person"].to_numpy()).all()


def test_nobody_gives_way_who_is_held_by_all_evidence_together():
    """Nodes 0 and 4 have one identifier; they may be node 1, with whom is another of the source of 4, for certain."""
    people = subjects((0, 1), (1, 2), (2, 2), (3, 2), (2, 1))
    links = edges((0, 4, 1.0, "identifier"), (1, 2, SURE), (1, 3, SURE), (2, 3, SURE), (0, 1, 0.8))
    found = people_of_draws(people, links, draws=300)
    assert (found == people["person"].to_numpy()).all()


def test_a_person_goes_as_often_as_is_likely_whatever_becomes_of_its_uncertain_part():
    """Node 0 is with 1 and 2 or not; whether 1 and 2 are one with 3 to 6 does not depend on it."""
    people = subjects((0, 1), (1, 1), (2, 1), *[(3, 2)] * 4)
    links = edges((0, 1, 0.6), (1, 2, SURE), (3, 4, SURE), (3, 5, SURE), (3, 6, SURE), (1, 3, 0.3))
    joined = joined_pairs(people, links)
    p = missed_pairs(people, links, joined, candidates(people, links), MODELS, (3,))["p"].max()
    found = people_of_draws(people, links, several=(3,))
    assert share(found, 0, 1) == pytest.approx(0.6, abs=0.03)
    assert share(found, 1, 3) == share(found, 2, 6) == pytest.approx(p, abs=0.03)


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
    probability = missed_pairs(people, links, joined_pairs(people, links), candidates(people, links), MODELS, ())[
        "p"
    ].item()
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
    links = [(one, other, draw(st.floats(0.02, 0.99) | st.just(SURE))) for one, other in pairs if draw(st.booleans())]
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


@settings(max_examples=150, deadline=None)
@given(networks(), st.integers(0, 5))
def test_subjects_that_are_one_for_certain_are_never_parted(network, seed):
    people, links = network
    found = people_of_draws(people, edges(*links), draws=40, seed=seed)
    for left, right in (
        joined_pairs(people, edges(*links)).filter(pl.col("q") >= CERTAIN).select("l", "r").iter_rows()
    ):
        assert (found[:, left] == found[:, right]).all()


def test_certain_people_never_change():
    people = subjects((0, 1), (1, 1), (2, 1), (0, 2), (1, 2))
    links = edges((0, 1, 1 - 1e-9), (0, 2, 1 - 1e-9), (1, 2, 1 - 1e-9), (3, 4, 0.5))
    found = people_of_draws(people, links, draws=200)
    assert (found[:, :3] == 1).all()
    assert 0.3 < share(found, 3, 4) < 0.7


def matchings(odds):
    """Return all matchings of two sources, each as pairs of numbers, with its share of the weight of all.

    `odds` has a row for each subject of the one source and a column for each of the other.
    """
    rows, columns = odds.shape
    partners = itertools.product([None, *range(columns)], repeat=rows)
    pairs = [[(row, at) for row, at in enumerate(one) if at is not None] for one in partners]
    pairs = [one for one in pairs if len({at for _, at in one}) == len(one)]
    weights = np.array([np.prod([odds[pair] for pair in one]) for one in pairs])
    return pairs, weights / weights.sum()


@pytest.mark.parametrize(
    ("rows", "columns", "near"), [(1, 2, 0.02), (2, 1, 0.02), (1, 3, 0.02), (3, 1, 0.02), (2, 2, 0.04), (3, 3, 0.05)]
)
def test_draws_have_the_probabilities_and_the_variance_of_all_matchings(rows, columns, near, monkeypatch):
    """Links carry the probabilities of the enumeration, as the posterior of linkage gives them.

    One subject with many rivals is exact but for the noise of 1,000 draws (.012 in the mean at most); where both
    sides have rivals, shares are near.
    """
    monkeypatch.setattr(joined_pairs_module, "UNDERSTATED", 1.0)
    random = np.random.default_rng(rows * 10 + columns)
    apart, variances, exact_variances = [], [], []
    for seed in range(25):
        pairs, weights = matchings(np.exp(random.normal(-0.3, 2.0, (rows, columns))))
        exact = np.zeros((rows, columns))
        for one, weight in zip(pairs, weights, strict=True):
            for pair in one:
                exact[pair] += weight
        person = list(range(1, rows + columns + 1))
        for row, column in zip(*np.nonzero(exact > 0.5), strict=True):
            person[rows + column] = person[row]
        people = subjects(*((int(node >= rows), person[node]) for node in range(rows + columns)))
        likely = [(row, rows + column, exact[row, column]) for row in range(rows) for column in range(columns)]
        found = people_of_draws(people, edges(*likely), draws=1000, seed=seed)
        shares = [[share(found, row, rows + column) for column in range(columns)] for row in range(rows)]
        apart.append(np.abs(np.array(shares) - exact).mean())
        variances.append(np.var([len(set(draw)) for draw in found]))
        exact_variances.append(np.cov([len(one) for one in pairs], aweights=weights, ddof=0))
    assert np.mean(apart) < near
    assert np.mean(variances) == pytest.approx(np.mean(exact_variances), rel=0.08)


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
