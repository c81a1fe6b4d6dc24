"""The figure of the usually resident population on each reference day."""

from typing import Any

import polars as pl

from publication import words
from publication.charts.interval_charts import estimates_over_time, value_domain
from publication.charts.svg import draw
from publication.figures.estimate_points import describe_all, legend_of, points
from publication.figures.figure import Figure, Panel
from publication.row_selection import DIMENSIONS, marginal, totals


def stocks_figure(stocks: pl.DataFrame) -> Figure | None:
    """Return the population on each reference day, in total and by nationality group; None without stocks."""
    whole = totals(stocks)
    if whole.is_empty():
        return None
    panels = []
    parts = [("All residents", whole)]
    groups = marginal(stocks, "nationality_group")
    for group in DIMENSIONS["nationality_group"] if groups.height else ():
        rows = groups.filter(pl.col("nationality_group") == group)
        if rows.height:
            parts.append((words.name(group, short=True), rows))
    drawn: list[dict[str, Any]] = []
    for heading, rows in parts:
        own = points(rows.with_columns(period_end=pl.col("reference_date")), "%Y")
        drawn += own
        domain = value_domain(own, from_zero=False)
        chart = estimates_over_time(own, ["population"], domain, width=140, height=170)
        alternative = describe_all(own, f"Population on 30 June, {heading}")
        panels.append(Panel(heading, draw(chart, alternative, f"stocks-{len(panels)}")))
    return Figure(
        id="figure-stocks",
        finding=_finding(whole),
        panels=tuple(panels),
        note="Usual residents on 30 June. Each panel has its own scale, which does not start at zero; "
        "vertical lines are 95% intervals.",
        csv="stocks.csv",
        legend=legend_of(drawn),
        columns=5,
    )


def _finding(whole: pl.DataFrame) -> str:
    days = whole.sort("reference_date").to_dicts()
    now = days[-1]
    finding = f"The population on {words.day(now['reference_date'])} is estimated at {words.number(now['estimate'])}"
    if len(days) < 2:
        return finding
    return f"{finding}, {words.change(now, days[-2])} {words.number(days[-2]['estimate'])} a year earlier"
