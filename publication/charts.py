"""The kinds of chart that Sojourn draws, each from plain rows to a Vega-Lite specification, in one style.

Specifications are written as they are, plain dictionaries: a library that builds them checks each part
against a schema many times over, which takes longer than the drawing.

Colour never carries a meaning alone: series differ in shape, provisional figures are hollow, unreliable
ones pale, defaults outlined, the truth is a cross. No panel is wider than a telephone; wide figures are
several panels.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Specification = dict[str, Any]

INK = "#1d2733"
QUIET = "#66717d"
GRID = "#e4e7ea"
ACCENT = "#206095"
AGAINST = "#b3500c"
PALE = "#c9d8e6"
COLOURS = {"immigration": ACCENT, "emigration": AGAINST, "net": "#6b2a6b", "population": ACCENT}
SHAPES = {"immigration": "circle", "emigration": "square", "net": "diamond", "population": "circle"}
SIGNED = "datum.value == 0 ? '0' : format(datum.value, '+~g')"
CROSS = "M-1,-1L1,1M1,-1L-1,1"
# Whole people up to 99,999, thousands (k) and millions (M) beyond; the same room for every axis, so that
# panels side by side are of one size.
PEOPLE = "abs(datum.value) < 1e5 ? format(datum.value, ',d') : format(datum.value, '.4~s')"
PEOPLE_AXIS = {"labelExpr": PEOPLE, "tickMinStep": 1, "grid": True, "minExtent": 42, "maxExtent": 42}
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
STYLE: Specification = {
    "background": "transparent",
    "padding": 2,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "title": None, "labelFontSize": 11, "labelColor": QUIET, "labelPadding": 5, "gridColor": GRID,
        "domain": False, "ticks": False,
    },
}  # fmt: skip


def beside(panels: Mapping[str, Specification], title: str, subtitle: str) -> Specification:
    """Return one specification of several charts side by side, by heading, for a picture that stands alone."""
    parts = [
        {name: part for name, part in panel.items() if name != "config"}
        | {"title": {"text": heading, "anchor": "start", "frame": "group", "fontSize": 12, "color": INK}}
        for heading, panel in panels.items()
    ]
    return {
        "config": STYLE | {"background": "white", "padding": 18},
        "title": {
            "text": title, "subtitle": subtitle, "anchor": "start", "fontSize": 16, "color": INK,
            "subtitleFontSize": 12, "subtitleColor": QUIET, "subtitlePadding": 5, "offset": 14,
        },
        "hconcat": parts,
        "spacing": 22,
        "resolve": {"scale": dict.fromkeys(("color", "fill", "shape", "stroke"), "independent")},
    }  # fmt: skip


def chart(layers: Sequence[Specification], rows: Rows, width: int, height: int | Specification) -> Specification:
    """Return a finished specification: layers over the same rows, in the style of the house."""
    return {
        "config": STYLE,
        "data": {"values": [dict(row) for row in rows]},
        "width": width,
        "height": height,
        "layer": list(layers),
    }


def layer(mark: str, encoding: Specification, where: str | None = None, **properties: Any) -> Specification:
    """Return one layer: a kind of mark, how the columns of the rows set it, and for which rows."""
    found: Specification = {"mark": {"type": mark, **properties}, "encoding": encoding}
    return found if where is None else found | {"transform": [{"filter": where}]}


def when(test: str, value: object, otherwise: object) -> Specification:
    """Return an encoding with one value where a test holds and another where not."""
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def at(field: str, kind: str = "quantitative", **more: Any) -> Specification:
    """Return an encoding by a column."""
    return {"field": field, "type": kind, **more}


def once(of: Specification) -> Specification:
    """Return a layer drawn once in its panel, not once a row."""
    return of | {"data": {"values": [{}]}}


def line_at(value: float, channel: str, look: Specification, **properties: Any) -> Specification:
    """Return a line across the whole panel at one value of an axis that looks like that of the other layers."""
    return once(layer("rule", {channel: {"datum": value, "type": "quantitative", **look}}, color=QUIET, **properties))


def span(rows: Rows, *columns: str) -> list[float]:
    """Return the least and the greatest of all values in the columns."""
    values = [row[column] for row in rows for column in columns if row.get(column) is not None]
    return [min(values), max(values)] if values else [0.0, 1.0]


def value_domain(rows: Rows, *, from_zero: bool) -> list[float]:
    """Return the ends of a value axis that holds every estimate, interval and truth of the rows."""
    least, greatest = span(rows, "lower", "upper", "estimate", "truth")
    if from_zero:
        least, greatest = min(least, 0.0), max(greatest, 0.0)
    margin = 0.06 * ((greatest - least) or 1.0)
    return [least if from_zero and least == 0 else least - margin, greatest + margin]


def intervals(
    rows: Rows, measures: Sequence[str], domain: Sequence[float], *, width: int, height: int, by_year: bool = True
) -> Specification:
    """Draw estimates over time with their 95% intervals, side by side for several measures.

    A row has `time` (a year as text, or a number of years where not `by_year`), `measure`, `estimate`,
    `lower`, `upper`, `provisional`, `unreliable` and `truth` (None where it is not known).
    """
    place: Specification = {"x": _years(rows, by_year=by_year)}
    together = len(measures) > 1
    if together:
        place["xOffset"] = at("measure", "nominal", scale={"domain": list(measures), "paddingOuter": 0.6})
    axis = PEOPLE_AXIS | {"tickCount": 5}
    y = {"axis": axis, "scale": {"domain": list(domain), "nice": False, "zero": False}}
    colour, shape = _of_measure(measures, COLOURS), _of_measure(measures, SHAPES)
    strength = when("datum.unreliable", 0.35, 1)
    layers = [line_at(0, "y", y, strokeWidth=1)] if domain[0] < 0 < domain[1] else []
    layers += [
        layer("line", place | {"y": at("estimate") | y, "color": colour}, strokeWidth=1, opacity=0.35),
        layer(
            "rule",
            place | {"y": at("lower") | y, "y2": {"field": "upper"}, "color": colour, "opacity": strength},
            strokeWidth=2 if by_year else 1.4,
            strokeCap="round",
        ),
        layer(
            "point",
            place
            | {"y": at("estimate") | y, "stroke": colour, "shape": shape, "strokeOpacity": strength}
            | {"fillOpacity": when("datum.unreliable && !datum.provisional", 0.35, 1)}
            | {"fill": {"condition": {"test": "datum.provisional", "value": "white"}, **colour}},
            size=46 if by_year else 22,
            strokeWidth=1.6,
            opacity=1,
        ),
    ]
    reach = 4 if by_year and not together else 2.6
    cross = {"shape": CROSS, "size": (2 * reach) ** 2, "stroke": "black", "strokeWidth": 1.5, "opacity": 1}
    if any(row.get("truth") is not None for row in rows):
        layers.append(layer("point", place | {"y": at("truth") | y}, "isValid(datum.truth)", **cross))
    return chart(layers, rows, width, height)


def _years(rows: Rows, *, by_year: bool) -> Specification:
    if by_year:
        axis: Specification = {"labelAngle": 0, "grid": False, "labelOverlap": "parity", "labelSeparation": 4}
        return at("time", "ordinal", axis=axis, scale={"paddingOuter": 0.15})
    first, last = span(rows, "time")
    axis = {"format": "d", "values": [year for year in range(int(first), int(last) + 1) if year >= first]}
    return at("time", axis=axis, scale={"domain": [first - 0.15, last + 0.15], "nice": False})


def _of_measure(measures: Sequence[str], looks: Mapping[str, str]) -> Specification:
    scale = {"domain": list(measures), "range": [looks[measure] for measure in measures]}
    return at("measure", "nominal", legend=None, scale=scale)


def _rows_axis(order: Sequence[str], limit: int) -> Specification:
    axis = {"labelColor": INK, "labelLimit": limit, "grid": True, "labelPadding": 8}
    return at("label", "nominal", sort=list(order), axis=axis)


def steps(rows: Rows, *, width: int) -> Specification:
    """Draw counts of very different size, one row a step, on a scale where each line is ten times the last.

    A row has `label`, `count` (one that is zero has no dot) and `text`.
    """
    y = _rows_axis([row["label"] for row in rows], limit=280)
    greatest = max((row["count"] for row in rows), default=1)
    powers = [10**power for power in range(len(str(greatest)) + 1)]
    axis = {"values": powers, "format": ",d", "orient": "top", "labelOverlap": True}
    scale = {"type": "log", "domain": [1, powers[-1]], "nice": False}
    x = at("count", axis=axis, scale=scale)
    some = "datum.count > 0"
    stem = {"x": x, "x2": {"datum": 1}, "y": y}
    layers = [
        layer("rule", stem, some, color=PALE, strokeWidth=2),
        layer("point", {"x": x, "y": y}, some, filled=True, size=60, color=ACCENT, opacity=1),
        layer(
            "text", {"x": x, "y": y, "text": at("text", "nominal")}, some, align="left", dx=9, color=INK, fontSize=11
        ),
    ]
    return chart(layers, rows, width, {"step": 28})


def shares(rows: Rows, *, width: int) -> Specification:
    """Draw a share for each row of labels, with those of its groups as small ticks.

    A row has `label`, `share` and `whole` (true for the dot, false for a tick of one group).
    """
    y = _rows_axis([row["label"] for row in rows if row["whole"]], limit=220)
    least = min((row["share"] for row in rows), default=0.0)
    start = 0.0 if least < 0.5 else 0.5 if least < 0.9 else 0.9
    axis = {"format": ".0%", "orient": "top", "tickCount": 6}
    place = {"x": at("share", axis=axis, scale={"domain": [start, 1], "nice": False}), "y": y}
    layers = [
        layer("tick", place, "!datum.whole", color=QUIET, thickness=1.5, size=11, opacity=0.7),
        layer("point", place, "datum.whole", filled=True, size=64, color=ACCENT, opacity=1),
    ]
    return chart(layers, rows, width, {"step": 24})


def ranges(rows: Rows, *, width: int, note: float) -> Specification:
    """Draw an estimate with its interval for each row of labels, and a line at the value `note`.

    A row has `label`, `estimate`, `lower` and `upper`.
    """
    y = _rows_axis([row["label"] for row in rows], limit=280)
    least, greatest = span([*rows, {"estimate": note}], "lower", "upper", "estimate")
    margin = 0.05 * ((greatest - least) or 1)
    axis = {"format": ".2f", "orient": "top", "tickCount": 6}
    scale = {"domain": [least - margin, greatest + margin], "nice": False, "zero": False}
    lower, estimate = at("lower", axis=axis, scale=scale), at("estimate", axis=axis, scale=scale)
    layers = [
        line_at(note, "x", {"axis": axis, "scale": scale}, strokeDash=[3, 3]),
        layer("rule", {"x": lower, "x2": {"field": "upper"}, "y": y}, strokeWidth=2, color=ACCENT, strokeCap="round"),
        layer("point", {"x": estimate, "y": y}, filled=True, size=52, color=ACCENT, opacity=1),
    ]
    return chart(layers, rows, width, {"step": 24})


def level_weights(rows: Rows, domain: Sequence[float], *, width: int) -> Specification:
    """Draw the match weight of each level of each comparison of one model, levels that took a default outlined.

    A row has `label`, `weight` and `by_default`; a row without a weight is the heading of a comparison.
    """
    numbered = [{**row, "label": f"{place}|{row['label']}"} for place, row in enumerate(rows)]
    headings = [row["label"] for row in numbered if row["weight"] is None]
    bold = {"condition": {"test": {"field": "value", "oneOf": headings}, "value": "bold"}, "value": "normal"}
    axis = {
        "labelExpr": "slice(datum.label, indexof(datum.label, '|') + 1)", "labelFontWeight": bold,
        "labelColor": INK, "labelLimit": 150, "labelFontSize": 10, "grid": False,
        "minExtent": 122, "maxExtent": 122,
    }  # fmt: skip
    sign = when("datum.weight < 0", AGAINST, ACCENT)
    look = {
        "axis": {"orient": "top", "tickCount": 5, "labelExpr": SIGNED},
        "scale": {"domain": list(domain), "nice": False},
    }
    bars = {
        "y": at("label", "nominal", sort=[row["label"] for row in numbered], axis=axis),
        "x": at("weight") | look,
        "color": sign,
        "stroke": sign,
        "fillOpacity": when("datum.by_default", 0, 1),
    }
    layers = [layer("bar", bars, height=7, strokeWidth=1), line_at(0, "x", look, strokeWidth=1)]
    return chart(layers, numbered, width, {"step": 13})


def weight_histogram(rows: Rows, *, width: int, height: int) -> Specification:
    """Draw how many pairs have which match weight: accepted links filled, other pairs above the floor outlined.

    A row has `weight` (the lower edge of a bin of width 1), `accepted` and `pairs`.
    """
    binned = [{**row, "end": row["weight"] + 1, "rank": 0 if row["accepted"] else 1} for row in rows]
    heights: Counter[float] = Counter()
    for row in rows:
        heights[row["weight"]] += row["pairs"]
    # A smallest step of one alone lets Vega mark halves where the highest bar is two pairs or one.
    axis = PEOPLE_AXIS | {"tickCount": min(4, max(heights.values()))}
    bars = {
        "x": at("weight", bin="binned", axis={"format": "d", "tickCount": 6, "tickMinStep": 1, "grid": False}),
        "x2": {"field": "end"},
        "y": at("pairs", axis=axis, stack="zero"),
        "fill": when("datum.accepted", ACCENT, "white"),
        "order": at("rank"),
    }
    return chart([layer("bar", bars, strokeWidth=0.8, stroke=ACCENT)], binned, width, height)


def misses(rows: Rows, *, width: int) -> Specification:
    """Draw how far the truth lies from each estimate, in half widths of its interval: within 1 is inside.

    A row has `label`, `measure` and `distance`.
    """
    y = _rows_axis(list(dict.fromkeys(row["label"] for row in rows)), limit=150)
    reach = max([1.5, *(abs(row["distance"]) for row in rows)]) * 1.05
    scale = {"domain": [-reach, reach], "nice": False}
    axis = {"orient": "top", "tickCount": 5, "labelExpr": SIGNED}
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    points = {
        "x": at("distance", scale=scale, axis=axis),
        "y": y,
        "color": _of_measure(measures, COLOURS),
        "shape": _of_measure(measures, SHAPES),
    }
    inside = {"x": {"datum": -1, "type": "quantitative", "axis": axis, "scale": scale}, "x2": {"datum": 1}}
    layers = [
        once(layer("rect", inside, color=PALE, opacity=0.45)),
        layer("point", points, filled=True, size=40, opacity=0.75),
    ]
    return chart(layers, rows, width, {"step": 22})
