"""Charts of the page of targets: a study beside the published figures, and the distribution of a lag."""

from publication.charts.chart_style import (
    ACCENT,
    CONTRAST,
    PALE,
    PEOPLE_LABEL,
    TEXT,
    Rows,
    Specification,
    by_column,
    chart,
    extent,
    layer,
)

DIAMOND = "M0,-1L1,0L0,1L-1,0Z"


def study_and_published(rows: Rows, *, width: int, shares: bool, label_width: int) -> Specification:
    """Draw for each label the published figure with its tolerance, and the figure of the study.

    A row has `label`, `published`, `lower`, `upper`, `value` (None where the study cannot give one) and `met`.
    `label_width` (pixels) is the same for panels that stand side by side.
    """
    room = {"labelColor": TEXT, "labelLimit": label_width, "minExtent": label_width, "maxExtent": label_width}
    axis = room | {"grid": True, "labelPadding": 8}
    y = by_column("label", "nominal", sort=[row["label"] for row in rows], axis=axis)
    least, greatest = extent(rows, "lower", "upper", "value")
    padding = 0.04 * ((greatest - least) or 1)
    number = {"format": ".2~%"} if shares else {"labelExpr": PEOPLE_LABEL}
    x = {
        "axis": {"orient": "top", "tickCount": 4, **number},
        "scale": {"domain": [least - padding, greatest + padding], "nice": False, "zero": False},
    }
    has_value = "isValid(datum.value) && "
    study = {"x": by_column("value") | x, "y": y}
    layers = [
        layer("rule", {"x": by_column("lower") | x, "x2": {"field": "upper"}, "y": y}, strokeWidth=11, color=PALE),
        layer("tick", {"x": by_column("published") | x, "y": y}, color=TEXT, thickness=1.6, size=15),
        layer("point", study, f"{has_value}datum.met", filled=True, size=58, color=ACCENT, opacity=1),
        layer(
            "point", study, f"{has_value}!datum.met", shape=DIAMOND, size=58, fill="white", stroke=CONTRAST,
            strokeWidth=2, opacity=1,
        ),
    ]  # fmt: skip
    return chart(layers, rows, width, {"step": 21})


def share_by_bin(rows: Rows, *, width: int, height: int) -> Specification:
    """Draw the share in each bin; a row has `bin` and `share`, in the order of the bins."""
    x = by_column("bin", "ordinal", sort=[row["bin"] for row in rows], axis={"labelAngle": 0, "labelOverlap": False})
    y = by_column("share", axis={"format": ".0%", "tickCount": 4, "minExtent": 34, "maxExtent": 34})
    return chart([layer("bar", {"x": x, "y": y}, color=ACCENT, width=24)], rows, width, height)
