"""The figures on record linkage: the funnel, match rates, match weights of levels and of pairs."""

from typing import Any

import polars as pl

from publication import words
from publication.charts import linkage_charts
from publication.charts.svg import draw
from publication.figures.figure import Figure, Panel
from publication.link_thresholds import RIGHT, from_each_weight_on, with_expected_right


def funnel_figure(steps: pl.DataFrame) -> Figure | None:
    """Return the counts at each step from records to flows (see `publication.funnel`); None without any."""
    if steps.is_empty():
        return None
    rows = [
        {"label": label, "count": count, "text": f"{words.count(count)} {unit}"}
        for label, unit, count in steps.select("label", "unit", "number").rows()
    ]
    alternative = "From records to flows: " + "; ".join(f"{row['label']}: {row['text']}" for row in rows) + "."
    return Figure(
        id="figure-funnel",
        finding=_funnel_finding(dict(steps.select("step", "number").rows())),
        panels=(Panel("", draw(linkage_charts.counts_on_log_scale(rows, width=560), alternative, "funnel")),),
        note="Counts before any estimation, on a logarithmic scale. Migrations that are too recent to be certain are "
        "counted by their probability.",
        csv="funnel.csv",
    )


def _funnel_finding(counts: dict[str, int]) -> str:
    """Return the counts from records to flows in one sentence, as far as its steps were counted."""
    steps = {"people": "people", "immigration": "immigrations", "emigration": "emigrations in the latest year"}
    parts = [f"{words.count(counts[step])} {what}" for step, what in steps.items() if step in counts]
    if "rows" not in counts:
        return f"The sources contain {words.listed(parts)}"
    rows = words.count(counts["rows"])
    return f"{rows} rows yield {words.listed(parts)}" if parts else f"The extract files have {rows} rows"


def match_rates_figure(quality: pl.DataFrame, spine: str) -> Figure | None:
    """Return the match rate of each source with the source `spine`, as a whole and by group; None without any."""
    rates = quality.drop_nulls("match_rate")
    on_spine = rates.filter(pl.col("source_r") == spine)
    whole = on_spine.filter(pl.col("group") == "all").sort("match_rate", "source_l", descending=[True, False])
    if whole.is_empty():
        return None
    groups = on_spine.filter(pl.col("group") != "all", pl.col("source_l").is_in(whole["source_l"].implode()))
    rows = [
        {"label": words.source_name(source), "share": rate, "whole": group == "all"}
        for source, rate, group in pl.concat([whole, groups]).select("source_l", "match_rate", "group").rows()
    ]
    by_source = [
        (words.source_name(source), words.percent(rate))
        for source, rate in whole.select("source_l", "match_rate").rows()
    ]
    spine_name = words.source_name(spine)
    highest, lowest = by_source[0], by_source[-1]
    finding = f"{lowest[1]} of {lowest[0]} subjects are linked to {spine_name}"
    if len(by_source) > 1:
        finding = (
            f"Between {lowest[1]} ({lowest[0]}) and {highest[1]} ({highest[0]}) of the subjects of a source are "
            f"linked to {spine_name}"
        )
    rates_in_words = "; ".join(f"{source} {rate}" for source, rate in by_source)
    alternative = f"Share of subjects linked to {spine_name}: {rates_in_words}."
    return Figure(
        id="figure-match-rates",
        finding=finding,
        panels=(Panel("", draw(linkage_charts.shares(rows, width=520), alternative, "rates")),),
        note="Share of a source's subjects that are linked to the spine; small ticks are groups of people. "
        "People who are not on the spine lower the share as well.",
        csv="linkage_quality.csv",
        legend=("whole", "group"),
    )


def level_weights_figure(levels: pl.DataFrame) -> Figure | None:
    """Return the match weight of each level of each comparison, a panel a model; None without models."""
    finite = levels.filter(pl.col("match_weight").is_finite()) if levels.width else levels
    if finite.is_empty():
        return None
    least, greatest = finite.select(pl.col("match_weight").min(), most=pl.col("match_weight").max()).row(0)
    domain = [min(0.0, least) - 0.5, max(0.0, greatest) + 0.5]
    panels = []
    models = finite["model"].unique(maintain_order=True).to_list()
    for model in models:
        heading = words.model_name(model, models)
        own = finite.filter(pl.col("model") == model)
        rows: list[dict[str, Any]] = []
        for comparison in own["comparison"].unique(maintain_order=True):
            rows.append({"label": words.plain(comparison), "weight": None, "by_default": False})
            part = own.filter(pl.col("comparison") == comparison)
            rows += [
                {
                    "label": words.plain(row["level"]),
                    "weight": round(row["match_weight"], 2),
                    "by_default": row["by_default"],
                }
                for row in part.to_dicts()
            ]
        alternative = f"{heading}: {_weights_in_words(own)}."
        chart = linkage_charts.level_weights(rows, domain, width=178)
        panels.append(Panel(heading, draw(chart, alternative, f"levels-{len(panels)}")))
    return Figure(
        id="figure-levels",
        finding=_defaults_finding(levels),
        panels=tuple(panels),
        note="Match weight (log2 of m over u) of each level, by model. Positive weights are evidence that two "
        "records belong to one person, negative weights evidence that they do not.",
        csv="model_levels.csv",
        legend=("weight for", "weight against", "by default"),
        columns=3,
    )


def _weights_in_words(levels: pl.DataFrame) -> str:
    ranked = levels.sort("match_weight", "comparison", "level", descending=[True, False, False])
    ends = [
        f"{words.plain(row['comparison'])} {words.plain(row['level'])} {row['match_weight']:.1f}"
        for row in (ranked.row(0, named=True), ranked.row(-1, named=True))
    ]
    return f"match weights of {levels.height} levels, from {ends[0]} down to {ends[1]}"


def _defaults_finding(levels: pl.DataFrame) -> str:
    defaults = int(levels["by_default"].sum())
    models = levels["model"].n_unique()
    model_count = "one model" if models == 1 else f"{models} models"
    if not defaults:
        return f"All {levels.height} levels of {model_count} were estimated from the data"
    were = "was" if defaults == 1 else "were"
    return f"{defaults} of {levels.height} levels of {model_count} had too few pairs and {were} set to a default"


def histogram_figure(weights: pl.DataFrame) -> Figure | None:
    """Return the number of pairs by match weight, a panel a model; None without pairs."""
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
        heading = words.model_name(model, models)
        own = binned.filter(pl.col("model") == model)
        alternative = f"{heading}: {_accepted(own)} pairs above the floor were accepted as links, by match weight."
        chart = linkage_charts.weight_histogram(own.drop("model").to_dicts(), width=265, height=110)
        panels.append(Panel(heading, draw(chart, alternative, f"pairs-{len(panels)}")))
    return Figure(
        id="figure-weights",
        finding=f"{_accepted(binned)} pairs scored above the floor were accepted as links",
        panels=tuple(panels),
        note="Number of pairs by match weight (log2 odds), one bar for each whole weight. "
        "Each panel has its own scale.",
        csv="link_weights.csv",
        legend=("accepted", "not accepted"),
        columns=3,
    )


def threshold_figure(weights: pl.DataFrame) -> Figure | None:
    """Return expected precision and recall of a model's links from each match weight on; None without pairs."""
    if weights.is_empty():
        return None
    from_weight_on = from_each_weight_on(weights)
    panels = []
    models = from_weight_on["model"].unique(maintain_order=True).to_list()
    for model in models:
        heading = words.model_name(model, models)
        own = from_weight_on.filter(pl.col("model") == model)
        lowest = own.row(0, named=True)
        alternative = (
            f"{heading}: with all pairs from match weight {lowest['weight']:.0f} on, the expected precision is "
            f"{words.percent(lowest['precision'])}; precision rises, and recall falls, with the weight."
        )
        rows = own.select("weight", "precision", "recall").to_dicts()
        chart = linkage_charts.shares_by_threshold(rows, width=265, height=110)
        panels.append(Panel(heading, draw(chart, alternative, f"thresholds-{len(panels)}")))
    return Figure(
        id="figure-thresholds",
        finding=_threshold_finding(with_expected_right(weights)),
        panels=tuple(panels),
        note="Expected precision and recall of the links of a model if all pairs from a match weight on were linked. "
        "Pairs that no rule proposed are not among them.",
        csv="link_weights.csv",
        legend=("precision", "recall"),
        columns=3,
    )


def _threshold_finding(pairs: pl.DataFrame) -> str:
    """Return which share of the accepted links is expected to be right, and of the right pairs to be accepted."""
    accepted = pairs.filter("accepted")
    links, right, all_right = (float(part.sum()) for part in (accepted["pairs"], accepted[RIGHT], pairs[RIGHT]))
    if not links or not all_right:
        return "No pair scored above the floor was accepted as a link"
    return (
        f"{words.percent(right / links)} of the accepted links are expected to be right, "
        f"and {words.percent(right / all_right)} of the right pairs to be accepted"
    )


def _accepted(pairs: pl.DataFrame) -> str:
    """Return the number of accepted pairs and of all pairs: 7 of 12."""
    accepted, scored = (int(part["pairs"].sum()) for part in (pairs.filter("accepted"), pairs))
    return f"{words.count(accepted)} of {words.count(scored)}"
