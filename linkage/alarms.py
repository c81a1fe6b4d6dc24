"""Warnings of estimates of quality that contradict one another by more than chance: which sources and which group."""

from collections.abc import Collection, Mapping

import polars as pl

from linkage.known_keys import KEYS
from pipeline.schemas import ALL

FEWEST = 50
"""Pairs of a key, people held out or reviewed below which nothing is said."""
SURE = 3.0
"""Standard errors by which two estimates must differ."""
OF_KEYS = 0.03
"""The share of pairs that a key finds and that are two people all the same, or one in a way that keys do not see."""
OF_IDENTIFIERS = 0.05
"""How much better known than people with identifiers the others may be."""
OF_COUNTS = 0.1
"""How far the precision by counts may be too low, since namesakes come in families."""
MOST_HAVE_A_LINK = 0.5
"""The share of left subjects that must have a link for their numbers to mean anything."""
NAMES_AGREE = 0.9
"""The share of people alike in date of birth and place whose names have something in common, at the least."""
MOST_DIFFER = 0.1
"""The share of joined pairs with different identifiers that mistakes and second numbers explain."""
NAMED = {
    "name": "date of birth and place, whatever their names",
    "date": "names and place, whatever their dates of birth",
    "place": "names and date of birth, whatever their addresses",
}


def alarms(quality: pl.DataFrame) -> list[str]:
    """Return a warning for each kind of contradiction in `linkage_quality`, its worst cases named."""
    found = []
    for part in KEYS:
        pairs, recall = pl.col(f"pairs_without_{part}"), pl.col(f"recall_without_{part}")
        error = (pl.col("recall_low") * (1 - pl.col("recall_low")) / pairs).sqrt().clip(0.5 / pairs)
        gap = pl.col("recall_low") - OF_KEYS - SURE * error - recall
        found += _named(
            quality.filter((pairs >= FEWEST) & (gap > 0)).with_columns(gap.alias("gap"), recall.alias("other")),
            f"Links may be missing: of pairs alike in {NAMED[part]}, the links join fewer than the estimate of "
            "recall allows",
        )
    pairs, agree = pl.col("pairs_without_name"), pl.col("names_agree")
    gap = NAMES_AGREE - SURE * (NAMES_AGREE * (1 - NAMES_AGREE) / pairs).sqrt() - agree
    found += _named(
        quality.filter((pairs >= FEWEST) & (gap > 0)).with_columns(
            gap.alias("gap"), agree.alias("other"), pl.lit(NAMES_AGREE).alias("expected")
        ),
        "Names of people alike in date of birth and place have nothing in common, as if they were written in another "
        "way in one source",
        compared="expected",
    )
    held = quality.filter(pl.col("held_out") >= FEWEST)
    expected, people = pl.col("recall_held_out_expected"), pl.col("held_out")
    error = (expected * (1 - expected) / people).sqrt().clip(0.5 / people)
    gap = expected - OF_IDENTIFIERS - SURE * error - pl.col("recall_held_out")
    found += _named(
        held.filter(gap > 0).with_columns(gap.alias("gap"), pl.col("recall_held_out").alias("other")),
        "Links may be missing: of people whose identifier was held out, fewer are found than the model expects",
        compared="recall_held_out_expected",
    )
    counted = quality.filter(pl.col("links_before") >= MOST_HAVE_A_LINK * pl.col("subjects_l"))
    gap = (
        pl.col("precision_before")
        - OF_COUNTS
        - SURE * pl.col("precision_by_counts_se")
        - pl.col("precision_by_counts")
    )
    found += _named(
        counted.filter(gap > 0).with_columns(gap.alias("gap"), pl.col("precision_by_counts").alias("other")),
        "Links may be false: records have more links than the match probabilities allow",
        compared="precision_before",
    )
    share = pl.col("identifiers_differ") / pl.col("identifiers_compared")
    found += _named(
        quality.filter((pl.col("identifiers_compared") >= FEWEST) & (share > MOST_DIFFER)).with_columns(
            share.alias("gap"), share.alias("other"), pl.lit(MOST_DIFFER).alias("expected")
        ),
        "Identifiers of people who are one by all else differ, as if one source had changed their format",
        compared="expected",
    )
    reviewed = quality.filter(pl.col("review_recall").is_not_null() & (pl.col("reviewed") >= FEWEST))
    for sign in (1, -1):
        limit = pl.col("recall_low") if sign == 1 else pl.col("recall_high")
        gap = sign * (limit - pl.col("review_recall")) - SURE * pl.col("review_recall_se")
        found += _named(
            reviewed.filter(gap > 0).with_columns(gap.alias("gap"), pl.col("review_recall").alias("other")),
            "The clerical review contradicts the estimate of recall",
        )
    for rate in ("precision", "recall"):
        below = pl.col(f"{rate}_low") - pl.col(f"{rate}_by_decisions_high")
        above = pl.col(f"{rate}_by_decisions_low") - pl.col(f"{rate}_high")
        gap = pl.max_horizontal(below, above)  # intervals of 95% that exclude one another
        found += _named(
            quality.filter((pl.col("decisions") >= FEWEST) & (gap > 0)).with_columns(
                gap.alias("gap"), pl.col(f"{rate}_by_decisions").alias("other")
            ),
            f"The decisions of reviewers contradict the estimate of {rate}",
            compared=f"{rate}_estimate",
        )
    return found


def single_points(needed: Mapping[tuple[str, str], Collection[str]]) -> list[str]:
    """Return a warning for each part of an identity without which two sources (names) propose no pair at all."""
    by_part: dict[str, list[str]] = {}
    for (left, right), parts in sorted(needed.items()):
        for part in sorted(parts):
            by_part.setdefault(part, []).append(f"{left} with {right}")
    return [
        f"Every blocking rule of {', '.join(pairs)} needs the {part}: somebody whose {part} is wrong or missing in "
        "one of the two is not found, and how many these are is not known. Let the sources record more of a person."
        for part, pairs in by_part.items()
    ]


def _named(rows: pl.DataFrame, sentence: str, compared: str = "recall_estimate") -> list[str]:
    """Return one warning that names the worst rows, or none."""
    if rows.is_empty():
        return []
    worst = rows.sort("gap", "source_l", "source_r", "group", descending=[True, False, False, False]).head(5)
    cases = ", ".join(
        f"{row['source_l']} with {row['source_r']}" + ("" if row["group"] == ALL else f" ({row['group']})")
        + f": {row['other']:.3f} against {row[compared]:.3f}"
        for row in worst.iter_rows(named=True)
    )  # fmt: skip
    more = f"; {rows.height - worst.height:,} more" if rows.height > worst.height else ""
    tail = "All figures are in linkage_quality; `sojourn link --explain` tells why a pair is one person."
    return [f"{sentence} ({cases}{more}). {tail}"]
