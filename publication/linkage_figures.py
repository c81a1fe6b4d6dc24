"""The figures of a report on how records became people: the funnel, match rates, weights of levels and of pairs."""

from collections.abc import Collection
from typing import Any

import polars as pl

from publication import charts, words
from publication.figures import Figure, Panel
from publication.svg import draw


def funnel_figure(steps: pl.DataFrame) -> Figure | None:
    """Return the way from records to flows, step by step; None where no step was counted."""
    if steps.is_empty():
        return None
    rows = [
        {"label": says, "count": count, "text": f"{words.count(count)} {unit}"}
        for says, unit, count in steps.select("says", "unit", "count").rows()
    ]
    told = "From records to flows: " + "; ".join(f"{row['label']}: {row['text']}" for row in rows) + "."
    return Figure(
        id="figure-funnel",
        finding=_way(dict(steps.select("step", "count").rows())),
        panels=(Panel("", draw(charts.steps(rows, width=560), told, "funnel")),),
        note="Counts before any estimation, on a scale where each line is ten times the one before it. "
        "Migrations that are too young to be sure count by their probability.",
        csv="funnel.csv",
    )


def _way(counts: dict[str, int]) -> str:
    """Return the way from records to flows in one sentence, as far as its steps were counted."""
    steps = {"people": "people", "immigration": "immigrations", "emigration": "emigrations of the latest year"}
    made = words.listed([f"{words.count(counts[step])} {what}" for step, what in steps.items() if step in counts])
    return f"{words.count(counts['rows'])} rows become {made}" if "rows" in counts else f"The sources hold {made}"


def match_rates_figure(quality: pl.DataFrame) -> Figure | None:
    """Return the match rate of each source with the spine, as a whole and by group; None without any.

    The spine is the source with which most others were linked.
    """
    rates = quality.drop_nulls("match_rate")
    whole = rates.filter(pl.col("group") == "all").sort("match_rate", "source_l", descending=[True, False])
    if whole.is_empty():
        return None
    spine = whole.group_by("source_r").len().sort("len", "source_r", descending=[True, False])["source_r"][0]
    whole = whole.filter(pl.col("source_r") == spine)
    groups = rates.filter(
        pl.col("group") != "all", pl.col("source_r") == spine, pl.col("source_l").is_in(whole["source_l"])
    )
    rows = [
        {"label": words.source_name(source), "share": rate, "whole": group == "all"}
        for source, rate, group in pl.concat([whole, groups]).select("source_l", "match_rate", "group").rows()
    ]
    said = [
        f"{words.percent(rate)} of {words.source_name(source)}"
        for source, rate in whole.select("source_l", "match_rate").rows()
    ]
    finding = f"{said[-1]} subjects are linked to {words.source_name(spine)}"
    if len(said) > 1:
        finding += f", the least of {len(said)} sources; {said[0]}, the most"
    told = f"Share of subjects linked to {words.source_name(spine)}: {'; '.join(said)}."
    return Figure(
        id="figure-match-rates",
        finding=finding,
        panels=(Panel("", draw(charts.shares(rows, width=520), told, "rates")),),
        note="Share of a source's subjects that share a person with the spine; small ticks are groups of people. "
        "Whoever is truly not on the spine lowers the share as well.",
        csv="linkage_quality.csv",
        key=("whole", "group"),
    )


def pair_name(row: dict[str, Any]) -> str:
    """Return a pair of sources as words."""
    return f"{words.source_name(row['source_l'])} to {words.source_name(row['source_r'])}"


def model_name(model: str, models: Collection[str]) -> str:
    """Return a model as words: that of two sources by both, each of which has a model of its own among `models`."""
    for left in models:
        right = model.removeprefix(f"{left}_")
        if right != model and right in models:
            return f"{words.source_name(left)} and {words.source_name(right)}"
    return words.source_name(model)


def level_weights_figure(levels: pl.DataFrame) -> Figure | None:
    """Return the match weight of each level of each comparison, a panel a model; None without models."""
    known = levels.filter(pl.col("match_weight").is_finite()) if levels.width else levels
    if known.is_empty():
        return None
    least, greatest = known.select(pl.col("match_weight").min(), most=pl.col("match_weight").max()).row(0)
    domain = [min(0.0, least) - 0.5, max(0.0, greatest) + 0.5]
    panels = []
    models = known["model"].unique(maintain_order=True).to_list()
    for model in models:
        called = model_name(model, models)
        own = known.filter(pl.col("model") == model)
        rows: list[dict[str, Any]] = []
        for comparison in own["comparison"].unique(maintain_order=True):
            rows.append({"label": _plain(comparison), "weight": None, "by_default": False})
            part = own.filter(pl.col("comparison") == comparison)
            rows += [
                {
                    "label": _plain(row["level"]),
                    "weight": round(row["match_weight"], 2),
                    "by_default": row["by_default"],
                }
                for row in part.to_dicts()
            ]
        told = f"{called}: {_levels_told(own)}."
        picture = charts.level_weights(rows, domain, width=178)
        panels.append(Panel(called, draw(picture, told, f"levels-{len(panels)}")))
    return Figure(
        id="figure-levels",
        finding=_default_finding(levels),
        panels=tuple(panels),
        note="Match weight (log2 of m over u) of each level, by model: to the right agreement speaks for one person, "
        "to the left against it.",
        csv="model_levels.csv",
        key=("weight for", "weight against", "by default"),
        columns=3,
    )


def _levels_told(levels: pl.DataFrame) -> str:
    ranked = levels.sort("match_weight", "comparison", "level", descending=[True, False, False])
    ends = [
        f"{_plain(row['comparison'])} {_plain(row['level'])} {row['match_weight']:.1f}"
        for row in (ranked.row(0, named=True), ranked.row(-1, named=True))
    ]
    return f"match weights of {levels.height} levels, from {ends[0]} down to {ends[1]}"


def _default_finding(levels: pl.DataFrame) -> str:
    defaults = int(levels["by_default"].sum())
    models = levels["model"].n_unique()
    whose = "one model" if models == 1 else f"{models} models"
    if not defaults:
        return f"All {levels.height} levels of {whose} were learnt from the data"
    verb = "level" if defaults == 1 else "levels"
    return f"{defaults} {verb} of {levels.height}, over {whose}, took a stated default for want of pairs"


def histogram_figure(weights: pl.DataFrame) -> Figure | None:
    """Return how many pairs have which match weight, a panel a model; None without pairs."""
    if weights.is_empty():
        return None
    binned = (
        weights.filter(pl.col("match_weight").is_finite())
        .with_columns(weight=pl.col("match_weight").round(0) - 0.5)
        .group_by("model", "weight", "accepted")
        .agg(pl.col("pairs").sum())
        .sort("model", "weight", "accepted")
    )
    panels = []
    models = binned["model"].unique(maintain_order=True).to_list()
    for model in models:
        called = model_name(model, models)
        own = binned.filter(pl.col("model") == model)
        told = f"{called}: {_accepted(own)} pairs above the floor became links, by match weight."
        picture = charts.weight_histogram(own.drop("model").to_dicts(), width=265, height=110)
        panels.append(Panel(called, draw(picture, told, f"pairs-{len(panels)}")))
    return Figure(
        id="figure-weights",
        finding=f"{_accepted(binned)} pairs that were scored above the floor became links",
        panels=tuple(panels),
        note="Pairs by match weight (log2 odds), a bar for each whole weight, each panel on its own scale.",
        csv="link_weights.csv",
        key=("accepted", "not accepted"),
        columns=3,
    )


def _accepted(pairs: pl.DataFrame) -> str:
    """Return how many pairs became links, of how many."""
    accepted, scored = (int(part["pairs"].sum()) for part in (pairs.filter("accepted"), pairs))
    return f"{words.count(accepted)} of {words.count(scored)}"


def _plain(label: str) -> str:
    return str(label).replace("_", " ")
