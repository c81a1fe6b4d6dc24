"""For any links: one subject per source and person, the same people in any order of links, and the slow oracle."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.clusters import WEAK, cluster

SOURCES = ["pds", "one", "two", "three"]
SIZE = 5
SUBJECTS = pl.DataFrame(
    [(source, subject) for source in SOURCES for subject in range(1, SIZE + 1)],
    schema=["source", "subject_id"],
    orient="row",
)
SCHEMA = {
    "source_l": pl.String, "subject_id_l": pl.Int64, "source_r": pl.String, "subject_id_r": pl.Int64,
    "match_weight": pl.Float64,
}  # fmt: skip


@st.composite
def some_links(draw, within=()):
    ends = st.tuples(st.integers(0, 3), st.integers(1, SIZE))
    pairs = draw(st.lists(st.tuples(ends, ends, st.integers(0, 8)), max_size=30))
    chosen = {}
    for one, other, weight in pairs:
        if one[0] != other[0] or (SOURCES[one[0]] in within and one[1] != other[1]):
            chosen[min(one, other), max(one, other)] = float(weight)
    rows = [(SOURCES[a[0]], a[1], SOURCES[b[0]], b[1], weight) for (a, b), weight in chosen.items()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def slow_clusters(links, rival_margin, several=()):
    """Return groups of subjects by the obvious loop over all links: those within a source, then the best first."""
    order = {source: at for at, source in enumerate(SOURCES)}
    edges = [
        (sl != sr, -weight, *sorted(((order[sl], il), (order[sr], ir)))) for sl, il, sr, ir, weight in links.rows()
    ]
    edges.sort()
    group = {(order[source], subject): {(order[source], subject)} for source, subject in SUBJECTS.rows()}
    once = {order[source] for source in SOURCES if source not in several}

    def apart(one, other):
        both = {s for s, _ in group[one]} & {s for s, _ in group[other]}
        return group[one] is not group[other] and not both & once

    def has_rival(one, other, weight):
        """Another partner of a member of the group of `one`, in the source of `other`, as likely and still apart."""
        return other[0] in once and any(
            mine in group[one] and partner != other and partner[0] == other[0]
            and abs(-against - weight) <= rival_margin and apart(one, partner)
            for _, against, a, b in edges
            for mine, partner in ((a, b), (b, a))
        )  # fmt: skip

    for _, negative, one, other in edges:
        weight = -negative
        if not apart(one, other) or has_rival(one, other, weight) or has_rival(other, one, weight):
            continue
        between = sum(
            (a in group[one] and b in group[other]) or (a in group[other] and b in group[one]) for _, _, a, b in edges
        )
        sizes = len(group[one]), len(group[other])
        if weight < WEAK and between < sizes[0] * sizes[1] / 2:
            continue
        merged = group[one] | group[other]
        for member in merged:
            group[member] = merged
    return {frozenset(members) for members in group.values()}


@settings(max_examples=200, deadline=None)
@given(some_links(), st.sampled_from([0.0, 0.5, 1.0]))
def test_clusters_are_those_of_the_slow_loop_with_each_source_once(links, rival_margin):
    found = cluster(SUBJECTS, links, SOURCES, rival_margin)
    assert not found.select("source", "person_id").is_duplicated().any()
    order = {source: at for at, source in enumerate(SOURCES)}
    groups = {}
    for source, subject, person in found.rows():
        groups.setdefault(person, set()).add((order[source], subject))
    assert {frozenset(members) for members in groups.values()} == slow_clusters(links, rival_margin)
    firsts = [min(groups[person]) for person in sorted(groups)]
    assert firsts == sorted(firsts)


@settings(max_examples=100, deadline=None)
@given(some_links(within=("one",)), st.sampled_from([0.0, 1.0]))
def test_so_they_are_where_a_source_repeats_people(links, rival_margin):
    found = cluster(SUBJECTS, links, SOURCES, rival_margin, ["one"])
    others = found.filter(pl.col("source") != "one")
    assert not others.select("source", "person_id").is_duplicated().any()
    groups = {}
    for source, subject, person in found.rows():
        groups.setdefault(person, set()).add((SOURCES.index(source), subject))
    assert {frozenset(members) for members in groups.values()} == slow_clusters(links, rival_margin, ["one"])


@settings(max_examples=60, deadline=None)
@given(some_links(), st.randoms())
def test_the_order_and_direction_of_links_do_not_matter(links, random):
    rows = [
        (r, ir, left, il, weight) if random.random() < 0.5 else (left, il, r, ir, weight)
        for left, il, r, ir, weight in random.sample(links.rows(), links.height)
    ]
    shuffled = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    assert cluster(SUBJECTS, shuffled, SOURCES, 0.5).equals(cluster(SUBJECTS, links, SOURCES, 0.5))
