"""Whom reviewers should look at: a stratified random sample of the people of some sources, by how doubtful links are.

A reviewer looks for a person of one source in another one, the source that is *searched*. Errors sit where the links
are in doubt, so people are put into strata by their source, by whether they are linked with the searched source, and
by the probability that this is wrong, all of it from the links themselves. The share of errors that is expected of a
stratum decides how many of it are drawn (`review_allocation`); what is found decides the estimate, which is right
whatever was expected. Sources differ in size: an error counts by the root of the number of linked people of its
source (power allocation, M. Bankier 1988), so that small ones are not left out. Or people of all sources are in
strata by doubt alone, which tells most of all of them together and little of a small source.
"""

import zlib
from collections.abc import Collection, Mapping

import numpy as np
import polars as pl

from linkage.joined_pairs import MODEL, CandidatePairs, edges_of, joined_pairs, missed_pairs
from linkage.review_allocation import allocate, least_decisions
from pipeline.errors import UserError
from pipeline.schemas import ALL

BANDS = {True: (0.001, 0.01, 0.1), False: (0.1,)}
"""Where the bands of doubt begin, of people who are linked and of people who are not."""
UNSEEN, ALONE = "unseen", "unseen alone"
"""The bands of people who are not linked and of whom no pair is known that could be: with links to other sources, and
without any. Half of those whom no rule proposed are expected among the latter, who are mostly fewer."""
DOUBT_OF_UNSEEN = 0.05
"""The share of these who are expected to have been missed, where the blocking rules cannot tell."""


def doubts(
    clusters: pl.DataFrame,
    links: pl.DataFrame,
    unseen: Mapping[str, float],
    searched: str,
    several: Collection[str],
) -> pl.DataFrame:
    """Return the people of the sources of `unseen`: `source, subject_id, is_linked, band, doubt`.

    `clusters` (draw 0) and `links` are tables of the stage; `unseen` has, by source, the expected people whose pair
    with the `searched` source no rule proposed (not a number if that is unknown); in sources of `several` a person
    may have several subjects. `doubt` is the probability that the person is linked wrongly, or should be.
    """
    names = clusters["source"].unique().sort().to_list()
    number = {name: at for at, name in enumerate(names)}
    nodes = clusters.sort("source", "subject_id").with_row_index("node").with_columns(pl.col("node").cast(pl.Int64))
    people = nodes.select(
        "node", pl.col("source").replace_strict(number, return_dtype=pl.Int64), pl.col("person_id").alias("person")
    )
    edges = edges_of(links, nodes.select("node", "source", "subject_id"))
    joined = joined_pairs(people, edges)
    by_model = links.filter(pl.col("method").str.starts_with(MODEL)).select("source_l", "source_r").unique()
    modelled = [(number[left], number[right]) for left, right in by_model.sort("source_l", "source_r").rows()]
    # which pairs were compared is not stored: links are all that is known
    compared = CandidatePairs(edges["l"].to_numpy(), edges["r"].to_numpy(), people.height)
    missed = missed_pairs(
        people, edges, joined, compared, modelled, [number[one] for one in several if one in number]
    )
    held = _with_searched(joined, number[searched]).group_by("node").agg((1 - pl.col("q")).min().alias("wrong"))
    apart = _with_searched(missed, number[searched]).group_by("node").agg(
        (1 - (1 - pl.col("p")).product()).alias("apart")
    )  # fmt: skip
    drawn = (
        nodes.filter(pl.col("source").is_in(sorted(unseen)))
        .join(held, on="node", how="left")
        .join(apart, on="node", how="left")
        .with_columns(pl.col("wrong").is_not_null().alias("is_linked"))
    )
    no_pair = ~pl.col("is_linked") & pl.col("apart").is_null()
    alone = pl.len().over("person_id") == 1
    drawn = drawn.join(
        nodes.select("node", alone.alias("alone")), on="node", maintain_order="left"
    ).with_columns(
        pl.when(no_pair).then(pl.when("alone").then(pl.lit(ALONE)).otherwise(pl.lit(UNSEEN))).alias("band")
    )  # fmt: skip
    expected = pl.col("source").replace_strict(dict(unseen), return_dtype=pl.Float64)
    rate = pl.when(expected.is_nan()).then(DOUBT_OF_UNSEEN).otherwise(expected / 2 / pl.len().over("source", "band"))
    band = pl.when("is_linked").then(_band(BANDS[True])).otherwise(_band(BANDS[False]))
    return drawn.with_columns(pl.coalesce("wrong", "apart", rate).clip(0, 1).alias("doubt")).select(
        "source", "subject_id", "is_linked", pl.coalesce("band", band).alias("band"), "doubt"
    )


def _with_searched(pairs: pl.DataFrame, searched: int) -> pl.DataFrame:
    """Return the pairs of nodes with one of the searched source, as `node` the other one."""
    either = [
        pairs.filter((pl.col(f"source_{one}") == searched) & (pl.col(f"source_{other}") != searched))
        .with_columns(pl.col(other).alias("node"))
        for one, other in (("l", "r"), ("r", "l"))
    ]  # fmt: skip
    return pl.concat(either)


def _band(limits: tuple[float, ...]) -> pl.Expr:
    band = pl.lit("0")
    for limit in limits:
        band = pl.when(pl.col("doubt") >= limit).then(pl.lit(f"{limit:g}")).otherwise(band)
    return band


def draw(people: pl.DataFrame, decisions: int, seed: int, *, together: bool = False) -> pl.DataFrame:
    """Return the people whom reviewers should look at: `decision, source, subject_id, stratum, weight`.

    `people` comes from `doubts`; `together` leaves the source out of the strata. A `weight` is the number of people
    of the stratum for each decision. Decisions are numbered in random order, so that a number says nothing. Who is
    drawn depends on the seed, the source and the subject alone. Raises `UserError` for fewer decisions than the
    strata need.
    """
    word = pl.when("is_linked").then(pl.lit("linked")).otherwise(pl.lit("apart"))
    of = pl.lit(ALL) if together else pl.col("source")
    people = people.with_columns(pl.concat_str(of, word, "band", separator=" ").alias("stratum"), of.alias("of"))
    strata = (
        people.group_by("stratum")
        .agg(pl.col("of").first(), pl.len().alias("size"), pl.col("doubt").sort().mean())
        .join(people.group_by("of").agg(pl.col("is_linked").sum().alias("linked")), on="of")
        .sort("stratum")
    )
    size = strata["size"].to_numpy().astype(np.int64)
    least = int(least_decisions(size).sum())
    if decisions < least:
        raise UserError(
            f"--sample {decisions}: the people fall into {strata.height} strata, of which each needs decisions. "
            f"Draw {least} or more, or name fewer sources by --of."
        )
    importance = 1 / np.sqrt(np.maximum(strata["linked"].to_numpy(), 1))
    drawn = allocate(size, strata["doubt"].to_numpy(), importance, decisions)
    chosen = strata.select("stratum", "size").with_columns(pl.Series("drawn", drawn))
    keyed = people.sort("source", "subject_id").with_columns(pl.Series("key", _keys(people, seed, "drawn")))
    keyed = keyed.with_columns(pl.Series("order", _keys(people, seed, "order")))
    found = (
        keyed.join(chosen, on="stratum")
        .filter(pl.col("key").rank("ordinal").over("stratum") <= pl.col("drawn"))
        .sort("order", "source", "subject_id")
        .with_row_index("place", offset=1)
    )
    digits = max(len(str(found.height)), 4)
    return found.select(
        pl.concat_str(pl.lit("D"), pl.col("place").cast(pl.String).str.zfill(digits)).alias("decision"),
        "source", "subject_id", "stratum", (pl.col("size") / pl.col("drawn")).alias("weight"),
    )  # fmt: skip


def _keys(people: pl.DataFrame, seed: int, purpose: str) -> np.ndarray:
    """Return a random number for every person, in the order of `source, subject_id`."""
    keys = []
    for (source, *_), of_source in people.sort("source", "subject_id").group_by("source", maintain_order=True):
        subjects = of_source["subject_id"].to_numpy()
        stream = np.random.default_rng([seed, zlib.crc32(f"review {purpose} {source}".encode())])
        keys.append(stream.random(subjects.max() + 1)[subjects])
    return np.concatenate(keys) if keys else np.zeros(0)
