"""The quality of links, by pair of sources and group, from what is known without any truth.

Several estimates stand side by side, since none is right for itself: the match probabilities of all pairs (as T.
Blakely and C. Salmond 2002), those of people and of pairs that no rule proposed (`assess`), the numbers of links of a
record (`link_counts`), pairs that agree on a key free of one part of an identity (`known_keys`), direct identifiers
that were held out, and a clerical review (`clerical_review`). The combined estimate is that of `assess`; where
another one contradicts it beyond chance is a warning. GUILD (R. Gilbert et al. 2018) asks for precision and recall by
group.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from linkage.assess import Assessed
from linkage.clerical_review import review_patterns, reviewed_quality
from linkage.held_out import HeldOut
from linkage.known_keys import KEYS
from linkage.link_counts import LinkCounts
from linkage.link_groups import DIMENSIONS, MOVERS, STAYERS
from linkage.model import PairModel
from linkage.plan import REVIEW, SURVEY
from pipeline.ingest.contracts import SourceContract
from pipeline.schemas import ALL
from pipeline.tables import read_table

# A group of fewer reviewed people gets no rates of its own.
MINIMUM_REVIEWED = 100
# A false-link rate is about reviewed people who are not on the spine: with fewer of them than this, none is given.
MINIMUM_NOT_ON_SPINE = 10
NORMAL = 1.959964
"""The 97.5th percentile of the normal distribution: limits are those of 95%."""
MODEL_ERROR = 2.2
"""The factor by which an expected number of wrong pairs may be wrong: found on simulated countries."""
MISSED_ERROR = 1.5
"""The factor by which an expected number of missed pairs may be wrong: found likewise."""
CHANCE = 0.25
"""What is added to the variance of an expected number, which may be nearly 0 and its number 1 all the same."""
UNFORESEEN = 0.0015
"""The share of pairs that may be wrong or missed in a way that no estimate foresees."""
FEWEST_PAIRS = 20
"""Fewer pairs tell no precision and no recall: most of the pairs of two sources that share nobody are wrong."""
_PARTS = 1_000_000_000  # parts of 1: match probabilities have nine decimals


def linkage_quality(
    subjects: pl.DataFrame,
    assessed: Assessed,
    links: pl.DataFrame,
    pairs: list[tuple[str, str]],
    sources: list[str],
    models: Mapping[tuple[str, str], PairModel],
) -> pl.DataFrame:
    """Return the table `linkage_quality` without the columns of keys, counts, identifiers and the review.

    `subjects` has `node, source, person` and the `DIMENSIONS`; a group is that of the left subject, or that of a pair
    by `moved`, a column of all frames of `assessed`. `links` are all pairs above the floor as `l, r` (nodes),
    `source_l`, `source_r` (numbers in `sources`), `probability`, `accepted` and `moved`.
    """
    number = {source: at for at, source in enumerate(sources)}
    groups = subjects.select("node", *DIMENSIONS)
    wanted = pl.DataFrame(
        [
            (
                number[left], number[right], left, right,
                np.nan if (number[left], number[right]) in assessed.unknown
                else assessed.unseen_rate.get((number[left], number[right]), 0.0),
                _levels_by_default(models.get((left, right))),
                _origin(models.get((left, right))),
                assessed.proposed.get((number[left], number[right])),
            )
            for left, right in pairs
        ],
        schema={
            "source_l": pl.Int64, "source_r": pl.Int64, "left": pl.String, "right_source": pl.String,
            "unseen_rate": pl.Float64, "levels_by_default": pl.Int64, "model": pl.String,
            "proposed_share": pl.Float64,
        },
        orient="row",
    )  # fmt: skip
    size = subjects.group_by("source").len().select(source_r="source", subjects_r=pl.col("len").cast(pl.Int64))
    ends = assessed.joined.select("l", "source_l", "source_r")
    # of a source with itself either subject of a pair has another
    within = assessed.joined.filter(pl.col("source_l") == pl.col("source_r")).select("source_l", "source_r", l="r")
    linked = pl.concat([ends, within.select("l", "source_l", "source_r")]).unique().with_columns(linked=pl.lit(1))
    left_side = subjects.join(wanted.select("source_l", "source_r"), left_on="source", right_on="source_l").select(
        "node", "source_r", source_l="source"
    )
    left_side = left_side.rename({"node": "l"}).join(linked, on=["l", "source_l", "source_r"], how="left")
    parts, accepted = (pl.col("probability") * _PARTS).round(0).cast(pl.Int64), pl.col("accepted")
    frames = [
        (left_side, [pl.len().alias("subjects_l"), pl.col("linked").sum()]),
        (links, [
            parts.filter(accepted).sum().alias("accepted_parts"), parts.sum().alias("all_parts"),
            accepted.sum().alias("accepted_links"),
        ]),
        (assessed.joined, [pl.len().alias("joined"), pl.col("q").sort().sum().alias("right")]),
        (assessed.missed, [pl.col("p").sort().sum().alias("apart")]),
        (assessed.unseen, [pl.col("pairs").sort().sum().alias("unseen")]),
    ]  # fmt: skip
    rows = None
    for frame, figures in frames:
        found = _by_group(frame.join(groups, left_on="l", right_on="node", how="left"), *figures)
        rows = found if rows is None else rows.join(found, on=[*_OF, "group"], how="full", coalesce=True)
    counted, rates = ["subjects_l", "linked", "joined"], ["right", "apart", "unseen"]
    known = pl.col("unseen_rate").is_not_nan()
    table = (
        wanted.join(size, on="source_r", how="left")
        .join(rows if rows is not None else pl.DataFrame(), on=_OF)
        .with_columns(pl.col(*counted, "subjects_r").fill_null(0), pl.col(rates).fill_null(0.0))
        .with_columns(unseen=pl.when(known).then(pl.col("unseen") + pl.col("unseen_rate") * pl.col("right")))
        .drop(_OF)
        .rename({"left": "source_l", "right_source": "source_r"})
    )
    table = estimates(table)
    of_subjects = pl.col("group").is_in([MOVERS, STAYERS])
    return table.select(
        "source_l", "source_r", "group",
        pl.when(~of_subjects).then(pl.col("subjects_l").cast(pl.Int64)).alias("subjects_l"), "subjects_r",
        pl.when(~of_subjects).then(pl.col("linked").cast(pl.Int64)).alias("linked"),
        _share(pl.col("linked"), pl.col("subjects_l")).alias("match_rate"),
        _share(pl.col("accepted_parts") / _PARTS, pl.col("accepted_links")).alias("expected_precision"),
        _share(pl.col("accepted_parts"), pl.col("all_parts")).alias("expected_recall"),
        pl.col("joined").cast(pl.Int64).alias("joined_pairs"),
        pl.col("apart").round(3).alias("missed_pairs"), pl.col("unseen").round(3).alias("unseen_pairs"),
        "proposed_share",
        "precision_estimate", "precision_low", "precision_high", "recall_estimate", "recall_low", "recall_high",
        "levels_by_default", "model",
    )  # fmt: skip


def estimates(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with estimates and limits of precision and recall, null where fewer than `FEWEST_PAIRS` tell.

    The number of wrong pairs, and that of missed ones, is uncertain by chance (as a Poisson number), by the model (by
    a factor) and by what nobody foresees (by a share of all pairs).
    """
    joined, right = pl.col("joined"), pl.col("right")
    wrong = joined - right
    missed = pl.col("apart") + pl.col("unseen")
    expected = right + missed
    most_missed, least_missed = _most(missed, expected, MISSED_ERROR), _least(missed, MISSED_ERROR)
    precision = {
        "estimate": _share(right, joined),
        "low": _share(joined - _most(wrong, joined, MODEL_ERROR), joined).clip(0, 1),
        "high": _share(joined - _least(wrong, MODEL_ERROR), joined).clip(0, 1),
    }
    recall = {
        "estimate": (right / expected).round(9),
        "low": (right / (right + most_missed)).round(9),
        "high": _share(right, right + least_missed).fill_null(1.0),
    }
    return table.with_columns(
        *(pl.when(joined >= FEWEST_PAIRS).then(one).alias(f"precision_{name}") for name, one in precision.items()),
        *(pl.when(expected >= FEWEST_PAIRS).then(one).alias(f"recall_{name}") for name, one in recall.items()),
    )


def _most(expected: pl.Expr, size: pl.Expr, factor: float) -> pl.Expr:
    return expected * factor + NORMAL * (expected + CHANCE).sqrt() + UNFORESEEN * size


def _least(expected: pl.Expr, factor: float) -> pl.Expr:
    return (expected / factor - NORMAL * expected.sqrt()).clip(0)


def _levels_by_default(model: PairModel | None) -> int:
    return len(model.levels_by_default) if model else 0


def _origin(model: PairModel | None) -> str | None:
    return model.origin if model else None


def mark_accepted(links: pl.DataFrame, clusters: pl.DataFrame) -> pl.DataFrame:
    """Return `links` with `accepted` and the probability in whole `parts` of a thousand million."""
    person = clusters.select("source", "subject_id", "person_id")
    return (
        links.join(person.rename({"person_id": "person_l"}), left_on=["source_l", "subject_id_l"],
                   right_on=["source", "subject_id"], how="left", maintain_order="left")
        .join(person.rename({"person_id": "person_r"}), left_on=["source_r", "subject_id_r"],
              right_on=["source", "subject_id"], how="left", maintain_order="left")
        .with_columns(
            (pl.col("person_l") == pl.col("person_r")).alias("accepted"),
            (pl.col("match_probability") * _PARTS).round(0).cast(pl.Int64).alias("parts"),
        )
        .drop("person_l", "person_r")
    )  # fmt: skip


_OF = ["source_l", "source_r"]


def _by_group(frame: pl.DataFrame, *figures: pl.Expr) -> pl.DataFrame:
    """Return figures of every two sources (`_OF`) and group: all, by dimension, and movers if known."""
    whole = frame.group_by(_OF).agg(pl.lit(ALL).alias("group"), *figures)
    parts = [
        frame.drop_nulls(dimension)
        .group_by(*_OF, pl.format(f"{dimension}={{}}", dimension).alias("group"))
        .agg(*figures)
        for dimension in DIMENSIONS
    ]
    if "moved" in frame.columns:
        named = pl.when("moved").then(pl.lit(MOVERS)).otherwise(pl.lit(STAYERS)).alias("group")
        parts.append(frame.drop_nulls("moved").group_by(*_OF, named).agg(*figures))
    return pl.concat([whole, *parts], how="vertical_relaxed")


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole).round(9)


def with_keys(
    quality: pl.DataFrame,
    keys: pl.DataFrame,
    subjects: pl.DataFrame,
    sources: list[str],
) -> pl.DataFrame:
    """Return `linkage_quality` with the pairs that keys without a name, a date and a place find, and who joined them.

    `keys` has `l, r, source_l, source_r`, `left_out`, `is_joined` and `moved` (`known_keys`); `subjects` is that of
    `linkage_quality`.
    """
    of_left = keys.join(subjects.select("node", *DIMENSIONS), left_on="l", right_on="node", how="left")
    figures = [
        figure
        for part in KEYS
        for of_part in [pl.col("left_out") == part]
        for figure in (
            of_part.sum().cast(pl.Int64).alias(f"pairs_without_{part}"),
            (of_part & pl.col("is_joined")).sum().alias(f"joined_without_{part}"),
        )
    ]
    of_names = (pl.col("left_out") == "name") & pl.col("names_agree").is_not_null()
    figures += [of_names.sum().alias("named"), (of_names & pl.col("names_agree")).sum().alias("alike")]
    named = dict(enumerate(sources))
    found = _by_group(of_left, *figures).with_columns(
        pl.col(_OF).replace_strict(named, return_dtype=pl.String)
    ).select(
        "source_l", "source_r", "group",
        *(column for part in KEYS for column in (
            f"pairs_without_{part}",
            _share(pl.col(f"joined_without_{part}"), pl.col(f"pairs_without_{part}")).alias(f"recall_without_{part}"),
        )),
        _share(pl.col("alike"), pl.col("named")).alias("names_agree"),
    )  # fmt: skip
    joined = quality.join(found, on=["source_l", "source_r", "group"], how="left", maintain_order="left")
    return joined.with_columns(pl.col(f"pairs_without_{part}").fill_null(0) for part in KEYS)


def with_identifiers(quality: pl.DataFrame, differ: pl.DataFrame, sources: list[str]) -> pl.DataFrame:
    """Return `linkage_quality` with the joined pairs that have an identifier of one kind, and those that differ.

    `differ` comes from `contradicted_identifiers`; the columns are filled in the group `all`.
    """
    named = dict(enumerate(sources))
    found = differ.with_columns(
        pl.col("source_l", "source_r").replace_strict(named, return_dtype=pl.String), pl.lit(ALL).alias("group")
    )
    return quality.join(found, on=["source_l", "source_r", "group"], how="left", maintain_order="left")


def with_single_pairs(
    quality: pl.DataFrame,
    counts: Mapping[tuple[str, str], tuple[LinkCounts, float]],
    held_out: Mapping[tuple[str, str], HeldOut],
) -> pl.DataFrame:
    """Return `linkage_quality` with what is known of all people of two sources only, in the group `all`.

    That is: `counts` of links with the precision that the model expects of them, and the pairs `held_out`.
    """
    rows: dict[tuple[str, str], dict[str, float | int | None]] = {
        pair: {
            "links_before": counts[pair][0].links,
            "precision_before": round(counts[pair][1], 9),
            "precision_by_counts": round(counts[pair][0].precision, 9),
            "precision_by_counts_se": round(counts[pair][0].precision_se, 9),
            "found_by_counts": round(counts[pair][0].found, 3),
        }
        for pair in counts
    }
    for pair, held in held_out.items():
        rows.setdefault(pair, {}).update({
            "held_out": held.pairs,
            "recall_held_out": round(held.found / held.pairs, 9) if held.pairs else None,
            "recall_held_out_expected": round(held.expected / held.pairs, 9) if held.pairs else None,
        })  # fmt: skip
    schema = {"links_before": pl.Int64, "precision_before": pl.Float64, "precision_by_counts": pl.Float64,
              "precision_by_counts_se": pl.Float64, "found_by_counts": pl.Float64, "held_out": pl.Int64,
              "recall_held_out": pl.Float64, "recall_held_out_expected": pl.Float64}  # fmt: skip
    found = pl.DataFrame(
        [{"source_l": left, "source_r": right, "group": ALL, **row} for (left, right), row in rows.items()],
        schema={"source_l": pl.String, "source_r": pl.String, "group": pl.String} | schema,
    )
    return quality.join(found, on=["source_l", "source_r", "group"], how="left", maintain_order="left")


def with_review(quality: pl.DataFrame, review: pl.DataFrame | None, spine: str | None) -> pl.DataFrame:
    """Return `linkage_quality` with its review columns, filled for links of the survey with the spine.

    `review` has one row per reviewed survey person: `linked_to`, `verdict`, `second_verdict` (see
    `clerical_review`) and the dimensions of groups; None if nobody was reviewed. Rates are clipped to [0, 1].
    """
    rows = [] if review is None or spine is None else _reviewed_groups(quality, review_patterns(review), spine)
    rates = ["review_recall", "review_recall_se", "review_false_link_rate", "review_false_link_rate_se"]
    schema = {"source_l": pl.String, "source_r": pl.String, "group": pl.String, "reviewed": pl.Int64}
    reviewed = pl.DataFrame(rows, schema=schema | dict.fromkeys(rates, pl.Float64), orient="row").with_columns(
        pl.col(rates).fill_nan(None).clip(0, 1).round(9)
    )
    return quality.join(reviewed, on=["source_l", "source_r", "group"], how="left", maintain_order="left")


def _reviewed_groups(
    quality: pl.DataFrame, patterns: pl.DataFrame, spine: str
) -> list[tuple[str | int | float | None, ...]]:
    rows: list[tuple[str | int | float | None, ...]] = []
    for group in quality.filter((pl.col("source_l") == SURVEY) & (pl.col("source_r") == spine))["group"]:
        dimension, _, value = group.partition("=")
        if group != ALL and dimension not in patterns.columns:
            continue  # a group of pairs, not of people
        inside = pl.lit(True) if group == ALL else pl.col(dimension) == value
        people = patterns.filter(inside).height
        if not people or (group != ALL and people < MINIMUM_REVIEWED):
            continue
        estimate = reviewed_quality(patterns, inside)
        rates: list[float | None] = [estimate.recall, estimate.recall_se, None, None]
        if estimate.not_on_spine >= MINIMUM_NOT_ON_SPINE:
            rates[2:] = [estimate.false_link_rate, estimate.false_link_rate_se]
        rows.append((SURVEY, spine, group, estimate.reviewed, *rates))
    return rows


def read_review(
    ingest: Path,
    tokens: Mapping[str, pl.DataFrame],
    clusters: pl.DataFrame,
    contracts: Mapping[str, SourceContract],
    spine: str,
) -> pl.DataFrame:
    """Return one row per reviewed survey person for `with_review`, from the clerical review.

    The review names a survey person, and the match on the spine, by the person key of that source. A person with a
    second verdict but no first counts as reviewed once.
    """
    survey_key, spine_key = contracts[SURVEY].person_key_kind, contracts[spine].person_key_kind
    verdicts = read_table(ingest / "records" / f"{REVIEW}.parquet")
    reviewed = read_table(ingest / "tokens" / f"{REVIEW}.parquet").select("subject_id", survey_key)
    spine_people = tokens[spine].select(spine_key, pl.col("subject_id").alias("named")).drop_nulls()
    by_person = (
        verdicts.join(reviewed, on="subject_id")
        .drop("subject_id")
        .join(tokens[SURVEY].select("subject_id", survey_key), on=survey_key)
        .join(spine_people, left_on=f"match_{spine_key}", right_on=spine_key, how="left")
        # -1: the person named is not a subject of the spine, so no link can agree with the verdict
        .with_columns(
            pl.when(pl.col(f"match_{spine_key}").is_null())
            .then(0)
            .otherwise(pl.col("named").fill_null(-1))
            .alias("named")
        )
        .sort("subject_id", "review")
        .group_by("subject_id", maintain_order=True)
        .agg(
            pl.col("named").first().cast(pl.Int64).alias("verdict"),
            pl.col("named").get(1, null_on_oob=True).cast(pl.Int64).alias("second_verdict"),
        )
    )
    person = clusters.filter(pl.col("source") == SURVEY).select("subject_id", "person_id")
    on_spine = clusters.filter(pl.col("source") == spine).sort("subject_id")
    partner = on_spine.group_by("person_id", maintain_order=True).agg(pl.col("subject_id").first().alias("linked_to"))
    # a person may be on the spine twice: a verdict that names either record names the person
    first = on_spine.join(partner, on="person_id").select("subject_id", "linked_to")
    same_person = dict(zip(first["subject_id"], first["linked_to"], strict=True))
    return (
        by_person.with_columns(pl.col("verdict", "second_verdict").replace(same_person))
        .join(person, on="subject_id")
        .join(partner, on="person_id", how="left")
        .sort("subject_id")
    )


def link_weights(links: pl.DataFrame) -> pl.DataFrame:
    """Return the number of `pairs` by `model`, `match_weight` (rounded to whole numbers) and `accepted`.

    `links` comes from `mark_accepted`; links by match-keys are not counted.
    """
    by_model = links.filter(pl.col("method").str.starts_with("model:"))
    model = pl.col("method").str.strip_prefix("model:").alias("model")
    return (
        by_model.group_by(model, pl.col("match_weight").round(0), "accepted")
        .agg(pl.len().cast(pl.Int64).alias("pairs"))
        .sort("model", "match_weight", "accepted")
    )
