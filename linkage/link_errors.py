"""The table `link_errors`: how many people the links are expected to count twice, and how many they join with others.

A person is counted twice if two people of the run are one: every two people who may be one and can be (no source has
one subject of each) count once, with the probability that they are. A subject that is with the wrong person counts
nobody twice, as long as its own person has others; one that is alone does. Two people are joined if the links of one
person are wrong; the least probable of its pairs says how likely that is. Whose records such a person has, and so of
which group it is, the links tell badly: a parent's and a child's, say, of whom one has no nationality. The variance
of a group is therefore that of all people joined being of one group, drawn by the expected shares.

Pairs that no rule proposed are a term of their own: as many people as there are such pairs, divided by the pairs of
sources with a model that two people who may be one have on average.
"""

import numpy as np
import polars as pl

from linkage.assess import Assessed
from linkage.quality import MODEL_ERROR, NORMAL
from pipeline.ingest.nationality_groups import BRITISH
from pipeline.schemas import ALL

PAIRS_OF_TWO = 1.5
"""How many pairs of subjects two people of the run who are one have, if too few are known to tell."""
FEWEST = 20.0
RELATIVE_ERROR = float(np.log(MODEL_ERROR)) / NORMAL
"""The standard error of an expected number as a share of it, by which `MODEL_ERROR` are the limits of 95%."""


def link_errors(inside: pl.DataFrame, assessed: Assessed, two: pl.DataFrame) -> pl.DataFrame:
    """Return the table `link_errors`, by nationality group and for `all`.

    `inside` has `node, source, person, nationality_group` of the subjects of sources that count residents: others do
    not make a resident of anybody. `two` comes from `two_who_may_be_one`.
    """
    people = (
        inside.sort("node")
        .group_by("person", maintain_order=True)
        .agg(pl.col("nationality_group").first().fill_null(ALL).alias("group"))
    )
    by_model = two.filter(pl.col("pairs") > 0)
    expected = float(by_model["p"].sort().sum())
    pairs = float((by_model["p"] * by_model["pairs"]).sort().sum())
    per_two = max(pairs / expected, 1.0) if expected >= FEWEST else PAIRS_OF_TWO
    unseen = (
        _between(assessed.unseen, inside)
        .group_by(pl.col("one").alias("person"))
        .agg(pl.col("pairs").sort().sum() / per_two)
    )
    wrong = (
        _between(assessed.joined, inside).filter(pl.col("one") == pl.col("other"))
        .group_by(pl.col("one").alias("person")).agg((1 - pl.col("q")).max().alias("joined"))
    )  # fmt: skip
    of_people = (
        people.join(unseen.rename({"pairs": "unseen"}), on="person", how="left")
        .join(wrong, on="person", how="left")
        .with_columns(pl.lit(1, pl.Int64).alias("people"))
    )
    rows = pl.concat([of_people, _with_group(two, people)], how="diagonal").with_columns(
        pl.col("people").fill_null(0), pl.col("twice", "unseen", "joined").fill_null(0.0)
    )
    figures = [
        pl.col("people").sum(),
        *(pl.col(name).sort().sum().alias(name) for name in ("twice", "unseen", "joined")),
        *(
            (pl.col(name) * (1 - pl.col(name)).clip(0)).sort().sum().alias(f"{name}_variance")
            for name in ("twice", "joined")
        ),
    ]
    table = pl.concat([
        rows.select(pl.lit(ALL).alias("nationality_group"), *figures),
        rows.filter(pl.col("group") != ALL).group_by(pl.col("group").alias("nationality_group")).agg(*figures),
    ])  # fmt: skip
    twice = pl.col("twice") + pl.col("unseen")
    of_all = pl.col("joined").filter(pl.col("nationality_group") == ALL).first()
    others = pl.when(pl.col("nationality_group") == ALL).then(0.0).otherwise(of_all - pl.col("joined"))
    return table.select(
        "nationality_group", "people", twice.round(3).alias("counted_twice"),
        (pl.col("twice_variance") + pl.col("unseen") + (RELATIVE_ERROR * twice) ** 2).sqrt().round(3)
        .alias("counted_twice_se"),
        pl.col("unseen").round(3).alias("counted_twice_unseen"),
        pl.col("joined").round(3).alias("joined"),
        (pl.col("joined_variance") + (RELATIVE_ERROR * pl.col("joined")) ** 2 + pl.col("joined") * others.clip(0))
        .sqrt().round(3).alias("joined_se"),
    )  # fmt: skip


def two_who_may_be_one(inside: pl.DataFrame, assessed: Assessed) -> pl.DataFrame:
    """Return every two people of the run who may be one: `one` < `other`, the probability `p` that they are, `pairs`.

    `inside` has `node, source, person` of the subjects that count; `pairs` are the pairs of their subjects whose
    sources have a model.
    """
    missed = _between(assessed.missed, inside)
    size = inside.group_by("person").len()
    for side in ("one", "other"):
        missed = missed.join(size.rename({"person": side, "len": f"size_{side}"}), on=side)
    # a subject on its own that belongs to another person is counted twice even if the two cannot be one
    can_be_one = missed.filter(~pl.col("conflict") | (pl.col("size_one") == 1) | (pl.col("size_other") == 1))
    # the pairs of two people stand both ways round
    modelled = assessed.unseen.select("source_l", "source_r", modelled=pl.lit(1)).unique()
    return (
        can_be_one.join(modelled, on=["source_l", "source_r"], how="left")
        .group_by(pl.min_horizontal("one", "other").alias("one"), pl.max_horizontal("one", "other").alias("other"))
        .agg(pl.col("p").max(), pl.col("modelled").sum().alias("pairs"))
        .sort("one", "other")
    )


def _between(pairs: pl.DataFrame, inside: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of subjects (`l`, `r`) that count, with the people of both: `one`, `other`."""
    own = inside.select("node", "person")
    return pairs.join(own.rename({"node": "l", "person": "one"}), on="l").join(
        own.rename({"node": "r", "person": "other"}), on="r"
    )


def _with_group(two: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Return `group, twice` of every two people who may be one.

    Somebody whose nationality nobody records counts as British: of two people the group of the other one is known.
    """
    for side in ("one", "other"):
        two = two.join(people.select(pl.col("person").alias(side), pl.col("group").alias(f"group_{side}")), on=side)
    by_default = pl.col("group_one").is_in([BRITISH, ALL])
    group = pl.when(by_default).then("group_other").otherwise("group_one").alias("group")
    return two.select(group, twice="p")
