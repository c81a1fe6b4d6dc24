"""A chart of one life: a lane for each thing that is told of it, with bars for spans and signs for days."""

from collections.abc import Sequence

from publication.charts.chart_style import (
    ACCENT,
    CONTRAST,
    MUTED,
    PALE,
    TEXT,
    Rows,
    Specification,
    by_column,
    chart,
    labels_axis,
    layer,
)
from publication.charts.interval_charts import CROSS

BARS = {
    "long_term": (ACCENT, ACCENT), "short_term": (PALE, PALE), "unfinished": ("white", ACCENT),
    "true": (TEXT, TEXT), "active": (MUTED, MUTED),
}  # fmt: skip
"""Fill and outline of bars; every other span has that of a faint bar."""


def life_in_lanes(rows: Rows, order: Sequence[str], domain: Sequence[float], *, width: int) -> Specification:
    """Draw spans and days of a life by lane. Times are years with their fraction; `domain` is the first and last.

    A row has `label`, `what`, `start` and `end` (None for a single day).
    """
    y = labels_axis(order, limit=230)
    years = [year for year in range(int(domain[0]), int(domain[1]) + 1) if year >= domain[0]]
    axis = {"format": "d", "values": years, "orient": "top", "labelOverlap": True}
    scale = {"domain": list(domain), "nice": False}
    x = by_column("start", axis=axis, scale=scale)
    bars = [
        layer(
            "bar", {"x": x, "x2": {"field": "end"}, "y": y}, f"isValid(datum.end) && {test}",
            height=9, fill=fill, stroke=outline, strokeWidth=1,
        )
        for test, fill, outline in _bars()
    ]  # fmt: skip
    days = "!isValid(datum.end)"
    point = {"x": x, "y": y}
    points = [
        layer("tick", point, f"{days} && datum.what == 'seen'", color=TEXT, thickness=1.4, size=10, opacity=0.8),
        layer("point", point, f"{days} && datum.what == 'leaves'", shape=CROSS, size=34, stroke=CONTRAST,
              strokeWidth=1.6, opacity=1),
        *(
            layer("point", point, f"{days} && datum.what == '{what}'", shape="circle", size=40, fill=fill,
                  stroke=ACCENT, strokeWidth=1.4, opacity=1)
            for what, fill in (("resident", ACCENT), ("perhaps", PALE), ("not resident", "white"))
        ),
    ]  # fmt: skip
    return chart([*bars, *points], rows, width, {"step": 19})


def _bars() -> list[tuple[str, str, str]]:
    named = [(f"datum.what == '{what}'", fill, outline) for what, (fill, outline) in BARS.items()]
    others = " && ".join(f"datum.what != '{what}'" for what in BARS)
    return [*named, (others, "#e4e7ea", MUTED)]
