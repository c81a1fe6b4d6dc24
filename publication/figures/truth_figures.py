"""The figure of an evaluated run: the distance of the truth from each yearly estimate."""

from typing import Any

import polars as pl

from publication.charts.interval_charts import truth_in_half_widths
from publication.charts.svg import draw
from publication.figures.figure import Figure, Panel
from publication.figures.flow_figures import group_heading
from publication.row_selection import DIMENSIONS, FLOW_MEASURES, marginal, totals


def truth_figure(flows: pl.DataFrame) -> Figure | None:
    """Return the distance of the truth from each yearly estimate, in half widths of its interval; None without truth.

    `flows` are those of whole years, with a column `truth`.
    """
    rows: list[dict[str, Any]] = []
    parts = [("Total", totals(flows))]
    for dimension, codes in DIMENSIONS.items():
        by_group = marginal(flows, dimension)
        parts += [(group_heading(dimension, code), by_group.filter(pl.col(dimension) == code)) for code in codes]
    for label, part in parts:
        for row in part.drop_nulls("truth").to_dicts():
            half = (row["upper"] - row["lower"]) / 2
            if half > 0:
                middle = (row["upper"] + row["lower"]) / 2
                distance = round((row["truth"] - middle) / half, 3)
                rows.append({"label": label, "measure": row["measure"], "distance": distance})
    if not rows:
        return None
    within = sum(abs(row["distance"]) <= 1 for row in rows)
    alternative = f"For {within} of {len(rows)} yearly flows, the 95% interval contains the truth."
    chart = truth_in_half_widths(rows, width=520)
    return Figure(
        id="figure-misses",
        finding=f"The 95% intervals of {within} of {len(rows)} yearly flows contain the truth",
        panels=(Panel("", draw(chart, alternative, "misses")),),
        note="Truth minus estimate, in half widths of the 95% interval: within the band from -1 to +1 the interval "
        "contains the truth. One mark for each year.",
        csv="evaluation/flows.csv",
        legend=FLOW_MEASURES,
    )
