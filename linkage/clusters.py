"""From links to people: best links first, at most one subject of each source in a person.

Links are taken in order of weight; each joins two groups of subjects unless a source would then be in the group
twice. This is single-linkage clustering under a constraint, the greedy form of the one-to-one assignment of
M. Jaro (1989), "Advances in record-linkage methodology", section 3, over many sources at once. In a component of the
graph of links in which no source occurs twice, all links are accepted without the greedy search.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from linkage.identifiers import CERTAIN_WEIGHT


def cluster(subjects: pl.DataFrame, links: pl.DataFrame, sources: Sequence[str], rival_margin: float) -> pl.DataFrame:
    """Return `source, subject_id, person_id` of every subject.

    `subjects` has `source` and `subject_id`; `links` has both subjects and `match_weight` (log2 odds, rounded).
    People are numbered from 1 by their first subject in the order of `sources`, then of `subject_id`, never by a
    token. Links of equal weight are taken in that order too. A link is rejected if a rival (another partner in the
    same source, still available to either subject) is within `rival_margin` of its weight.
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
    conflicting = _has_source_twice(component, source)
    contested = conflicting[component[left]] if len(left) else np.zeros(0, dtype=bool)
    chosen = _choose_greedily(edges.filter(contested), source, rival_margin)
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
        )
        .sort(["match_weight", "left", "right"], descending=[True, False, False])
        .with_row_index("rank")
    )  # fmt: skip


def _components(size: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(size, size))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _has_source_twice(component: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return, by component, whether some source occurs in it more than once."""
    sources = int(source.max(initial=0)) + 1
    values, counts = np.unique(component * sources + source, return_counts=True)
    twice = np.zeros(int(component.max(initial=-1)) + 1, dtype=bool)
    twice[values[counts > 1] // sources] = True
    return twice


def _choose_greedily(edges: pl.DataFrame, source: np.ndarray, rival_margin: float) -> np.ndarray:
    """Return the ranks of the accepted links among contested ones, taken best first."""
    links = list(zip(edges["left"].to_list(), edges["right"].to_list(), edges["match_weight"].to_list(), strict=True))
    rivals: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for left, right, weight in links:
        rivals.setdefault((left, int(source[right])), []).append((right, weight))
        rivals.setdefault((right, int(source[left])), []).append((left, weight))
    groups = _Groups(source)

    def has_rival(node: int, partner: int, weight: float) -> bool:
        return any(
            other != partner and abs(weight - rival) <= rival_margin and groups.may_merge(node, other)
            for other, rival in rivals[node, int(source[partner])]
        )

    accepted = []
    for rank, (left, right, weight) in zip(edges["rank"].to_list(), links, strict=True):
        if not groups.may_merge(left, right):
            continue
        certain = weight >= CERTAIN_WEIGHT
        if not certain and (has_rival(left, right, weight) or has_rival(right, left, weight)):
            continue
        groups.merge(left, right)
        accepted.append(rank)
    return np.array(accepted, dtype=np.int64)


class _Groups:
    """Disjoint groups of nodes, each with the set of its sources (union-find with bit sets)."""

    def __init__(self, source: np.ndarray) -> None:
        self._source = source
        self._parent: dict[int, int] = {}
        self._members: dict[int, int] = {}

    def _root(self, node: int) -> int:
        parent = self._parent
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)
            node = above
        return node

    def _sources(self, root: int) -> int:
        return self._members.get(root, 1 << int(self._source[root]))

    def may_merge(self, one: int, other: int) -> bool:
        one, other = self._root(one), self._root(other)
        return one != other and not self._sources(one) & self._sources(other)

    def merge(self, one: int, other: int) -> None:
        one, other = sorted((self._root(one), self._root(other)))
        self._members[one] = self._sources(one) | self._sources(other)
        self._parent[other] = one
