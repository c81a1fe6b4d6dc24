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
UNDERSTATED = 2.6
"""By what the odds that two people left apart are one exceed those that their links tell: found on simulated
countries. Their links are weak for errors that no model foresees."""
UNLINKED_ALIKE = 0.2
"""What is left of the probability of a link between two people, if a record that an identifier joins to one end has
no link with the other end, although the two sources have a model; at most twice. Found likewise."""
ALONE = 0.5
"""The probability of two subjects of a person between whom there is no way of two or three links."""
MODEL = "model:"
"""How the method of a link by a model begins."""
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
    modelled: Collection[tuple[int, int]],
    several: Collection[int],
) -> pl.DataFrame:
    """Return the pairs that may be one person and were not joined: `l, r, source_l, source_r`, `p`, `conflict`.

    A link between two people who cannot be one (each has a subject of a source in which people have one) is a pair of
    its own (a `conflict`): it holds only if one of the two is with the wrong person. One between people who can be is
    a pair of every two of their subjects. These have the probability that any link between the two holds, less what
    speaks against it: pairs of their subjects that were compared (`proposed` has all candidate pairs) and are no
    links. Records that a direct identifier joins describe one person alike, so that a record which has no link at all
    with the other end, although the two sources have a model (`modelled`), says most against that of the other.
    `several` are the numbers of sources in which a person may have several subjects.
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
    apart = _less_than_their_partners(apart, partners)
    once = whose.filter(~pl.col("source").is_in(sorted(several))).select("person", "source").unique()
    cannot = _cannot_be_one(apart, once, partners)
    apart = apart.join(cannot, on=["l", "r"], how="left")
    alone = apart.filter(pl.col("wrong").is_not_null()).with_columns(
        p=pl.when("certain").then("p").otherwise(pl.col("p") * pl.col("wrong"))
    )
    spread = _spread(apart.filter(pl.col("wrong").is_null()), people, edges, proposed, modelled)
    found = pl.concat(
        [
            one.select("l", "r", "source_l", "source_r", "p", pl.lit(conflict).alias("conflict"))
            for one, conflict in ((alone, True), (spread, False))
        ]
    )
    # two people can be one or not: no pair is there twice
    return found.unique(["l", "r"], keep="first").sort("l", "r")


def _less_than_their_partners(apart: pl.DataFrame, partners: pl.DataFrame) -> pl.DataFrame:
    """Return links between people with `p` less what partners in the same source have gained by third sources."""
    left: pl.Expr = pl.lit(1.0)
    for node, source in (("l", "source_r"), ("r", "source_l")):
        apart = apart.join(
            partners.select(pl.col("node").alias(node), pl.col("source").alias(source),
                            pl.col("q").alias(f"q_{node}"), pl.col("own").alias(f"own_{node}")),
            on=[node, source], how="left",
        )  # fmt: skip
        share = ((1 - pl.col(f"q_{node}")) / (1 - pl.col(f"own_{node}")).clip(1e-6)).clip(0, 1)
        left = left * share.fill_null(1.0)
    return apart.with_columns(pl.when("certain").then(pl.col("p")).otherwise(pl.col("p") * left).alias("p"))


def _cannot_be_one(apart: pl.DataFrame, once: pl.DataFrame, partners: pl.DataFrame) -> pl.DataFrame:
    """Return `l, r, wrong` for links between people who cannot be one.

    `wrong` is the probability that one of the two subjects is with the wrong person, by the sources in which both
    people have a subject; 1 if only the sources of the link itself are such, whose partners are accounted for.
    """
    both = (
        apart.select("l", "r", "source_l", "source_r", "person_l", "person_r")
        .join(once.rename({"person": "person_l"}), on="person_l")
        .join(once.rename({"person": "person_r"}), on=["person_r", "source"])
    )
    for node in ("l", "r"):
        of_node = partners.select(pl.col("node").alias(node), "source", pl.col("q").alias(f"with_{node}"))
        both = both.join(of_node, on=[node, "source"], how="left")
    third = (pl.col("source") != pl.col("source_l")) & (pl.col("source") != pl.col("source_r"))
    right = pl.col("with_l").fill_null(ALONE) * pl.col("with_r").fill_null(ALONE)
    return both.group_by("l", "r").agg(pl.when(third).then(1 - right).otherwise(1.0).min().alias("wrong"))


def _spread(
    apart: pl.DataFrame,
    people: pl.DataFrame,
    edges: pl.DataFrame,
    proposed: CandidatePairs,
    modelled: Collection[tuple[int, int]],
) -> pl.DataFrame:
    """Return every two subjects of two people with links between them, and the probability `p` that they are one."""
    turned = pl.col("person_l") > pl.col("person_r")
    two = (
        apart.with_columns(
            pl.when(turned).then("person_r").otherwise("person_l").alias("person_l"),
            pl.when(turned).then("person_l").otherwise("person_r").alias("person_r"),
        )
        .group_by("person_l", "person_r")
        .agg((1 - pl.col("p")).clip(1e-9).log().sort().sum().alias("log_apart"), pl.len().alias("links"))
    )
    member = people.select("node", "source", "person", pl.Series("unit", units_of(people, edges)))
    turned = pl.col("one") > pl.col("other")
    pairs = (
        two.join(member.select(one="node", source_one="source", person_l="person", unit_l="unit"), on="person_l")
        .join(member.select(other="node", source_other="source", person_r="person", unit_r="unit"), on="person_r")
        .select(
            "person_l", "person_r", "unit_l", "unit_r", "log_apart", "links",
            pl.min_horizontal("one", "other").alias("l"), pl.max_horizontal("one", "other").alias("r"),
            pl.when(turned).then("source_other").otherwise("source_one").alias("source_l"),
            pl.when(turned).then("source_one").otherwise("source_other").alias("source_r"),
        )
        .join(edges.select("l", "r", linked=pl.lit(value=True)), on=["l", "r"], how="left")
    )  # fmt: skip
    a, b = pl.min_horizontal("source_l", "source_r"), pl.max_horizontal("source_l", "source_r")
    no_link = pl.col("linked").is_null()
    has_model = pl.concat_str(a, b, separator="-").is_in([f"{min(pair)}-{max(pair)}" for pair in modelled])
    of_units = pl.col("linked").is_not_null().any().over("unit_l", "unit_r")
    compared = pl.Series("compared", proposed.contain(pairs["l"].to_numpy(), pairs["r"].to_numpy()))
    pairs = pairs.with_columns(compared, of_units=of_units).with_columns(
        alike=(no_link & pl.col("of_units") & has_model).sum().over("person_l", "person_r"),
        others=(no_link & ~pl.col("of_units") & pl.col("compared")).sum().over("person_l", "person_r"),
    )
    return pairs.with_columns(
        likely=(
            (1 - pl.col("log_apart").exp())
            * UNLINKED_ALIKE ** pl.min_horizontal("alike", 2)
            * (pl.col("links") / (pl.col("links") + pl.col("others"))) ** 2
        )
    ).with_columns(p=UNDERSTATED * pl.col("likely") / (1 + (UNDERSTATED - 1) * pl.col("likely")))
