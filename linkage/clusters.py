"""From links to people: best links first, at most one subject of each source in a person.

Links are taken in order of weight; each joins two groups of subjects unless a source would then be in the group
twice. This is single-linkage clustering under a constraint, the greedy form of the one-to-one assignment of
M. Jaro (1989), "Advances in record-linkage methodology", section 3, over many sources at once. In a component of the
graph of links in which no source occurs twice and no link is weak, all links are accepted without the greedy search.
"""

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from linkage.identifiers import CERTAIN_WEIGHT

WEAK = 3.0
"""Log2 odds below which a link does not hold two groups together on its own: a probability of 8 in 9."""


def cluster(
    subjects: pl.DataFrame,
    links: pl.DataFrame,
    sources: Sequence[str],
    rival_margin: float,
    several: Collection[str] = (),
) -> pl.DataFrame:
    """Return `source, subject_id, person_id` of every subject.

    `subjects` has `source` and `subject_id`; `links` has both subjects and `match_weight` (log2 odds, rounded).
    People are numbered from 1 by their first subject in the order of `sources`, then of `subject_id`, never by a
    token. Links of equal weight are taken in that order too. A link is rejected if the weight of a rival (another
    partner in the same source, still available to a member of either group) is within `rival_margin` of its own, and
    if it is weak and few other links join the two groups. A person may have any number of subjects of the sources
    `several`.
    """
    nodes = (
        subjects.select("source", "subject_id")
        .with_columns(pl.col("source").replace_strict(list(sources), range(len(sources))).alias("source_number"))
        .sort("source_number", "subject_id")
        .with_row_index("node")
        .with_columns(pl.col("node").cast(pl.Int64))
    )
    edges = _number(links, nodes)
    size = nodes.height
    source = nodes["source_number"].to_numpy().astype(np.int64)
    left, right = edges["left"].to_numpy(), edges["right"].to_numpy()
    component = _components(size, left, right)
    once = np.array([one not in several for one in sources])
    conflicting = _has_source_twice(component[once[source]], source[once[source]], int(component.max(initial=-1)) + 1)
    conflicting |= _hangs_by_weak_link(component, left, edges["match_weight"].to_numpy())
    contested = conflicting[component[left]] if len(left) else np.zeros(0, dtype=bool)
    chosen = _choose_greedily(edges.filter(contested), source, once, rival_margin)
    accepted = np.concatenate([np.flatnonzero(~contested), chosen]).astype(np.int64)
    person = _components(size, left[accepted], right[accepted])
    # number people by their first subject
    _, first = np.unique(person, return_index=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(1, len(first) + 1)
    return nodes.select("source", "subject_id", pl.Series("person_id", number[person]))


def _number(links: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Return links as pairs of node numbers, best first, numbered in that order by `rank`."""
    numbers = nodes.select("source", "subject_id", "node")
    return (
        links.select("source_l", "subject_id_l", "source_r", "subject_id_r", "match_weight")
        .join(numbers.rename({"source": "source_l", "subject_id": "subject_id_l", "node": "one"}),
              on=["source_l", "subject_id_l"])
        .join(numbers.rename({"source": "source_r", "subject_id": "subject_id_r", "node": "other"}),
              on=["source_r", "subject_id_r"])
        .select(
            pl.min_horizontal("one", "other").alias("left"),
            pl.max_horizontal("one", "other").alias("right"),
            "match_weight",
            (pl.col("source_l") == pl.col("source_r")).alias("within"),
        )
        # subjects of one source first: they are one partner of all others
        .sort(["within", "match_weight", "left", "right"], descending=[True, True, False, False])
        .drop("within")
        .with_row_index("rank")
    )  # fmt: skip


def _components(size: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _has_source_twice(component: np.ndarray, source: np.ndarray, components: int) -> np.ndarray:
    """Return, by component, whether some source occurs in it more than once."""
    sources = int(source.max(initial=0)) + 1
    values, counts = np.unique(component * sources + source, return_counts=True)
    twice = np.zeros(components, dtype=bool)
    twice[values[counts > 1] // sources] = True
    return twice


def _hangs_by_weak_link(component: np.ndarray, left: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return, by component, whether it has more than two subjects and a weak link among its links."""
    weak = np.zeros(int(component.max(initial=-1)) + 1, dtype=bool)
    weak[component[left[weight < WEAK]]] = True
    return weak & (np.bincount(component, minlength=len(weak)) > 2)


def _choose_greedily(edges: pl.DataFrame, source: np.ndarray, once: np.ndarray, rival_margin: float) -> np.ndarray:
    """Return the ranks of the accepted links among contested ones, taken best first."""
    links = list(zip(edges["left"].to_list(), edges["right"].to_list(), edges["match_weight"].to_list(), strict=True))
    rivals: dict[tuple[int, int], list[tuple[int, float]]] = {}
    linked: dict[int, set[int]] = {}
    for left, right, weight in links:
        rivals.setdefault((left, int(source[right])), []).append((right, weight))
        rivals.setdefault((right, int(source[left])), []).append((left, weight))
        linked.setdefault(left, set()).add(right)
        linked.setdefault(right, set()).add(left)
    groups = _Groups(source, once)

    def has_rival(node: int, partner: int, weight: float) -> bool:
        """Return whether a member of the node's group has another partner, as likely, in the partner's source."""
        if not once[source[partner]]:
            return False
        return any(
            other != partner and abs(weight - rival) <= rival_margin and groups.may_merge(node, other)
            for member in groups.members(node)
            for other, rival in rivals.get((member, int(source[partner])), ())
        )

    def is_alone(one: int, other: int) -> bool:
        """Return whether fewer than half of all pairs between the groups of two subjects are links."""
        ones, others = groups.members(one), groups.members(other)
        together = sum(len(linked[member].intersection(others)) for member in ones if member in linked)
        return together * 2 < min(len(ones), len(others)) * max(len(ones), len(others))

    accepted = []
    for rank, (left, right, weight) in zip(edges["rank"].to_list(), links, strict=True):
        if not groups.may_merge(left, right):
            continue
        certain = weight >= CERTAIN_WEIGHT
        if not certain and (has_rival(left, right, weight) or has_rival(right, left, weight)):
            continue
        if weight < WEAK and is_alone(left, right):
            continue
        groups.merge(left, right)
        accepted.append(rank)
    return np.array(accepted, dtype=np.int64)


class _Groups:
    """Disjoint groups of nodes, each with those of its sources of which it can have one subject only (union-find)."""

    def __init__(self, source: np.ndarray, once: np.ndarray) -> None:
        self._source = source
        self._once = once
        self._parent: dict[int, int] = {}
        self._sources: dict[int, int] = {}
        self._members: dict[int, list[int]] = {}

    def _root(self, node: int) -> int:
        parent = self._parent
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)
            node = above
        return node

    def _sources_of(self, root: int) -> int:
        number = int(self._source[root])
        return self._sources.get(root, int(self._once[number]) << number)

    def members(self, node: int) -> list[int]:
        root = self._root(node)
        return self._members.get(root, [root])

    def may_merge(self, one: int, other: int) -> bool:
        one, other = self._root(one), self._root(other)
        return one != other and not self._sources_of(one) & self._sources_of(other)

    def merge(self, one: int, other: int) -> None:
        one, other = sorted((self._root(one), self._root(other)))
        self._sources[one] = self._sources_of(one) | self._sources_of(other)
        self._members[one] = self._members.get(one, [one]) + self._members.get(other, [other])
        self._parent[other] = one
