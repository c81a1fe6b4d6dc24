"""How likely every two subjects that are one person by the links are one, and who else may be: all evidence together.

The probability of a link rests on what its own two sources say. Two subjects of one person have often more in common:
a third source that both are linked with. Their pair is wrong only if every way from one to the other is, so that

    1 − q = (1 − p) ∏ (1 − p' p'')^½,

over all third subjects of the person, with p the probability of their own link (0 without one). The ways are not
independent, since a record that is wrong misleads in all of them: each counts half. Subjects that share a direct
identifier are one in this. A pair that was not joined keeps the probability of its link, less what its
subjects' other partners in the same source have gained by the evidence of third sources.
"""

from collections.abc import Collection

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DEPENDENT = 0.5
"""What a way through a third subject counts: 1 if an error in one were independent of an error in another."""
UNDERSTATED = 1.3
"""How many pairs left apart are one person for each that their probabilities expect: found on simulated countries."""
ALONE = 0.5
"""The probability of two subjects of a person between whom there is no way of two or three links."""
SAME_IDENTIFIER = 0.9999
"""The probability of two subjects of a person by one direct identifier: identifiers are wrong at times too."""


class CandidatePairs:
    """All candidate pairs of a run, likely or not: sorted numbers, which take far less memory than a table."""

    def __init__(self, left: np.ndarray, right: np.ndarray, nodes: int) -> None:
        """Take pairs of nodes, of which there are `nodes` in all."""
        self._nodes = nodes
        self._pairs = np.sort(left.astype(np.int64) * nodes + right)

    def contain(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Return which pairs of nodes are among them."""
        pairs = left.astype(np.int64) * self._nodes + right
        place = np.minimum(np.searchsorted(self._pairs, pairs), max(len(self._pairs) - 1, 0))
        return self._pairs[place] == pairs if len(self._pairs) else np.zeros(len(pairs), dtype=bool)


def edges_of(links: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Return the links as pairs of nodes: `l` < `r`, `p` (the most probable link) and `certain`, by identifier.

    `nodes` has `node, source, subject_id`.
    """
    ends = links.select(
        "source_l", "subject_id_l", "source_r", "subject_id_r", "match_probability",
        pl.col("method").str.starts_with("identifier:").alias("certain"),
    )  # fmt: skip
    for side in ("l", "r"):
        ends = ends.join(
            nodes.select(
                pl.col("source").alias(f"source_{side}"), pl.col("subject_id").alias(f"subject_id_{side}"),
                pl.col("node").alias(side),
            ),
            on=[f"source_{side}", f"subject_id_{side}"],
        )  # fmt: skip
    one, other = pl.min_horizontal("l", "r"), pl.max_horizontal("l", "r")
    return (
        ends.group_by(one.alias("l"), other.alias("r"))
        .agg(pl.col("match_probability").max().alias("p"), pl.col("certain").any())
        .sort("l", "r")
    )


def joined_pairs(people: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Return every two subjects of a person: `l, r, source_l, source_r` (numbers), `p` of their link, and `q`.

    `people` has `node, source` (its number) and `person`; `edges` comes from `edges_of`. `p` is 0 without a link.
    """
    unit = units_of(people, edges)
    members = people.with_columns(pl.Series("unit", unit))
    inside = (
        edges.filter(~pl.col("certain"))
        .join(members.select(l="node", unit_l="unit", person_l="person", source_l="source"), on="l")
        .join(members.select(r="node", unit_r="unit", person_r="person", source_r="source"), on="r")
        .filter((pl.col("person_l") == pl.col("person_r")) & (pl.col("unit_l") != pl.col("unit_r")))
    )
    links = inside.group_by(
        pl.min_horizontal("unit_l", "unit_r").alias("a"), pl.max_horizontal("unit_l", "unit_r").alias("b")
    ).agg(pl.col("p").max())
    ways = _ways(links)
    # of two subjects of one source a third source that holds both is no witness, another subject of the source is
    within = inside.filter(pl.col("source_l") == pl.col("source_r")).select(a="l", b="r", p="p")
    ways_within = _ways(within)
    pairs = (
        members.join(members, on="person", suffix="_r")
        .filter(pl.col("node") < pl.col("node_r"))
        .select(
            pl.col("node").alias("l"), pl.col("node_r").alias("r"),
            pl.col("source").alias("source_l"), pl.col("source_r"),
            pl.min_horizontal("unit", "unit_r").alias("a"), pl.max_horizontal("unit", "unit_r").alias("b"),
        )
        .join(ways, on=["a", "b"], how="left")
        .join(edges.select("l", "r", "p"), on=["l", "r"], how="left")
    )  # fmt: skip
    pairs = pairs.join(ways_within.rename({"a": "l", "b": "r", "q": "q_within"}), on=["l", "r"], how="left")
    by_identifier = pl.col("a") == pl.col("b")
    likely = pl.when(pl.col("source_l") == pl.col("source_r")).then("q_within").otherwise("q").fill_null(ALONE)
    return pairs.select(
        "l", "r", "source_l", "source_r", pl.col("p").fill_null(0.0),
        pl.when(by_identifier).then(SAME_IDENTIFIER).otherwise(likely).alias("q"),
    ).sort("l", "r")  # fmt: skip


def units_of(people: pl.DataFrame, edges: pl.DataFrame) -> np.ndarray:
    """Return the number of the unit of every node: subjects of a person that direct identifiers join."""
    person = people["person"].to_numpy()
    left, right = (edges.filter("certain")[side].to_numpy() for side in ("l", "r"))
    kept = person[left] == person[right]
    graph = coo_array((np.ones(kept.sum(), dtype=np.int8), (left[kept], right[kept])), shape=(len(person),) * 2)
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _ways(links: pl.DataFrame) -> pl.DataFrame:
    """Return `a, b, q`: the probability that two units are one person, by their link and all ways of two links.

    Two units with neither have the best way of three.
    """
    both = pl.concat([links, links.select(a="b", b="a", p="p")])
    second = both.select(b="a", c="b", p_2="p")
    two = (
        both.join(second, on="b")
        .filter(pl.col("a") < pl.col("c"))
        .group_by("a", pl.col("c").alias("b"))
        .agg((1 - pl.col("p") * pl.col("p_2")).clip(1e-9).log().sort().sum().alias("log_wrong"))
    )
    near = links.join(two, on=["a", "b"], how="full", coalesce=True).select(
        "a",
        "b",
        (1 - (1 - pl.col("p").fill_null(0.0)) * (DEPENDENT * pl.col("log_wrong").fill_null(0.0)).exp()).alias("q"),
    )
    near_both = pl.concat([near, near.select(a="b", b="a", q="q")])
    three = (
        near_both.join(second, on="b")
        .filter(pl.col("a") < pl.col("c"))
        .group_by("a", pl.col("c").alias("b"))
        .agg((pl.col("q") * pl.col("p_2")).max().alias("q"))
        .join(near, on=["a", "b"], how="anti")
    )
    return pl.concat([near, three.select("a", "b", "q")])


def missed_pairs(
    people: pl.DataFrame,
    edges: pl.DataFrame,
    joined: pl.DataFrame,
    proposed: CandidatePairs,
    several: Collection[int],
) -> pl.DataFrame:
    """Return the pairs that may be one person and were not joined: `l, r, source_l, source_r`, `p`, `conflict`.

    A link between two people who cannot be one (each has a subject of a source in which people have one) is a pair of
    its own (a `conflict`); one between people who can be is a pair of every two of their subjects. These have the
    probability that any link between the two holds, times the square of the share of links among the pairs that were
    compared, since those that are no links speak against it. `proposed` has all candidate pairs (`l`, `r`), likely or
    not; `several` are the numbers of sources in which a person may have several subjects.
    """
    whose = people.select("node", "source", "person")
    apart = (
        edges.join(whose.select(l="node", source_l="source", person_l="person"), on="l")
        .join(whose.select(r="node", source_r="source", person_r="person"), on="r")
        .filter(pl.col("person_l") != pl.col("person_r"))
    )
    if apart.is_empty():
        return apart.select("l", "r", "source_l", "source_r", "p", pl.lit(value=False).alias("conflict"))
    partners = pl.concat([
        joined.select(node="l", source="source_r", q="q", own="p"),
        joined.select(node="r", source="source_l", q="q", own="p"),
    ]).group_by("node", "source").agg(pl.col("q", "own").max())  # fmt: skip
    left = 1.0
    for node, source in (("l", "source_r"), ("r", "source_l")):
        apart = apart.join(
            partners.select(pl.col("node").alias(node), pl.col("source").alias(source),
                            pl.col("q").alias(f"q_{node}"), pl.col("own").alias(f"own_{node}")),
            on=[node, source], how="left",
        )  # fmt: skip
        share = ((1 - pl.col(f"q_{node}")) / (1 - pl.col(f"own_{node}")).clip(1e-6)).clip(0, 1)
        left = left * share.fill_null(1.0)
    apart = apart.with_columns(pl.when("certain").then(pl.col("p")).otherwise(pl.col("p") * left).alias("p"))
    once = whose.filter(~pl.col("source").is_in(sorted(several))).select("person", "source").unique()
    cannot = (
        apart.select("person_l", "person_r").unique()
        .join(once.rename({"person": "person_l"}), on="person_l")
        .join(once.rename({"person": "person_r"}), on=["person_r", "source"])
        .select("person_l", "person_r", pl.lit(True).alias("cannot")).unique()
    )  # fmt: skip
    apart = apart.join(cannot, on=["person_l", "person_r"], how="left")
    alone = apart.filter(pl.col("cannot").is_not_null())
    turned = pl.col("person_l") > pl.col("person_r")
    two = (
        apart.filter(pl.col("cannot").is_null())
        .with_columns(
            pl.when(turned).then("person_r").otherwise("person_l").alias("person_l"),
            pl.when(turned).then("person_l").otherwise("person_r").alias("person_r"),
        )
        .group_by("person_l", "person_r")
        .agg((1 - pl.col("p")).clip(1e-9).log().sort().sum().alias("log_apart"), pl.len().alias("links"))
    )
    turned = pl.col("one") > pl.col("other")
    spread = (
        two.join(whose.select(one="node", source_one="source", person_l="person"), on="person_l")
        .join(whose.select(other="node", source_other="source", person_r="person"), on="person_r")
        .select(
            "person_l",
            "person_r",
            "log_apart",
            "links",
            pl.min_horizontal("one", "other").alias("l"),
            pl.max_horizontal("one", "other").alias("r"),
            pl.when(turned).then("source_other").otherwise("source_one").alias("source_l"),
            pl.when(turned).then("source_one").otherwise("source_other").alias("source_r"),
        )
    )
    compared = pl.Series("compared", proposed.contain(spread["l"].to_numpy(), spread["r"].to_numpy()))
    spread = (
        spread.with_columns(compared)
        .with_columns(
            p=(
                (1 - pl.col("log_apart").exp())
                * (
                    pl.col("links")
                    / pl.max_horizontal(pl.col("compared").sum().over("person_l", "person_r"), "links")
                )
                ** 2
                * UNDERSTATED
            ).clip(0, 1)
        )
    )  # fmt: skip
    found = pl.concat(
        [
            one.select("l", "r", "source_l", "source_r", "p", pl.lit(conflict).alias("conflict"))
            for one, conflict in ((alone, True), (spread, False))
        ]
    )
    return found.unique(["l", "r"], keep="first").sort(
        "l", "r"
    )  # two people can be one or not: no pair is there twice
