"""The kinds of chart that Sojourn draws, each from plain rows, in one style.

Colour never carries a meaning alone: series differ in shape, provisional figures are hollow, defaults are
outlined, the truth is a cross. No chart is wider than a telephone; wide pictures are several panels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

Rows = Sequence[Mapping[str, Any]]

INK = "#1d2733"
QUIET = "#66717d"
GRID = "#e4e7ea"
ACCENT = "#206095"
PALE = "#c9d8e6"
COLOURS = {"immigration": "#206095", "emigration": "#b3500c", "net": "#6b2a6b", "population": "#206095"}
SHAPES = {"immigration": "circle", "emigration": "square", "net": "diamond", "population": "circle"}
CROSS = "M-1,-1L1,1M1,-1L-1,1"
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


def specification(chart: alt.LayerChart | alt.HConcatChart) -> dict[str, Any]:
    """Return the finished Vega-Lite specification of a chart, in the style of the house."""
    styled = (
        chart.configure(background="transparent", padding=2, font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelFontSize=11, labelColor=QUIET, titleFontSize=11, titleFontWeight="normal", titleColor=QUIET,
            gridColor=GRID, domain=False, ticks=False, labelPadding=5,
        )
    )  # fmt: skip
    return styled.to_dict()


def _data(rows: Rows) -> alt.InlineData:
    return alt.InlineData(values=[dict(row) for row in rows])


def _span(rows: Rows, *columns: str) -> list[float]:
    """Return the least and the greatest of all values in the columns."""
    values = [row[column] for row in rows for column in columns if row.get(column) is not None]
    return [min(values), max(values)] if values else [0.0, 1.0]


def value_domain(rows: Rows, *, from_zero: bool) -> list[float]:
    """Return the least and greatest value of an axis that holds every interval and every truth of the rows."""
    least, greatest = _span(rows, "lower", "upper", "estimate", "truth")
    if from_zero:
        least, greatest = min(least, 0.0), max(greatest, 0.0)
    margin = 0.06 * ((greatest - least) or 1.0)
    return [least if from_zero and least == 0 else least - margin, greatest + margin]


def intervals(
    rows: Rows, measures: Sequence[str], domain: Sequence[float], *, width: int, height: int, by_year: bool = True
) -> dict[str, Any]:
    """Draw estimates over time with their 95% intervals, side by side for several measures.

    A row has `time` (a year as text, or a number of years where not `by_year`), `measure`, `estimate`,
    `lower`, `upper`, `provisional`, `unreliable` and `truth` (None where it is not known).
    """
    if by_year:
        axis = alt.Axis(labelAngle=0, title=None, grid=False)
        x: alt.X = alt.X("time:O", axis=axis, scale=alt.Scale(paddingOuter=0.15))
    else:
        years = _span(rows, "time")
        ticks = [year for year in range(int(years[0]), int(years[1]) + 2) if years[0] <= year <= years[1]]
        axis = alt.Axis(format="d", values=ticks, title=None, grid=True)
        x = alt.X("time:Q", axis=axis, scale=alt.Scale(domain=[years[0] - 0.15, years[1] + 0.15], nice=False))
    value_axis = alt.Axis(format=",d", title=None, tickCount=5, gridColor=GRID)
    y = alt.Y("estimate:Q", axis=value_axis, scale=alt.Scale(domain=list(domain), nice=False, zero=False))
    encoding: dict[str, Any] = {"x": x}
    if by_year and len(measures) > 1:
        encoding["xOffset"] = alt.XOffset("measure:N", scale=alt.Scale(domain=list(measures), paddingOuter=0.6))
    colour = alt.Color(
        "measure:N",
        legend=None,
        scale=alt.Scale(domain=list(measures), range=[COLOURS[measure] for measure in measures]),
    )
    shape = alt.Shape(
        "measure:N", legend=None, scale=alt.Scale(domain=list(measures), range=[SHAPES[one] for one in measures])
    )
    base = alt.Chart(_data(rows)).encode(**encoding, y=y)
    layers: list[alt.Chart] = []
    if domain[0] < 0 < domain[1]:
        zero = alt.Chart(_data([{"zero": 0}])).mark_rule(color=QUIET, strokeWidth=1)
        layers.append(zero.encode(y=alt.Y("zero:Q", scale=alt.Scale(domain=list(domain), nice=False))))
    layers.append(base.mark_line(strokeWidth=1, opacity=0.35).encode(color=colour))
    solid = alt.condition("datum.unreliable", alt.value(0.45), alt.value(1))
    whisker = base.mark_rule(strokeWidth=2 if by_year else 1.4, strokeCap="round")
    layers.append(whisker.encode(y=alt.Y("lower:Q", axis=value_axis), y2="upper:Q", color=colour, opacity=solid))
    size = 46 if by_year else 22
    points = base.mark_point(size=size, strokeWidth=1.6, opacity=1, filled=False)
    hollow = alt.condition("datum.provisional", alt.value("white"), colour)
    layers.append(points.encode(stroke=colour, fill=hollow, shape=shape))
    layers += _unreliable_marks(base, rows) + _truth_marks(base, rows, size)
    return specification(alt.layer(*layers).properties(width=width, height=height))


def _truth_marks(base: alt.Chart, rows: Rows, size: int) -> list[alt.Chart]:
    if all(row.get("truth") is None for row in rows):
        return []
    cross = base.mark_point(shape=CROSS, size=size * 0.55, stroke="black", strokeWidth=1.6, opacity=1)
    return [cross.transform_filter("isValid(datum.truth)").encode(y=alt.Y("truth:Q"))]


def _unreliable_marks(base: alt.Chart, rows: Rows) -> list[alt.Chart]:
    if not any(row["unreliable"] for row in rows):
        return []
    letter = base.mark_text(text="u", fontSize=9, dy=-6, color=QUIET)
    return [letter.transform_filter("datum.unreliable").encode(y=alt.Y("upper:Q"))]


def _rows_axis(order: Sequence[str], *, limit: int) -> alt.Y:
    return alt.Y(
        "label:N",
        sort=list(order),
        title=None,
        axis=alt.Axis(labelColor=INK, labelLimit=limit, grid=True, gridColor=GRID, labelPadding=8),
    )


def steps(rows: Rows, *, width: int) -> dict[str, Any]:
    """Draw counts of very different size, one row a step, on a scale where each line is ten times the last.

    A row has `label`, `count` and `text`.
    """
    order = [row["label"] for row in rows]
    greatest = max((row["count"] for row in rows), default=1)
    powers = [10**power for power in range(len(str(greatest)) + 1)]
    axis = alt.Axis(values=powers, format=",d", title=None, orient="top", gridColor=GRID, labelOverlap=True)
    x = alt.X("count:Q", axis=axis, scale=alt.Scale(type="log", domain=[1, powers[-1]], nice=False))
    base = alt.Chart(_data([row for row in rows if row["count"] > 0])).encode(y=_rows_axis(order, limit=260))
    stem = base.mark_rule(color=PALE, strokeWidth=2).transform_calculate(one="1")
    layers = [
        stem.encode(x=alt.X("one:Q"), x2="count:Q"),
        base.mark_point(filled=True, size=60, color=ACCENT, opacity=1).encode(x=x),
        base.mark_text(align="left", dx=9, color=INK, fontSize=12).encode(x=x, text="text:N"),
    ]
    return specification(alt.layer(*layers).properties(width=width, height=alt.Step(30)))


def shares(rows: Rows, *, width: int) -> dict[str, Any]:
    """Draw a share for each row of labels, with those of its groups as small ticks.

    A row has `label`, `share` and `whole` (true for the dot, false for a tick of one group).
    """
    order = [row["label"] for row in rows if row["whole"]]
    least = min((row["share"] for row in rows), default=0.0)
    start = 0.0 if least < 0.5 else 0.5 if least < 0.9 else 0.9
    axis = alt.Axis(format=".0%", title=None, orient="top", tickCount=6)
    x = alt.X("share:Q", axis=axis, scale=alt.Scale(domain=[start, 1], nice=False))
    base = alt.Chart(_data(rows)).encode(x=x, y=_rows_axis(order, limit=200))
    ticks = base.transform_filter("!datum.whole").mark_tick(color=QUIET, thickness=1.5, size=11, opacity=0.7)
    dots = base.transform_filter("datum.whole").mark_point(filled=True, size=64, color=ACCENT, opacity=1)
    return specification(alt.layer(ticks, dots).properties(width=width, height=alt.Step(24)))


def ranges(rows: Rows, *, width: int, line_at: float, decimals: int = 2) -> dict[str, Any]:
    """Draw an estimate with its interval for each row of labels, and a line at a value of note.

    A row has `label`, `estimate`, `lower` and `upper`.
    """
    order = [row["label"] for row in rows]
    least, greatest = _span([*rows, {"estimate": line_at}], "lower", "upper", "estimate")
    margin = 0.05 * ((greatest - least) or 1)
    axis = alt.Axis(format=f".{decimals}f", title=None, orient="top", tickCount=6)
    scale = alt.Scale(domain=[least - margin, greatest + margin], nice=False, zero=False)
    base = alt.Chart(_data(rows)).encode(y=_rows_axis(order, limit=260))
    note = alt.Chart(_data([{"at": line_at}])).mark_rule(color=QUIET, strokeDash=[3, 3])
    layers = [
        note.encode(x=alt.X("at:Q", scale=scale, axis=axis)),
        base.mark_rule(strokeWidth=2, color=ACCENT, strokeCap="round").encode(
            x=alt.X("lower:Q", scale=scale, axis=axis), x2="upper:Q"
        ),
        base.mark_point(filled=True, size=52, color=ACCENT, opacity=1).encode(
            x=alt.X("estimate:Q", scale=scale, axis=axis)
        ),
    ]
    return specification(alt.layer(*layers).properties(width=width, height=alt.Step(24)))


def level_weights(rows: Rows, domain: Sequence[float], *, width: int) -> dict[str, Any]:
    """Draw the match weight of each level of each comparison of one model, levels that took a default outlined.

    A row has `label`, `weight` and `by_default`; a row without a weight is the heading of a comparison.
    """
    numbered = [{**row, "label": f"{place}|{row['label']}"} for place, row in enumerate(rows)]
    headings = [row["label"] for row in numbered if row["weight"] is None]
    bold = alt.condition(
        alt.FieldOneOfPredicate(field="value", oneOf=headings), alt.value("bold"), alt.value("normal")
    )
    axis = alt.Axis(
        labelExpr="slice(datum.label, indexof(datum.label, '|') + 1)", labelFontWeight=bold, labelColor=INK,
        labelLimit=150, labelFontSize=10, grid=False, title=None,
    )  # fmt: skip
    y = alt.Y("label:N", sort=[row["label"] for row in numbered], axis=axis)
    x = alt.X(
        "weight:Q",
        axis=alt.Axis(title=None, orient="top", tickCount=5, format="+d"),
        scale=alt.Scale(domain=list(domain), nice=False),
    )
    sign = alt.condition("datum.weight < 0", alt.value(COLOURS["emigration"]), alt.value(ACCENT))
    filled = alt.condition("datum.by_default", alt.value(0), alt.value(1))
    bars = (
        alt.Chart(_data(numbered))
        .mark_bar(height=7, strokeWidth=1)
        .encode(x=x, y=y, color=sign, stroke=sign, fillOpacity=filled)
    )
    zero = alt.Chart(_data([{"zero": 0}])).mark_rule(color=QUIET, strokeWidth=1).encode(x="zero:Q")
    return specification(alt.layer(bars, zero).properties(width=width, height=alt.Step(13)))


def weight_histogram(rows: Rows, *, width: int, height: int) -> dict[str, Any]:
    """Draw how many pairs have which match weight: accepted links filled, other pairs above the floor outlined.

    A row has `weight` (the lower edge of a bin of width 1), `accepted` and `pairs`.
    """
    x = alt.X("weight:Q", axis=alt.Axis(title=None, format="d", tickCount=6, grid=False))
    y = alt.Y("sum(pairs):Q", axis=alt.Axis(title=None, format=",d", tickCount=4), stack="zero")
    fill = alt.condition("datum.accepted", alt.value(ACCENT), alt.value("white"))
    bars = (
        alt.Chart(_data(rows))
        .transform_calculate(end="datum.weight + 1", rank="datum.accepted ? 0 : 1")
        .mark_bar(strokeWidth=0.8, stroke=ACCENT)
        .encode(x=x, x2="end:Q", y=y, fill=fill, order=alt.Order("rank:Q"), detail="accepted:N")
    )
    return specification(alt.layer(bars).properties(width=width, height=height))


def misses(rows: Rows, *, width: int) -> dict[str, Any]:
    """Draw how far the truth lies from each estimate, in half widths of its interval: within 1 is inside.

    A row has `label`, `measure` and `distance`.
    """
    order = list(dict.fromkeys(row["label"] for row in rows))
    reach = max(1.5, *(abs(row["distance"]) for row in rows)) * 1.05
    band = alt.Chart(_data([{"from": -1, "to": 1}])).mark_rect(color=PALE, opacity=0.45)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(title=None, orient="top", tickCount=5, format="+.1~f")
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    encoding = {
        "x": alt.X("distance:Q", scale=scale, axis=axis),
        "y": _rows_axis(order, limit=150),
        "color": alt.Color(
            "measure:N",
            legend=None,
            scale=alt.Scale(domain=measures, range=[COLOURS[measure] for measure in measures]),
        ),
        "shape": alt.Shape(
            "measure:N",
            legend=None,
            scale=alt.Scale(domain=measures, range=[SHAPES[measure] for measure in measures]),
        ),
    }
    points = alt.Chart(_data(rows)).mark_point(size=34, strokeWidth=1.3, opacity=0.9).encode(**encoding)
    area = band.encode(x=alt.X("from:Q", scale=scale, axis=axis), x2="to:Q")
    return specification(alt.layer(area, points).properties(width=width, height=alt.Step(22)))
