"""Charts of estimates with their intervals: over time, by label, and the distance of the truth from them."""

from collections.abc import Sequence

from publication.charts.chart_style import (
    ACCENT,
    MEASURE_COLOURS,
    MEASURE_SHAPES,
    PALE,
    PEOPLE_AXIS,
    SIGNED_LABEL,
    Rows,
    Specification,
    by_column,
    by_measure,
    chart,
    conditional,
    drawn_once,
    extent,
    labels_axis,
    layer,
    line_at,
)

CROSS = "M-1,-1L1,1M1,-1L-1,1"


def value_domain(rows: Rows, *, from_zero: bool) -> list[float]:
    """Return the ends of a value axis that covers every estimate, interval and true value of the rows."""
    least, greatest = extent(rows, "lower", "upper", "estimate", "truth")
    if from_zero:
        least, greatest = min(least, 0.0), max(greatest, 0.0)
    padding = 0.06 * ((greatest - least) or 1.0)
    return [least if from_zero and least == 0 else least - padding, greatest + padding]


def estimates_over_time(
    rows: Rows, measures: Sequence[str], domain: Sequence[float], *, width: int, height: int, by_year: bool = True
) -> Specification:
    """Draw estimates over time with their 95% intervals, side by side for several measures.

    A row has `time` (a year as text, or a number of years if not `by_year`), `measure`, `estimate`, `lower`,
    `upper`, `provisional`, `unreliable` and `truth` (None where it is not known).
    """
    position: Specification = {"x": _years(rows, by_year=by_year)}
    several = len(measures) > 1
    if several:
        position["xOffset"] = by_column("measure", "nominal", scale={"domain": list(measures), "paddingOuter": 0.6})
    axis = PEOPLE_AXIS | {"tickCount": 5}
    y = {"axis": axis, "scale": {"domain": list(domain), "nice": False, "zero": False}}
    colour, shape = by_measure(measures, MEASURE_COLOURS), by_measure(measures, MEASURE_SHAPES)
    strength = conditional("datum.unreliable", 0.35, 1)
    layers = [line_at(0, "y", y, strokeWidth=1)] if domain[0] < 0 < domain[1] else []
    layers += [
        layer("line", position | {"y": by_column("estimate") | y, "color": colour}, strokeWidth=1, opacity=0.35),
        layer(
            "rule",
            position | {"y": by_column("lower") | y, "y2": {"field": "upper"}, "color": colour, "opacity": strength},
            strokeWidth=2 if by_year else 1.4,
            strokeCap="round",
        ),
        layer(
            "point",
            position
            | {"y": by_column("estimate") | y, "stroke": colour, "shape": shape, "strokeOpacity": strength}
            | {"fillOpacity": conditional("datum.unreliable && !datum.provisional", 0.35, 1)}
            | {"fill": {"condition": {"test": "datum.provisional", "value": "white"}, **colour}},
            size=46 if by_year else 22,
            strokeWidth=1.6,
            opacity=1,
        ),
    ]
    reach = 4 if by_year and not several else 2.6
    cross = {"shape": CROSS, "size": (2 * reach) ** 2, "stroke": "black", "strokeWidth": 1.5, "opacity": 1}
    if any(row.get("truth") is not None for row in rows):
        layers.append(layer("point", position | {"y": by_column("truth") | y}, "isValid(datum.truth)", **cross))
    return chart(layers, rows, width, height)


def _years(rows: Rows, *, by_year: bool) -> Specification:
    if by_year:
        axis: Specification = {"labelAngle": 0, "grid": False, "labelOverlap": "parity", "labelSeparation": 4}
        return by_column("time", "ordinal", axis=axis, scale={"paddingOuter": 0.15})
    first, last = extent(rows, "time")
    axis = {"format": "d", "values": [year for year in range(int(first), int(last) + 1) if year >= first]}
    return by_column("time", axis=axis, scale={"domain": [first - 0.15, last + 0.15], "nice": False})


def estimates_by_label(rows: Rows, *, width: int, reference: float, ticks: int = 6) -> Specification:
    """Draw an estimate with its interval for each label, and a dashed line at the value `reference`.

    A row has `label`, `estimate`, `lower` and `upper`.
    """
    y = labels_axis([row["label"] for row in rows], limit=280)
    least, greatest = extent([*rows, {"estimate": reference}], "lower", "upper", "estimate")
    padding = 0.05 * ((greatest - least) or 1)
    axis = {"format": ".2f", "orient": "top", "tickCount": ticks}
    scale = {"domain": [least - padding, greatest + padding], "nice": False, "zero": False}
    lower, estimate = by_column("lower", axis=axis, scale=scale), by_column("estimate", axis=axis, scale=scale)
    layers = [
        line_at(reference, "x", {"axis": axis, "scale": scale}, strokeDash=[3, 3]),
        layer("rule", {"x": lower, "x2": {"field": "upper"}, "y": y}, strokeWidth=2, color=ACCENT, strokeCap="round"),
        layer("point", {"x": estimate, "y": y}, filled=True, size=52, color=ACCENT, opacity=1),
    ]
    return chart(layers, rows, width, {"step": 24})


def truth_in_half_widths(rows: Rows, *, width: int) -> Specification:
    """Draw the distance of the truth from each estimate, in half widths of its interval: within 1 is inside.

    A row has `label`, `measure` and `distance`.
    """
    y = labels_axis(list(dict.fromkeys(row["label"] for row in rows)), limit=150)
    reach = max([1.5, *(abs(row["distance"]) for row in rows)]) * 1.05
    scale = {"domain": [-reach, reach], "nice": False}
    axis = {"orient": "top", "tickCount": 5, "labelExpr": SIGNED_LABEL}
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    points = {
        "x": by_column("distance", scale=scale, axis=axis),
        "y": y,
        "color": by_measure(measures, MEASURE_COLOURS),
        "shape": by_measure(measures, MEASURE_SHAPES),
    }
    inside = {"x": {"datum": -1, "type": "quantitative", "axis": axis, "scale": scale}, "x2": {"datum": 1}}
    layers = [
        drawn_once(layer("rect", inside, color=PALE, opacity=0.45)),
        layer("point", points, filled=True, size=40, opacity=0.75),
    ]
    return chart(layers, rows, width, {"step": 22})
