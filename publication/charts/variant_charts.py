"""Charts of what rules make of figures: an estimate by the value of a parameter, and the tornado of sensitivity."""

from collections.abc import Sequence
from typing import Any

from publication.charts.chart_style import (
    ACCENT,
    CONTRAST,
    MEASURE_COLOURS,
    PALE,
    PEOPLE_AXIS,
    Rows,
    Specification,
    by_column,
    chart,
    drawn_once,
    extent,
    labels_axis,
    layer,
    line_at,
)


def estimate_by_value(rows: Rows, measure: str, own_value: float, *, width: int, height: int) -> Specification:
    """Draw an estimate by the value of a parameter, with the value of the run as a line across.

    A row has `value`, `estimate` and `truth` (None where it is not known; drawn as crosses).
    """
    low, high = extent(rows, "value")
    room = 0.04 * ((high - low) or 1)
    x_scale: Specification = {"scale": {"domain": [low - room, high + room], "nice": False, "zero": False}}
    x = by_column("value", axis={"tickCount": 5, "grid": False}, **x_scale)
    least, greatest = extent(rows, "estimate", "truth")
    padding = 0.08 * ((greatest - least) or 1)
    y_scale = {"domain": [least - padding, greatest + padding], "nice": False, "zero": False}
    y = by_column("estimate", axis=PEOPLE_AXIS, scale=y_scale)
    colour = MEASURE_COLOURS[measure]
    layers = [
        layer("line", {"x": x, "y": y}, color=colour, strokeWidth=1.4),
        layer("point", {"x": x, "y": y}, color=colour, filled=True, size=26, opacity=1),
        layer(
            "point", {"x": x, "y": by_column("truth", axis=PEOPLE_AXIS, scale=y_scale)}, "isValid(datum.truth)",
            shape="M-.6,-.6L.6,.6M.6,-.6L-.6,.6", stroke="#000", strokeWidth=1.4, size=40,
        ),
    ]  # fmt: skip
    if low <= own_value <= high:
        layers.insert(0, line_at(own_value, "x", x_scale, strokeDash=[3, 3]))
    return chart(layers, rows, width, height)


def tornado(rows: Rows, interval: Sequence[float] | None, *, width: int) -> Specification:
    """Draw how far a figure changes between both ends of the range of each parameter, in the order of the rows.

    A row has `label`, `at_low` and `at_high`: the change of the figure at the lower and at the upper end. `interval`
    is that of the figure, as changes from the estimate; it is the band behind the bars.
    """
    least, greatest = extent(rows, "at_low", "at_high")
    ends = [least, greatest, 0.0, *(interval or ())]
    padding = 0.05 * ((max(ends) - min(ends)) or 1)
    scale: Specification = {"scale": {"domain": [min(ends) - padding, max(ends) + padding], "nice": False}}
    axis = {"axis": {"orient": "top", "tickCount": 6, "format": "+,d"}}
    y = labels_axis([row["label"] for row in rows], 250)

    def bar(column: str, **properties: Any) -> Specification:
        x = by_column(column, **scale, **axis)
        return layer("bar", {"x": x, "x2": {"datum": 0}, "y": y}, height={"band": 0.55}, **properties)

    band = (
        {"x": {"datum": interval[0], "type": "quantitative", **scale}, "x2": {"datum": interval[1]}}
        if interval
        else {}
    )
    behind = [drawn_once(layer("rect", band, color=PALE, opacity=0.55))] if interval else []
    layers = [
        *behind,
        bar("at_low", color=CONTRAST, opacity=0.85),
        bar("at_high", color=ACCENT, opacity=0.85),
        line_at(0, "x", {**scale, **axis}, strokeWidth=1.2),
    ]
    return chart(layers, rows, width, {"step": 22})
