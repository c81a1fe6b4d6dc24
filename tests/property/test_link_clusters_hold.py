"""For any links: one subject per source and person, the same people in any order of links, and the slow oracle."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from linkage.clusters import cluster

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
def some_links(draw):
    ends = st.tuples(st.integers(0, 3), st.integers(1, SIZE))
    pairs = draw(st.lists(st.tuples(ends, ends, st.integers(-2, 4)), max_size=30))
    chosen = {}
    for one, other, weight in pairs:
        if one[0] != other[0]:
            chosen[min(one, other), max(one, other)] = float(weight)
    rows = [(SOURCES[a[0]], a[1], SOURCES[b[0]], b[1], weight) for (a, b), weight in chosen.items()]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def slow_clusters(links, rival_margin):
    """Return groups of subjects by the obvious loop over all links, best first."""
    order = {source: at for at, source in enumerate(SOURCES)}
    node = lambda source, subject: (order[source], subject)  # noqa: E731
    edges = sorted((-weight, *sorted((node(sl, il), node(sr, ir)))) for sl, il, sr, ir, weight in links.rows())
    group = {node(source, subject): {node(source, subject)} for source, subject in SUBJECTS.rows()}

    def apart(one, other):
        return group[one] is not group[other] and not {s for s, _ in group[one]} & {s for s, _ in group[other]}

    def rivals(one, other, weight):
        for against, a, b in edges:
            partner = b if a == one else a if b == one else None
            if partner and partner != other and partner[0] == other[0] and abs(-against - weight) <= rival_margin:
                yield partner

    for weight, one, other in edges:
        if not apart(one, other):
            continue
        if any(apart(one, x) for x in rivals(one, other, -weight)):
            continue
        if any(apart(other, x) for x in rivals(other, one, -weight)):
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


@settings(max_examples=60, deadline=None)
@given(some_links(), st.randoms())
def test_the_order_and_direction_of_links_do_not_matter(links, random):
    rows = [
        (r, ir, left, il, weight) if random.random() < 0.5 else (left, il, r, ir, weight)
        for left, il, r, ir, weight in random.sample(links.rows(), links.height)
    ]
    shuffled = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    assert cluster(SUBJECTS, shuffled, SOURCES, 0.5).equals(cluster(SUBJECTS, links, SOURCES, 0.5))
