"""Scores of linkage against the truth, for `evaluate`: linked pairs, and people who were counted more than once."""

from collections.abc import Sequence
from itertools import combinations

import polars as pl

DIVISIONS = ("sex", "age_group", "nationality_group")
"""What divides the people of the truth, as it divides subjects in `linkage_quality`."""
_PAIR = ["subject_id", "subject_id_r"]


def score_links(clusters: pl.DataFrame, subjects_truth: pl.DataFrame) -> pl.DataFrame:
    """Return precision and recall of the pairs of subjects that share a person, by two sources and group.

    `clusters` has `source, subject_id, person_id`; `subjects_truth` has `source, subject_id, person, moved`
    (whether the source records another address than the spine) and any of the `DIVISIONS` of the person. A pair is a
    mover's if either subject moved, and in the groups of the left subject's person: of a true pair both are one
    person, of a wrong link the left one is the person who got another's records. Columns out: `source_l, source_r,
    group` (all, movers, stayers, `nationality_group=British` and so on), `true_pairs`, `linked_pairs`, `correct`,
    `precision` (null without linked pairs), `recall` (null without true pairs).
    """
    divisions = [name for name in DIVISIONS if name in subjects_truth.columns]
    known = subjects_truth.select(
        "source", "subject_id", "person", "moved", *(pl.col(name).cast(pl.String) for name in divisions)
    ).join(clusters.select("source", "subject_id", "person_id"), on=["source", "subject_id"], how="left")
    groups = _groups(known, divisions)
    scores = [
        row
        for left, right in combinations(sorted(known["source"].unique()), 2)
        for row in _scores(known, left, right, divisions, groups)
    ]
    schema = {
        "source_l": pl.String, "source_r": pl.String, "group": pl.String, "true_pairs": pl.Int64,
        "linked_pairs": pl.Int64, "correct": pl.Int64, "precision": pl.Float64, "recall": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(scores, schema=schema)


def _groups(known: pl.DataFrame, divisions: Sequence[str]) -> dict[str, pl.Expr]:
    """Return the groups of pairs: all, movers and stayers, and each value of the divisions of the truth."""
    return {"all": pl.col("subject_id").is_not_null(), "movers": pl.col("moved"), "stayers": ~pl.col("moved")} | {
        f"{name}={one}": pl.col(name) == one for name in divisions for one in known[name].drop_nulls().unique().sort()
    }


def _scores(
    known: pl.DataFrame, left: str, right: str, divisions: Sequence[str], groups: dict[str, pl.Expr]
) -> list[dict[str, str | int | float | None]]:
    """Return the rows of one pair of sources."""
    one = known.filter(pl.col("source") == left)
    other = known.filter(pl.col("source") == right)
    true, linked = (_pairs(one, other, same, divisions) for same in ("person", "person_id"))
    correct = linked.join(true.select(_PAIR), on=_PAIR, how="semi")
    counts = [
        pairs.select(group.sum().alias(name) for name, group in groups.items()).row(0, named=True)
        for pairs in (true, linked, correct)
    ]
    return [
        {"source_l": left, "source_r": right, "group": name, **_score(*(count[name] for count in counts))}
        for name in groups
    ]


def _score(true: int, linked: int, correct: int) -> dict[str, int | float | None]:
    return {
        "true_pairs": true,
        "linked_pairs": linked,
        "correct": correct,
        "precision": correct / linked if linked else None,
        "recall": correct / true if true else None,
    }


def _pairs(one: pl.DataFrame, other: pl.DataFrame, same: str, divisions: Sequence[str]) -> pl.DataFrame:
    """Return the pairs of subjects with the same value of a column, each once, and what groups them."""
    return (
        one.drop_nulls(same)
        .join(other.drop_nulls(same).select(same, "subject_id", "moved"), on=same, suffix="_r")
        .group_by(_PAIR)
        .agg((pl.col("moved") | pl.col("moved_r")).any(), *(pl.col(name).min() for name in divisions))
    )


def score_counted_twice(
    residents: pl.DataFrame, clusters: pl.DataFrame, subjects_truth: pl.DataFrame
) -> pl.DataFrame:
    """Return how many true residents were counted more than once: their records are several people.

    `residents` has `reference_date, person_id, resident`; `clusters` and `subjects_truth` are those of `score_links`.
    An estimated person is the true one who has most of its subjects. Columns out: `reference_date`,
    `nationality_group` (of the truth), `people` (true people who were counted), `twice` (of these, more than once).
    """
    known = clusters.join(subjects_truth, on=["source", "subject_id"])
    true_person = (
        known.group_by("person_id", "person", pl.col("nationality_group").cast(pl.String))
        .len()
        .sort("person_id", "len", "person", descending=[False, True, False])
        .unique("person_id", keep="first", maintain_order=True)
    )
    counted = residents.filter("resident").select("reference_date", "person_id").join(true_person, on="person_id")
    people = counted.group_by("reference_date", "nationality_group", "person").len()
    return (
        people.group_by("reference_date", "nationality_group")
        .agg(pl.len().cast(pl.Int64).alias("people"), (pl.col("len") > 1).sum().cast(pl.Int64).alias("twice"))
        .sort("reference_date", "nationality_group")
    )


ESTIMATES = [
    *(f"{rate}_{what}" for rate in ("precision", "recall") for what in ("estimate", "low", "high")),
    "decisions",
    *(
        f"{rate}_{by}_decisions{limit}"
        for by in ("by", "with") for rate in ("precision", "recall") for limit in ("", "_low", "_high")
    ),
]  # fmt: skip
"""The combined estimates of `linkage_quality`, and those of a review of links, with their limits."""


def beside_estimates(scored: pl.DataFrame, quality: pl.DataFrame) -> pl.DataFrame:
    """Return `scored` (see `score_links`) with the `ESTIMATES` of `linkage_quality` that were made without the truth.

    Two sources may stand the other way round there: their groups of subjects are then those of the other source,
    and only all pairs, movers and stayers are compared. Null where nothing was estimated.
    """
    own = quality.select("source_l", "source_r", "group", *ESTIMATES)
    of_pairs = own.filter(pl.col("group").is_in(["all", "movers", "stayers"]))
    turned = of_pairs.rename({"source_l": "source_r", "source_r": "source_l"}).select(own.columns)
    both = pl.concat([own, turned]).unique(["source_l", "source_r", "group"], keep="first", maintain_order=True)
    return scored.join(both, on=["source_l", "source_r", "group"], how="left", maintain_order="left")


def score_review(review: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Return `review_of_links` with the `true_precision` and `true_recall` of the pairs that it is about.

    `scored` comes from `score_links`. Of all sources together they are those of all pairs with the searched one.
    """
    pairs = scored.filter(pl.col("group") == "all")
    names = ["source", "searched", "true_pairs", "linked_pairs", "correct"]
    either = [
        pairs.rename({f"source_{one}": "source", f"source_{other}": "searched"}).select(names)
        for one, other in (("l", "r"), ("r", "l"))
    ]
    true = review.select("searched", "source").join(pl.concat(either), on=["searched", "source"])
    together = true.group_by("searched").agg(pl.lit("all").alias("source"), pl.exclude("searched", "source").sum())
    rates = pl.concat([true, together.select(true.columns)]).select(
        "searched", "source",
        *(pl.when(pl.col(of) > 0).then(pl.col("correct") / pl.col(of)).alias(f"true_{rate}")
          for rate, of in (("precision", "linked_pairs"), ("recall", "true_pairs"))),
    )  # fmt: skip
    return review.join(rates, on=["searched", "source"], how="left", maintain_order="left")


def score_link_errors(
    errors: pl.DataFrame, clusters: pl.DataFrame, subjects_truth: pl.DataFrame, counted_sources: Sequence[str]
) -> pl.DataFrame:
    """Return `link_errors` with the true numbers: people who are several of the run, and people who join several.

    `counted_sources` are those that count residents. A person of the run is the true one who has most of its
    subjects. Columns out: those of `link_errors` and `true_counted_twice`, `true_joined`.
    """
    known = clusters.filter(pl.col("source").is_in(list(counted_sources))).join(
        subjects_truth.select("source", "subject_id", "person", pl.col("nationality_group").cast(pl.String)),
        on=["source", "subject_id"],
    )
    of_run = (
        known.group_by("person_id", "person", "nationality_group").len()
        .sort("person_id", "len", "person", descending=[False, True, False])
        .group_by("person_id", maintain_order=True)
        .agg(pl.col("person", "nationality_group").first(), pl.len().alias("people"))
    )  # fmt: skip
    twice = of_run.group_by("person").agg(pl.col("nationality_group").first(), pl.len()).filter(pl.col("len") > 1)
    joined = of_run.filter(pl.col("people") > 1)
    scored = errors.with_columns(pl.col("nationality_group").cast(pl.String))
    for name, found in (("true_counted_twice", twice), ("true_joined", joined)):
        by_group = pl.concat([
            found.group_by("nationality_group").agg(pl.len().cast(pl.Int64).alias(name)),
            found.select(pl.lit("all").alias("nationality_group"), pl.len().cast(pl.Int64).alias(name)),
        ])  # fmt: skip
        scored = scored.join(by_group, on="nationality_group", how="left", maintain_order="left")
    return scored.with_columns(pl.col("true_counted_twice", "true_joined").fill_null(0))
