"""The tables of the quality of links, estimated without the truth: by pair of sources, group and threshold."""

import math
from typing import Any

import polars as pl

from pipeline.schemas import ALL, NATIONALITY_GROUPS
from publication import words
from publication.link_thresholds import RIGHT, with_expected_right
from publication.report_tables.report_table import ReportTable, estimate_with_limits, number_around

LARGEST_GAPS = 12
FEWEST_IN_A_GROUP = 100
THRESHOLDS = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999)


def linkage_table(quality: pl.DataFrame) -> ReportTable | None:
    """Return the quality of linkage, a row a pair of sources."""
    if quality.is_empty():
        return None
    rows = quality.filter(pl.col("group") == "all").sort("source_l", "source_r")
    return ReportTable(
        caption="Quality of linkage by pair of sources, estimated without the truth",
        columns=("Pair", "Subjects", "Linked", "Match rate", "Precision", "Recall", "Recall by review",
                 "False links by review", "Levels by default"),
        rows=tuple(
            (
                words.source_pair_name(row),
                words.count(row["subjects_l"]),
                words.count(row["linked"]),
                words.percent(row["match_rate"]),
                estimate_with_limits(row, "precision"),
                estimate_with_limits(row, "recall"),
                _share_with_interval(row["review_recall"], row["review_recall_se"]),
                _share_with_interval(row["review_false_link_rate"], row["review_false_link_rate_se"]),
                words.count(row["levels_by_default"]),
            )
            for row in rows.to_dicts()
        ),
        numeric=tuple(range(1, 9)),
        note="Precision and recall are estimated from the links and from how the blocking rules overlap, with 95% "
        "limits in brackets. Values by review come from the clerical review, corrected for reviewers' errors, with "
        "95% intervals. Levels by default were set to a stated weight because too few pairs were available.",
        csv="linkage_quality.csv",
    )  # fmt: skip


def decisions_table(quality: pl.DataFrame, review: pl.DataFrame) -> ReportTable | None:
    """Return what a review of links says, beside the estimate without it; None if nobody was decided upon.

    `review` is the table `review_of_links`: what it says of the people of all sources together comes first.
    """
    rows = quality.filter((pl.col("group") == "all") & pl.col("decisions").is_not_null())
    together = review.filter(pl.col("source") == "all")
    if rows.is_empty() and together.is_empty():
        return None
    none = "–"
    rates = [(rate, by) for rate in ("precision", "recall") for by in ("estimate", "by_decisions", "with_decisions")]
    return ReportTable(
        caption="Quality of linkage by a clerical review of links",
        columns=("Pair", "Decisions", "Precision, estimated", "By decisions", "Both", "Recall, estimated",
                 "By decisions", "Both"),
        rows=tuple(
            (
                f"All sources – {words.source_name(row['searched'])}", words.count(row["decisions"]),
                none, estimate_with_limits(_of_review(row, "precision"), "precision"), none,
                none, estimate_with_limits(_of_review(row, "recall"), "recall"), none,
            )
            for row in together.sort("searched").to_dicts()
        )
        + tuple(
            (
                words.source_pair_name(row),
                words.count(row["decisions"]),
                *(
                    estimate_with_limits(row, rate) if by == "estimate"
                    else estimate_with_limits(_of_decisions(row, rate, by), rate)
                    for rate, by in rates
                ),
            )
            for row in rows.sort("source_l", "source_r").to_dicts()
        ),
        numeric=tuple(range(1, 8)),
        note="Reviewers looked for people who were drawn at random, by how doubtful their links are; 95% limits in "
        "brackets. Both: the two combined by their precision, or the decisions alone where the two contradict.",
        csv="linkage_quality.csv",
    )  # fmt: skip


def _of_decisions(row: dict[str, Any], rate: str, by: str) -> dict[str, Any]:
    """Return an estimate by decisions under the names of the estimate without them."""
    limits = {"estimate": "", "low": "_low", "high": "_high"}
    return {f"{rate}_{name}": row[f"{rate}_{by}{limit}"] for name, limit in limits.items()}


def _of_review(row: dict[str, Any], rate: str) -> dict[str, Any]:
    """Return an estimate of `review_of_links` under the names of `linkage_quality`."""
    return {f"{rate}_estimate": row[rate], f"{rate}_low": row[f"{rate}_low"], f"{rate}_high": row[f"{rate}_high"]}


def link_gaps_table(quality: pl.DataFrame) -> ReportTable | None:
    """Return the groups whose recall is estimated to differ most from that of all people of the same two sources."""
    if quality.is_empty():
        return None
    whole = quality.filter(pl.col("group") == "all").select("source_l", "source_r", of_all="recall_estimate")
    gaps = (
        quality.filter((pl.col("group") != "all") & (pl.col("joined_pairs") >= FEWEST_IN_A_GROUP))
        .join(whole, on=["source_l", "source_r"])
        .with_columns(gap=pl.col("recall_estimate") - pl.col("of_all"))
        .drop_nulls("gap")
        .sort("gap", "source_l", "source_r", "group")
        .head(LARGEST_GAPS)
        .filter(pl.col("gap") < 0)
    )
    if gaps.is_empty():
        return None
    return ReportTable(
        caption="Groups of people who are linked least, compared with all of the same two sources",
        columns=("Pair", "Group", "Linked pairs", "Recall", "Recall of all", "Gap, in points"),
        rows=tuple(
            (
                words.source_pair_name(row),
                words.plain(row["group"].replace("=", ": ")),
                words.count(row["joined_pairs"]),
                estimate_with_limits(row, "recall"),
                words.percent(row["of_all"]),
                f"{100 * row['gap']:.2f}",
            )
            for row in gaps.to_dicts()
        ),
        numeric=(2, 3, 4, 5),
        note="Estimated without the truth; groups with at least 100 linked pairs. Movers are pairs without a "
        "postcode in common. All groups are in the file.",
        csv="linkage_quality.csv",
    )


def threshold_table(weights: pl.DataFrame) -> ReportTable | None:
    """Return precision and recall that are expected of a model's links from each match probability on."""
    if weights.is_empty():
        return None
    pairs = with_expected_right(weights)
    total = float(pairs[RIGHT].sum())
    rows = []
    for threshold in THRESHOLDS:
        above = pairs.filter(pl.col("match_weight") >= math.log2(threshold / (1 - threshold)))
        links, right = int(above["pairs"].sum()), float(above[RIGHT].sum())
        rows.append((
            f"{threshold:g}", words.count(links),
            words.percent(right / links if links else None), words.percent(right / total if total else None),
        ))  # fmt: skip
    return ReportTable(
        caption="Links of the models from each match probability on",
        columns=("From probability", "Pairs", "Expected precision", "Expected recall"),
        rows=tuple(rows),
        numeric=(0, 1, 2, 3),
        note="Over all models, by match probability alone: weights are in whole bits, and pairs that no rule "
        "proposed are not among them.",
        csv="link_weights.csv",
    )


def link_errors_table(errors: pl.DataFrame) -> ReportTable | None:
    """Return how many people the links are expected to count twice, and to join with others."""
    if errors.is_empty():
        return None
    rows = errors.with_columns(pl.col("nationality_group").cast(pl.String)).to_dicts()
    order = {name: place for place, name in enumerate([*NATIONALITY_GROUPS, ALL])}
    return ReportTable(
        caption="People whom the links are expected to count twice, and to join with others",
        columns=("Nationality", "People", "Counted twice", "Of these, by pairs that no rule proposed", "Joined"),
        rows=tuple(
            (
                words.plain(row["nationality_group"]),
                words.count(row["people"]),
                number_around(row["counted_twice"], row["counted_twice_se"]),
                words.number(row["counted_twice_unseen"]),
                number_around(row["joined"], row["joined_se"]),
            )
            for row in sorted(rows, key=lambda row: order[row["nationality_group"]])
        ),
        numeric=(1, 2, 3, 4),
        note="Estimated without the truth, with 95% intervals. Nobody is taken off any count for it yet.",
        csv="link_errors.csv",
    )


def implausible_table(people: pl.DataFrame) -> ReportTable | None:
    """Return how many people have records that cannot all be true, by kind and sources."""
    if people.is_empty():
        return None
    kinds = {
        "after_death": "A sign of life more than a year after a death",
        "two_areas": "Two areas on one day",
        "abroad": "A death in the country between a departure and the next arrival",
    }
    rows = people.with_columns(pl.col("kind").cast(pl.String)).sort("people", "kind", descending=[True, False])
    return ReportTable(
        caption="People whose records cannot all be true",
        columns=("What contradicts", "Pair", "People"),
        rows=tuple((kinds[row["kind"]], words.source_pair_name(row), words.count(row["people"]))
                   for row in rows.to_dicts()),
        numeric=(2,),
        note="Each is a wrong link or a wrong date. Two areas on one day are also people who moved that day, and "
        "students with two addresses. Nobody is changed for it.",
        csv="implausible_people.csv",
    )  # fmt: skip


def _share_with_interval(share: float | None, standard_error: float | None) -> str:
    if share is None or standard_error is None:
        return words.percent(share)
    half_width = words.TWO_SIDED_95 * standard_error
    ends = max(0.0, share - half_width), min(1.0, share + half_width)
    return f"{words.percent(share)} ({words.percent(ends[0])} to {words.percent(ends[1])})"
