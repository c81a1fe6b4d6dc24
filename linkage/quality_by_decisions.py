"""The columns of `linkage_quality` that a review of links fills: precision and recall by its decisions.

They are about people of the source that was drawn from: of those who are in the searched source, the share that is
linked with the right person there. Where the model's estimate and the decisions agree, the two are combined by their
precision; where they exclude one another the decisions stand alone, because they rest on no model.
"""

from collections.abc import Collection
from typing import Any

import polars as pl

from linkage.link_groups import DIMENSIONS
from linkage.quality import MINIMUM_REVIEWED
from linkage.review_estimate import Decided, Interval, decided_quality
from pipeline.schemas import ALL, TABLES

RATES = ("precision", "recall")
LIMITS = ("", "_low", "_high")
SIDES = ("estimate", "low", "high")
"""What an interval calls what these stand for."""
COLUMNS = {"decisions": pl.Int64} | {
    f"{rate}_{by}{limit}": pl.Float64
    for by in ("by_decisions", "with_decisions")
    for rate in RATES
    for limit in LIMITS
}
"""The columns, null without a review."""


def with_decisions(
    quality: pl.DataFrame, decisions: pl.DataFrame | None, people: pl.DataFrame
) -> tuple[pl.DataFrame, list[str]]:
    """Return `linkage_quality` with the columns of the review of links, and warnings.

    `decisions` has those of `Decisions.people` and the `DIMENSIONS` of who was drawn; None without a review. `people`
    has `source, person` and the `DIMENSIONS` of all subjects. A group has figures from 100 decisions on.
    """
    rows: list[dict[str, object]] = []
    warnings: list[str] = []
    if decisions is not None:
        drawn_pairs = decisions.select("source", "searched").unique()
        for row in quality.iter_rows(named=True):
            pair, group = (row["source_l"], row["source_r"]), row["group"]
            for source, searched in (pair, pair[::-1]) if group == ALL else (pair,):
                if (source, searched) not in drawn_pairs.rows() or not (group == ALL or _is_of_people(group)):
                    continue
                drawn = _strata_of(decisions, [source], searched)
                if without := _without_verdict(drawn):
                    warnings += [_no_verdict(source, searched, without)] if group == ALL else []
                elif found := quality_of_group(drawn, people, group, [source], searched):
                    rows.append({"source_l": pair[0], "source_r": pair[1], "group": group, **_columns(row, found)})
                break
    schema = {"source_l": pl.String, "source_r": pl.String, "group": pl.String} | COLUMNS
    found = pl.DataFrame(rows, schema=schema).with_columns(pl.col(pl.Float64).round(9))
    return quality.join(found, on=["source_l", "source_r", "group"], how="left", maintain_order="left"), warnings


def _is_of_people(group: str) -> bool:
    """Return whether a group is one of people, by a dimension, not of pairs."""
    return group.partition("=")[0] in DIMENSIONS


def _strata_of(decisions: pl.DataFrame, sources: Collection[str], searched: str) -> pl.DataFrame:
    """Return all decisions in the strata that have people of some sources; a stratum may have others too."""
    of_sources = (pl.col("searched") == searched) & pl.col("source").is_in(list(sources))
    return decisions.filter(pl.col("searched") == searched).join(
        decisions.filter(of_sources).select("stratum"), on="stratum", how="semi", maintain_order="left"
    )


def _without_verdict(drawn: pl.DataFrame) -> list[str]:
    """Return the strata in which nobody was decided upon."""
    decided = drawn.group_by("stratum").agg(pl.col("verdicts").sum())
    return decided.filter(pl.col("verdicts") == 0)["stratum"].sort().to_list()


def _no_verdict(source: str, searched: str, strata: list[str]) -> str:
    return (
        f"Review of links: the people of {source} who were looked for in {searched} have no verdict in the strata "
        f"{', '.join(map(repr, strata))}, so precision and recall by decisions are not measured. Have them decided."
    )


def review_of_links(decisions: pl.DataFrame | None, people: pl.DataFrame) -> pl.DataFrame:
    """Return the table `review_of_links`: all people who were drawn, and those of each source.

    For `decisions` and `people` see `with_decisions`. Where a stratum has no verdict, there is no row.
    """
    rows: list[dict[str, object]] = []
    if decisions is None:
        return TABLES["review_of_links"].create_empty()
    for searched in decisions["searched"].unique().sort():
        everybody = decisions.filter(pl.col("searched") == searched)
        sources = everybody["source"].unique().sort().to_list()
        for name, of in ((ALL, sources), *((one, [one]) for one in sources)):
            drawn = _strata_of(everybody, of, searched)
            if _without_verdict(drawn):
                continue
            if (found := quality_of_group(drawn, people, ALL, of, searched)) is not None:
                limits = {
                    f"{rate}{limit}": getattr(getattr(found, rate), side, None)
                    for rate in RATES
                    for limit, side in zip(LIMITS, SIDES, strict=True)
                }
                rows.append({"searched": searched, "source": name, "decisions": found.decisions, **limits})
    table = pl.DataFrame(rows, schema=TABLES["review_of_links"].create_empty().schema)
    return table.with_columns(pl.col(pl.Float64).round(9))


def quality_of_group(
    drawn: pl.DataFrame, people: pl.DataFrame, group: str, sources: Collection[str], searched: str
) -> Decided | None:
    """Return precision and recall of people by decisions; of a part of the strata from the least number of them on.

    `drawn` are all decisions on people who were looked for in `searched`, of the strata that have people of
    `sources`, each with a verdict; for `people` see `with_decisions`.
    """
    dimension, _, value = group.partition("=")
    of_group = pl.lit(value=True) if group == ALL else (pl.col(dimension) == value).fill_null(value=False)
    inside = pl.col("source").is_in(list(sources)) & of_group
    decided = drawn.filter(pl.col("verdicts") > 0).with_columns(inside.alias("inside"))
    if not decided["inside"].all() and decided["inside"].sum() < MINIMUM_REVIEWED:
        return None  # nobody of the group may have been drawn in a stratum where its errors are
    strata = (
        decided.group_by("stratum")
        .agg(
            pl.col("inside").sum().alias("members"),
            (pl.col("size").first() * pl.col("inside").mean()).alias("size"),
            *((pl.col(name) & pl.col("inside")).sum().alias(name) for name in ("is_wrong", "is_missed")),
        )
        .filter(pl.col("members") > 0)
        .sort("stratum")
    )
    with_searched = people.filter(pl.col("source") == searched)["person"].unique()
    linked = people.filter(inside & pl.col("person").is_in(with_searched.implode())).height
    return decided_quality(
        *(strata[name].to_numpy().astype(float) for name in ("is_wrong", "is_missed", "members", "size")), linked
    )


def _columns(row: dict[str, Any], found: Decided) -> dict[str, float | int | None]:
    columns: dict[str, float | int | None] = {"decisions": found.decisions}
    for rate in RATES:
        by_decisions = getattr(found, rate)
        together = combined(_of_model(row, rate), by_decisions)
        for by, interval in (("by_decisions", by_decisions), ("with_decisions", together)):
            for limit, name in zip(LIMITS, SIDES, strict=True):
                columns[f"{rate}_{by}{limit}"] = getattr(interval, name) if interval is not None else None
    return columns


def _of_model(row: dict[str, Any], rate: str) -> Interval | None:
    estimate, low, high = (row[f"{rate}_{name}"] for name in ("estimate", "low", "high"))
    return None if estimate is None or low is None or high is None else Interval(estimate, low, high)


def combined(model: Interval | None, decided: Interval | None) -> Interval | None:
    """Return the combined estimate of a rate: the two weighted by their precision, or the decisions alone.

    The decisions stand alone where there is no other estimate, and where the two intervals exclude one another; the
    model's stands alone where nothing was decided.
    """
    if model is None or decided is None:
        return decided if model is None else model
    if contradict(model, decided):
        return decided
    widths = (model.high - model.low) / 2, (decided.high - decided.low) / 2
    if min(widths) <= 0:
        return model if widths[0] <= 0 else decided
    weights = [1 / width**2 for width in widths]
    estimate = (weights[0] * model.estimate + weights[1] * decided.estimate) / sum(weights)
    half = 1 / sum(weights) ** 0.5
    return Interval(estimate, max(estimate - half, 0.0), min(estimate + half, 1.0))


def contradict(one: Interval, other: Interval) -> bool:
    """Return whether two intervals exclude one another."""
    return one.high < other.low or other.high < one.low
