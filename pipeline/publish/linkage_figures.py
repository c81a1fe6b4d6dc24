"""The figures of a report on how records became people: the funnel, match rates, weights of levels and of pairs."""

from typing import Any

import polars as pl

from pipeline.publish import charts, words
from pipeline.publish.figures import Figure, Panel
from pipeline.publish.svg import draw


def funnel_figure(steps: pl.DataFrame) -> Figure | None:
    """Return the way from records to flows, step by step; None where no step was counted."""
    if steps.is_empty():
        return None
    rows = [
        {"label": step, "count": count, "text": f"{words.count(count)} {unit}"}
        for step, unit, count in steps.select("step", "unit", "count").rows()
    ]
    first, last = rows[0], rows[-1]
    people = steps.filter(pl.col("step").str.starts_with("People"))
    said = f"{words.count(first['count'])} {steps['unit'][0]}"
    if people.height:
        said += f" become {words.count(people['count'][0])} people"
    moved = steps.filter(pl.col("step").str.contains("migrations,")).rows()
    if moved:
        said += f", of whom {' and '.join(f'{words.count(one[2])} {_direction(one[0])}' for one in moved)}"
        said += f" in the {last['label'].partition(', ')[2]}"
    told = "From records to flows: " + "; ".join(f"{row['label']}: {row['text']}" for row in rows) + "."
    return Figure(
        id="figure-funnel",
        finding=said,
        panels=(Panel("", draw(charts.steps(rows, width=560), told, "funnel")),),
        note="Counts before any estimation, on a scale where each line is ten times the one before it.",
        csv="funnel.csv",
    )


def _direction(step: str) -> str:
    return "immigrate" if step.startswith("Immigration") else "emigrate"


def match_rates_figure(quality: pl.DataFrame) -> Figure | None:
    """Return the match rate of each pair of sources, as a whole and by group; None without any."""
    if quality.is_empty():
        return None
    known = quality.drop_nulls("match_rate")
    whole = known.filter(pl.col("group") == "all").sort(
        "match_rate", "source_l", "source_r", descending=[True, False, False]
    )
    if whole.is_empty():
        return None
    labels = {(row["source_l"], row["source_r"]): pair_name(row) for row in whole.to_dicts()}
    rows = [
        {"label": pair_name(row), "share": row["match_rate"], "whole": row["group"] == "all"}
        for row in [*whole.to_dicts(), *known.filter(pl.col("group") != "all").to_dicts()]
        if (row["source_l"], row["source_r"]) in labels
    ]
    best, worst = whole.row(0, named=True), whole.row(-1, named=True)
    finding = f"{words.percent(worst['match_rate'])} of {words.source_name(worst['source_l'])} subjects are linked to {words.source_name(worst['source_r'])}"
    if whole.height > 1:
        finding += f", the least of all pairs; {words.percent(best['match_rate'])} of {words.source_name(best['source_l'])}, the most"
    told = "Match rate by pair of sources: " + "; ".join(
        f"{label} {words.percent(rate)}" for label, rate in zip(labels.values(), whole["match_rate"], strict=True)
    )
    return Figure(
        id="figure-match-rates",
        finding=finding,
        panels=(Panel("", draw(charts.shares(rows, width=520), f"{told}.", "rates")),),
        note="Share of the left source's subjects that share a person with one of the right; "
        "small ticks are groups of people (sex, age, nationality).",
        csv="linkage_quality.csv",
        key=("whole", "group"),
    )


def pair_name(row: dict[str, Any]) -> str:
    """Return a pair of sources as words."""
    return f"{words.source_name(row['source_l'])} to {words.source_name(row['source_r'])}"


def level_weights_figure(levels: pl.DataFrame) -> Figure | None:
    """Return the match weight of each level of each comparison, a panel a model; None without models."""
    known = levels.filter(pl.col("match_weight").is_finite()) if levels.width else levels
    if known.is_empty():
        return None
    reach = [float(known["match_weight"].min()), float(known["match_weight"].max())]  # type: ignore[arg-type]
    domain = [min(0.0, reach[0]) - 0.5, max(0.0, reach[1]) + 0.5]
    panels = []
    for model in known["model"].unique(maintain_order=True):
        own = known.filter(pl.col("model") == model)
        rows: list[dict[str, Any]] = []
        for comparison in own["comparison"].unique(maintain_order=True):
            rows.append({"label": _plain(comparison), "weight": None, "by_default": False})
            part = own.filter(pl.col("comparison") == comparison).sort(
                "match_weight", "level", descending=[True, False]
            )
            rows += [
                {
                    "label": _plain(row["level"]),
                    "weight": round(row["match_weight"], 2),
                    "by_default": row["by_default"],
                }
                for row in part.to_dicts()
            ]
        best = own.sort("match_weight", "comparison", "level", descending=[True, False, False]).row(0, named=True)
        told = (
            f"Match weights of {own.height} levels of {own['comparison'].n_unique()} comparisons in the model "
            f"{_plain(model)}, the greatest {best['match_weight']:.1f} for {_plain(best['comparison'])}, {_plain(best['level'])}."
        )
        picture = charts.level_weights(rows, domain, width=150)
        panels.append(Panel(_plain(model), draw(picture, told, f"levels-{len(panels)}")))
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
        .with_columns(weight=pl.col("match_weight").floor())
        .group_by("model", "weight", "accepted")
        .agg(pl.col("pairs").sum())
        .sort("model", "weight", "accepted")
    )
    panels = []
    for model in binned["model"].unique(maintain_order=True):
        own = binned.filter(pl.col("model") == model)
        accepted, pairs = own.filter("accepted")["pairs"].sum(), own["pairs"].sum()
        told = f"{words.count(accepted)} of {words.count(pairs)} pairs of the model {_plain(model)} above the floor became links."
        picture = charts.weight_histogram(own.drop("model").to_dicts(), width=265, height=110)
        panels.append(Panel(_plain(model), draw(picture, told, f"pairs-{len(panels)}")))
    accepted, pairs = binned.filter("accepted")["pairs"].sum(), binned["pairs"].sum()
    return Figure(
        id="figure-weights",
        finding=f"{words.count(accepted)} of {words.count(pairs)} pairs that were scored above the floor became links",
        panels=tuple(panels),
        note="Pairs by match weight (log2 odds), a bar for each whole weight, each panel on its own scale.",
        csv="link_weights.csv",
        key=("accepted", "not accepted"),
        columns=3,
    )


def _plain(label: str) -> str:
    return str(label).replace("_", " ")
