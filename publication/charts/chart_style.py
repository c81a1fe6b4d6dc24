"""What all charts share: colours, fonts, axes, and the small parts from which a specification is put together.

Specifications are written as plain dictionaries: a library that builds them checks each part against a schema
many times over, which takes longer than the drawing.

Colour never carries a meaning alone: series differ in shape, provisional figures are hollow, unreliable ones
pale, default values outlined, and the truth is a cross. No panel is wider than a telephone screen; wide figures
have several panels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]
Specification = dict[str, Any]

TEXT = "#1d2733"
MUTED = "#66717d"
GRID = "#e4e7ea"
ACCENT = "#206095"
CONTRAST = "#b3500c"
PALE = "#c9d8e6"
MEASURE_COLOURS = {"immigration": ACCENT, "emigration": CONTRAST, "net": "#6b2a6b", "population": ACCENT}
MEASURE_SHAPES = {"immigration": "circle", "emigration": "square", "net": "diamond", "population": "circle"}
SIGNED_LABEL = "datum.value == 0 ? '0' : format(datum.value, '+~g')"
# Whole people up to 99,999, then thousands (k) and millions (M). Every axis takes the same width, so that panels
# side by side have the same size.
PEOPLE_LABEL = "abs(datum.value) < 1e5 ? format(datum.value, ',d') : format(datum.value, '.4~s')"
PEOPLE_AXIS = {"labelExpr": PEOPLE_LABEL, "tickMinStep": 1, "grid": True, "minExtent": 42, "maxExtent": 42}
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
STYLE: Specification = {
    "background": "transparent",
    "padding": 2,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "title": None, "labelFontSize": 11, "labelColor": MUTED, "labelPadding": 5, "gridColor": GRID,
        "domain": False, "ticks": False,
    },
}  # fmt: skip


def chart(layers: Sequence[Specification], rows: Rows, width: int, height: int | Specification) -> Specification:
    """Return a complete specification: layers over the same rows, in the common style."""
    return {
        "config": STYLE,
        "data": {"values": [dict(row) for row in rows]},
        "width": width,
        "height": height,
        "layer": list(layers),
    }


def side_by_side(panels: Mapping[str, Specification], title: str, subtitle: str) -> Specification:
    """Return one specification of several charts in a row, by heading, for a picture in a file of its own."""
    parts = [
        {name: part for name, part in panel.items() if name != "config"}
        | {"title": {"text": heading, "anchor": "start", "frame": "group", "fontSize": 12, "color": TEXT}}
        for heading, panel in panels.items()
    ]
    return {
        "config": STYLE | {"background": "white", "padding": 18},
        "title": {
            "text": title, "subtitle": subtitle, "anchor": "start", "fontSize": 16, "color": TEXT,
            "subtitleFontSize": 12, "subtitleColor": MUTED, "subtitlePadding": 5, "offset": 14,
        },
        "hconcat": parts,
        "spacing": 22,
        "resolve": {"scale": dict.fromkeys(("color", "fill", "shape", "stroke"), "independent")},
    }  # fmt: skip


def layer(mark: str, encoding: Specification, where: str | None = None, **properties: Any) -> Specification:
    """Return one layer: a kind of mark, how the columns of the rows set it, and for which rows it is drawn."""
    drawn: Specification = {"mark": {"type": mark, **properties}, "encoding": encoding}
    return drawn if where is None else drawn | {"transform": [{"filter": where}]}


def by_column(field: str, kind: str = "quantitative", **more: Any) -> Specification:
    """Return an encoding that takes its values from a column."""
    return {"field": field, "type": kind, **more}


def by_measure(measures: Sequence[str], values: Mapping[str, str]) -> Specification:
    """Return an encoding that gives each measure its own colour or shape."""
    scale = {"domain": list(measures), "range": [values[measure] for measure in measures]}
    return by_column("measure", "nominal", legend=None, scale=scale)


def conditional(test: str, value: object, otherwise: object) -> Specification:
    """Return an encoding with one value for rows that pass a test and another for all other rows."""
    return {"condition": {"test": test, "value": value}, "value": otherwise}


def drawn_once(of: Specification) -> Specification:
    """Return a layer that is drawn once in its panel, not once for each row."""
    return of | {"data": {"values": [{}]}}


def line_at(value: float, channel: str, axis_and_scale: Specification, **properties: Any) -> Specification:
    """Return a line across the panel at one value of an axis; `axis_and_scale` are those of the other layers."""
    datum = {"datum": value, "type": "quantitative", **axis_and_scale}
    return drawn_once(layer("rule", {channel: datum}, color=MUTED, **properties))


def labels_axis(order: Sequence[str], limit: int) -> Specification:
    """Return a vertical axis with one label for each row, in this order, cut to `limit` pixels."""
    axis = {"labelColor": TEXT, "labelLimit": limit, "grid": True, "labelPadding": 8}
    return by_column("label", "nominal", sort=list(order), axis=axis)


def extent(rows: Rows, *columns: str) -> list[float]:
    """Return the least and the greatest value in the columns."""
    values = [row[column] for row in rows for column in columns if row.get(column) is not None]
    return [min(values), max(values)] if values else [0.0, 1.0]
