"""Charts of records and links: counts at each step, match rates, match weights of levels and of pairs."""

import math
from collections import Counter
from collections.abc import Sequence

from publication.charts.chart_style import (
    ACCENT,
    CONTRAST,
    MUTED,
    PALE,
    PEOPLE_AXIS,
    SIGNED_LABEL,
    TEXT,
    Rows,
    Specification,
    by_column,
    chart,
    conditional,
    labels_axis,
    layer,
    line_at,
)


def counts_on_log_scale(rows: Rows, *, width: int) -> Specification:
    """Draw counts of very different size, one row a step, on a scale where each grid line is ten times the last.

    A row has `label`, `count` (zero has no dot) and `text`.
    """
    y = labels_axis([row["label"] for row in rows], limit=280)
    greatest = max((row["count"] for row in rows), default=1)
    powers = [10**power for power in range(len(str(greatest)) + 1)]
    axis = {"values": powers, "format": ",d", "orient": "top", "labelOverlap": True}
    scale = {"type": "log", "domain": [1, powers[-1]], "nice": False}
    x = by_column("count", axis=axis, scale=scale)
    text = by_column("text", "nominal")
    positive = "datum.count > 0"
    layers = [
        layer("rule", {"x": x, "x2": {"datum": 1}, "y": y}, positive, color=PALE, strokeWidth=2),
        layer("point", {"x": x, "y": y}, positive, filled=True, size=60, color=ACCENT, opacity=1),
        layer("text", {"x": x, "y": y, "text": text}, positive, align="left", dx=9, color=TEXT, fontSize=11),
    ]
    return chart(layers, rows, width, {"step": 28})


def shares(rows: Rows, *, width: int) -> Specification:
    """Draw a share for each label, with the shares of its groups as small ticks.

    A row has `label`, `share` and `whole` (true for the dot, false for the tick of one group).
    """
    y = labels_axis([row["label"] for row in rows if row["whole"]], limit=220)
    least = min((row["share"] for row in rows), default=0.0)
    start = 0.0 if least < 0.5 else 0.5 if least < 0.9 else 0.9
    axis = {"format": ".0%", "orient": "top", "tickCount": 6}
    position = {"x": by_column("share", axis=axis, scale={"domain": [start, 1], "nice": False}), "y": y}
    layers = [
        layer("tick", position, "!datum.whole", color=MUTED, thickness=1.5, size=11, opacity=0.7),
        layer("point", position, "datum.whole", filled=True, size=64, color=ACCENT, opacity=1),
    ]
    return chart(layers, rows, width, {"step": 24})


def level_weights(rows: Rows, domain: Sequence[float], *, width: int) -> Specification:
    """Draw the match weight of each level of each comparison of one model; levels set by default are outlined.

    A row has `label`, `weight` and `by_default`; a row without a weight is the heading of a comparison.
    """
    numbered = [{**row, "label": f"{position}|{row['label']}"} for position, row in enumerate(rows)]
    headings = [row["label"] for row in numbered if row["weight"] is None]
    bold = {"condition": {"test": {"field": "value", "oneOf": headings}, "value": "bold"}, "value": "normal"}
    axis = {
        "labelExpr": "slice(datum.label, indexof(datum.label, '|') + 1)", "labelFontWeight": bold,
        "labelColor": TEXT, "labelLimit": 150, "labelFontSize": 10, "grid": False,
        "minExtent": 122, "maxExtent": 122,
    }  # fmt: skip
    sign = conditional("datum.weight < 0", CONTRAST, ACCENT)
    x = {
        "axis": {"orient": "top", "tickCount": 5, "labelExpr": SIGNED_LABEL},
        "scale": {"domain": list(domain), "nice": False},
    }
    bars = {
        "y": by_column("label", "nominal", sort=[row["label"] for row in numbered], axis=axis),
        "x": by_column("weight") | x,
        "color": sign,
        "stroke": sign,
        "fillOpacity": conditional("datum.by_default", 0, 1),
    }
    layers = [layer("bar", bars, height=7, strokeWidth=1), line_at(0, "x", x, strokeWidth=1)]
    return chart(layers, numbered, width, {"step": 13})


def shares_by_threshold(rows: Rows, *, width: int, height: int) -> Specification:
    """Draw expected precision (dots) and expected recall (squares) of the links from each match weight on.

    A row has `weight`, `precision` and `recall` (shares).
    """
    least = min((min(row["precision"], row["recall"]) for row in rows), default=0.0)
    scale = {"domain": [math.floor(10 * least) / 10, 1], "nice": False}
    x = by_column("weight", axis={"format": "d", "tickCount": 6, "tickMinStep": 1, "grid": False})
    precision, recall = (
        {"x": x, "y": by_column(name, axis={"format": ".0%", "tickCount": 4}, scale=scale)}
        for name in ("precision", "recall")
    )
    layers = [
        layer("line", recall, color=CONTRAST, strokeWidth=1.2),
        layer("point", recall, color=CONTRAST, filled=True, shape="square", size=22, opacity=1),
        layer("line", precision, color=ACCENT, strokeWidth=1.2),
        layer("point", precision, color=ACCENT, filled=True, size=22, opacity=1),
    ]
    return chart(layers, rows, width, height)


def weight_histogram(rows: Rows, *, width: int, height: int) -> Specification:
    """Draw the number of pairs by match weight: accepted links filled, other pairs above the floor outlined.

    A row has `weight` (the lower edge of a bin of width 1), `accepted` and `pairs`.
    """
    binned = [{**row, "end": row["weight"] + 1, "rank": 0 if row["accepted"] else 1} for row in rows]
    heights: Counter[float] = Counter()
    for row in rows:
        heights[row["weight"]] += row["pairs"]
    # tickMinStep alone does not keep Vega from labelling halves when the highest bar is one or two pairs
    axis = PEOPLE_AXIS | {"tickCount": min(4, max(heights.values()))}
    bars = {
        "x": by_column("weight", bin="binned", axis={"format": "d", "tickCount": 6, "tickMinStep": 1, "grid": False}),
        "x2": {"field": "end"},
        "y": by_column("pairs", axis=axis, stack="zero"),
        "fill": conditional("datum.accepted", ACCENT, "white"),
        "order": by_column("rank"),
    }
    return chart([layer("bar", bars, strokeWidth=0.8, stroke=ACCENT)], binned, width, height)
