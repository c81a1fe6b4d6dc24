"""What the links of a run are worth: joined, missed and unseen pairs with their probabilities, for all two sources.

Everything here follows from the links themselves: `joined_pairs` has the probability of every two subjects of a
person and of every pair that was left apart, `unproposed` the pairs that no blocking rule reached. Of the latter some
are one person in the end, through a third source. How many these are is known; where they are nearly all that are
expected, the share that third sources joined of the pairs that were proposed and are unlikely on their own stands for
it, which leaves more of them apart.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from linkage.blocking import Candidates
from linkage.joined_pairs import MODEL, CandidatePairs, edges_of, joined_pairs, missed_pairs
from linkage.subjects import Subjects
from linkage.unproposed import Table, pooled, states, unproposed

FEWEST_PARTS = 3
"""Parts of an identity by which rules must reach pairs for the unseen ones to be known."""
POOLED_FROM = 1000.0
"""Expected pairs of one person from which two sources tell all others how identities are wrong."""


@dataclass(frozen=True)
class Assessed:
    """Pairs of nodes with their sources (numbers), and what is expected of them.

    `joined` are pairs of one person by the links (`q`: probability that they are), `missed` pairs that may be one and
    were left apart (`p`), `unseen` proposed pairs with the `pairs` which nobody proposed that each stands for.
    `unseen_rate` has, for two sources without a model, how many unseen pairs there are for each joined one: not a
    number where that is not known, as in two sources (with a model) of `unknown`. `proposed` has the share of all
    pairs of one person that rules proposed, for two sources with a model, and `needed` the parts of an identity that
    all of their rules need.
    """

    joined: pl.DataFrame
    missed: pl.DataFrame
    unseen: pl.DataFrame
    unseen_rate: Mapping[tuple[int, int], float]
    proposed: Mapping[tuple[int, int], float]
    unknown: Collection[tuple[int, int]]
    needed: Mapping[tuple[int, int], set[str]]


def assess(
    subjects: Subjects,
    links: pl.DataFrame,
    person: np.ndarray,
    candidates: Candidates | None,
    certain_sources: np.ndarray,
    modelled: Sequence[tuple[int, int]],
    several: Sequence[int],
    accept: float,
) -> Assessed:
    """Return the pairs of all sources: `person` is that of every node by the links, all `links` above the floor.

    `certain_sources` has the bits of the sources with which an identifier links a node; `modelled` are the pairs of
    sources (numbers) with a model.
    """
    people = subjects.nodes.select("node", pl.Series("source", subjects.source), pl.Series("person", person))
    edges = edges_of(links, subjects.nodes)
    joined = joined_pairs(people, edges)
    none = np.zeros(0, dtype=np.int64)
    ends = (candidates.left, candidates.right) if candidates else (none, none)
    proposed = CandidatePairs(*ends, people.height)
    missed = missed_pairs(people, edges, joined, proposed, modelled, several)
    own = edges_of(links.filter(pl.col("method").str.starts_with(MODEL)), subjects.nodes)
    tables = {pair: _table(subjects, own, pair, candidates) for pair in modelled if candidates and pair[0] != pair[1]}
    found = {pair: unproposed(table) for pair, (_, table) in tables.items()}
    prior = pooled([(tables[pair][1].weight.sum(), one) for pair, one in found.items()
                    if tables[pair][1].weight.sum() >= POOLED_FROM])  # fmt: skip
    by_others = joined.filter(pl.col("p") == 0)
    by_others = by_others.filter(
        pl.Series(~proposed.contain(by_others["l"].to_numpy(), by_others["r"].to_numpy()), dtype=pl.Boolean)
    )
    unseen, rates, shares = [], {}, {}
    unknown = {pair for pair, (_, table) in tables.items() if len(table.parts()) < FEWEST_PARTS}
    for pair, (pairs, table) in tables.items():
        expected = found[pair] if table.weight.sum() >= POOLED_FROM or prior is None else unproposed(table, prior)
        of_pair = (pl.col("source_l") == pair[0]) & (pl.col("source_r") == pair[1])
        # certain links of either subject rule the pair out of the model
        others = by_others.filter(of_pair)
        left, right = (others[side].to_numpy() for side in ("l", "r"))
        free = (_bit(certain_sources[left], pair[1]) | _bit(certain_sources[right], pair[0])) == 0
        rescued = float(np.sort(others["q"].to_numpy()[free]).sum())
        unlikely = float(joined.filter(of_pair & (pl.col("p") > 0) & (pl.col("p") < accept))["q"].sort().sum())
        apart = float(missed.filter(of_pair & (pl.col("p") < accept))["p"].sort().sum())
        share = unlikely / (unlikely + apart) if unlikely + apart > 0 else 0.0
        total = max(expected.pairs, rescued)
        left_apart = max(expected.pairs - rescued, total * (1 - share))
        scale = left_apart / expected.pairs if expected.pairs > 0 else 0.0
        unseen.append(
            pairs.select("l", "r", pl.lit(pair[0]).alias("source_l"), pl.lit(pair[1]).alias("source_r"))
            .with_columns(pl.Series("pairs", expected.of_pair * scale))
        )  # fmt: skip
        rates[pair] = left_apart / max(joined.filter(of_pair).height, 1) if pair not in unknown else np.nan
        weight = float(table.weight.sum())
        if weight > 0 and pair not in unknown:
            shares[pair] = weight / (weight + expected.pairs)
    schema = {"l": pl.Int64, "r": pl.Int64, "source_l": pl.Int64, "source_r": pl.Int64, "pairs": pl.Float64}
    frame = pl.concat([pl.DataFrame(schema=schema), *(one.cast(schema) for one in unseen)])
    linked = edges.select(*(pl.Series(subjects.source).gather(edges[side]).alias(side) for side in ("l", "r")))
    through = _rates_through_others(rates, set(linked.unique().rows()), joined, subjects.source)
    needed = {pair: table.needed() for pair, (_, table) in tables.items() if table.weight.sum() >= 1}
    return Assessed(joined, missed, frame, through, shares, unknown, needed)


def _bit(bits: np.ndarray, source: int) -> np.ndarray:
    return (bits >> np.uint64(source)) & np.uint64(1)


def _table(
    subjects: Subjects, edges: pl.DataFrame, pair: tuple[int, int], candidates: Candidates
) -> tuple[pl.DataFrame, Table]:
    source = pl.Series(subjects.source)
    of_pair = edges.filter((source.gather(edges["l"]) == pair[0]) & (source.gather(edges["r"]) == pair[1]))
    shared = subjects.columns[subjects.sources[pair[0]]] & subjects.columns[subjects.sources[pair[1]]]
    left, right, weight = (of_pair[name].to_numpy() for name in ("l", "r", "p"))
    return of_pair, states(subjects, candidates.plan, candidates.costs, left, right, weight, shared)


def _rates_through_others(
    rates: Mapping[tuple[int, int], float], linked: set[tuple[int, int]], joined: pl.DataFrame, source: np.ndarray
) -> dict[tuple[int, int], float]:
    """Return the rate of unseen pairs of every two sources that only a third one, which has a model, brings together.

    They meet in the third source if its links with both hold, and if the person is in it, for which the greater of
    the shares of either source that are linked with it stands.
    """
    counts = dict(
        zip(
            joined.select("source_l", "source_r").unique().sort("source_l", "source_r").rows(),
            joined.group_by("source_l", "source_r").len().sort("source_l", "source_r")["len"],
            strict=True,
        )
    )
    size = np.bincount(source)
    through: dict[tuple[int, int], float] = {}
    for one, other in counts:
        if (one, other) in rates or (one, other) in linked or one == other:
            continue
        ways = []
        for third in range(len(size)):
            first, second = ((min(third, end), max(third, end)) for end in (one, other))
            if third in (one, other) or not (first in counts and second in counts):
                continue
            if first not in rates and second not in rates:
                continue
            covered = max(min(counts[first] / size[one], 1.0), min(counts[second] / size[other], 1.0))
            ways.append(rates.get(first, 0.0) + rates.get(second, 0.0) + 1 / max(covered, 0.01) - 1)
        if ways:
            through[one, other] = min(ways, key=lambda way: (np.isnan(way), way))
    return through
