"""The charts of a page of targets: what a study shows beside what is published, and how lags are spread."""

from publication.charts import ACCENT, AGAINST, INK, PALE, PEOPLE, Rows, Specification, at, chart, layer, span

DIAMOND = "M0,-1L1,0L0,1L-1,0Z"


def held_against(rows: Rows, *, width: int, shares: bool, labels: int) -> Specification:
    """Draw for each row of labels the published figure in its tolerance, and what the study shows.

    A row has `label`, `published`, `lower`, `upper`, `value` (None where the study cannot show it) and `holds`.
    `labels` is the room for labels, the same for panels that stand side by side.
    """
    room = {"labelColor": INK, "labelLimit": labels, "minExtent": labels, "maxExtent": labels, "grid": True}
    y = at("label", "nominal", sort=[row["label"] for row in rows], axis=room | {"labelPadding": 8})
    least, greatest = span(rows, "lower", "upper", "value")
    margin = 0.04 * ((greatest - least) or 1)
    number = {"format": ".2~%"} if shares else {"labelExpr": PEOPLE}
    look = {
        "axis": {"orient": "top", "tickCount": 4, **number},
        "scale": {"domain": [least - margin, greatest + margin], "nice": False, "zero": False},
    }
    seen = "isValid(datum.value) && "
    study = {"x": at("value") | look, "y": y}
    layers = [
        layer("rule", {"x": at("lower") | look, "x2": {"field": "upper"}, "y": y}, strokeWidth=11, color=PALE),
        layer("tick", {"x": at("published") | look, "y": y}, color=INK, thickness=1.6, size=15),
        layer("point", study, f"{seen}datum.holds", filled=True, size=58, color=ACCENT, opacity=1),
        layer(
            "point", study, f"{seen}!datum.holds", shape=DIAMOND, size=58, fill="white", stroke=AGAINST,
            strokeWidth=2, opacity=1,
        ),
    ]  # fmt: skip
    return chart(layers, rows, width, {"step": 21})


def bins(rows: Rows, *, width: int, height: int) -> Specification:
    """Draw the share of each bin; a row has `bin` and `share`, in the order of the bins."""
    x = at("bin", "ordinal", sort=[row["bin"] for row in rows], axis={"labelAngle": 0, "labelOverlap": False})
    y = at("share", axis={"format": ".0%", "tickCount": 4, "minExtent": 34, "maxExtent": 34})
    return chart([layer("bar", {"x": x, "y": y}, color=ACCENT, width=24)], rows, width, height)
