"""The figures of migration flows: totals by year, by group of people, and by quarter."""

import polars as pl

from publication import words
from publication.charts.interval_charts import estimates_over_time, value_domain
from publication.charts.svg import draw
from publication.figures.estimate_points import describe_all, describe_latest, legend_of, points
from publication.figures.figure import Figure, Panel
from publication.row_selection import DIMENSIONS, FLOW_MEASURES, marginal, quarterly, totals, yearly


def totals_figure(flows: pl.DataFrame) -> Figure | None:
    """Return the flows of each year, a panel a measure; None without flows."""
    rows = totals(yearly(flows))
    if rows.is_empty():
        return None
    drawn = points(rows, "%Y")
    panels = []
    for measure in FLOW_MEASURES:
        own = [row for row in drawn if row["measure"] == measure]
        chart = estimates_over_time(own, [measure], value_domain(own, from_zero=True), width=270, height=190)
        alternative = describe_all(own, f"{words.MEASURES[measure]} by year ending June")
        panels.append(Panel(words.MEASURES[measure], draw(chart, alternative, f"totals-{measure}")))
    return Figure(
        id="figure-totals",
        finding=net_finding(rows),
        panels=tuple(panels),
        note="Number of people, years ending June. Each panel has its own scale; vertical lines are 95% intervals.",
        csv="flows.csv",
        legend=legend_of(drawn),
        columns=3,
    )


def net_finding(rows: pl.DataFrame) -> str:
    """Return the latest net migration and its change on the year before, from its yearly totals."""
    net = rows.filter(pl.col("measure") == "net").sort("period_end").to_dicts()
    if not net:
        return "Migration by year"
    now = net[-1]
    when = words.period(now["period_start"], now["period_end"])
    finding = f"Net migration in the {when} is estimated at {words.number(now['estimate'])}"
    if len(net) < 2:
        return finding
    return f"{finding}, {words.change(now, net[-2])} {words.number(net[-2]['estimate'])} a year earlier"


def group_figure(flows: pl.DataFrame, dimension: str) -> Figure | None:
    """Return the flows of each year by one dimension, a panel a group on one scale; None without rows."""
    rows = marginal(yearly(flows), dimension)
    if rows.is_empty():
        return None
    drawn = points(rows, "%Y")
    domain = value_domain(drawn, from_zero=True)
    groups = [group for group in DIMENSIONS[dimension] if group in set(rows[dimension])]
    width = {2: 385, 4: 192, 5: 148}.get(len(groups), 192)
    panels = []
    for group in groups:
        own = [row for row in drawn if row[dimension] == group]
        chart = estimates_over_time(own, FLOW_MEASURES, domain, width=width, height=180)
        heading = group_heading(dimension, group)
        panels.append(Panel(heading, draw(chart, describe_latest(own, heading), f"{dimension}-{len(panels)}")))
    return Figure(
        id=f"figure-{dimension.replace('_', '-')}",
        finding=_largest_group(rows, dimension),
        panels=tuple(panels),
        note="Number of people, years ending June. All panels share one scale; vertical lines are 95% intervals.",
        csv="flows.csv",
        legend=legend_of(drawn, FLOW_MEASURES),
        columns=len(groups),
    )


def group_heading(dimension: str, group: str) -> str:
    """Return the heading of a panel or row about one group of people."""
    short = words.name(group, short=True)
    return f"Aged {short}" if dimension == "age_group" else short


def _largest_group(rows: pl.DataFrame, dimension: str) -> str:
    last = rows.filter(pl.col("measure") == "immigration", pl.col("period_end") == pl.col("period_end").max())
    if last.is_empty():
        return f"Migration by {words.plain(dimension)}"
    ranked = last.sort("estimate", dimension, descending=[True, False]).to_dicts()
    first, when = ranked[0], words.period(ranked[0]["period_start"], ranked[0]["period_end"])
    all_groups = sum(row["estimate"] for row in ranked)
    total = words.number(all_groups)
    if len(ranked) > 1 and first["lower"] <= ranked[1]["upper"]:
        leading = [f"{words.number(row['estimate'])} {words.name(row[dimension])}" for row in ranked[:2]]
        return f"The {total} immigrants in the {when} included {words.listed(leading)}, too close to rank"
    share = f"{words.number(first['estimate'])} of {total}"
    if first["estimate"] > all_groups / 2:
        return f"Most immigrants in the {when} were {words.name(first[dimension])}: {share}"
    return f"The largest group of immigrants in the {when} was {words.name(first[dimension])}: {share}"


def quarters_figure(flows: pl.DataFrame) -> Figure | None:
    """Return the flows of each quarter, a panel a measure; None without quarters."""
    rows = totals(quarterly(flows))
    if rows.is_empty():
        return None
    ends = pl.col("period_end")
    rows = rows.with_columns(quarter=ends.dt.year() + ends.dt.month() / 12)
    drawn = [row | {"time": round(row["quarter"], 4)} for row in points(rows, "%B %Y")]
    panels = []
    for measure in FLOW_MEASURES:
        own = [row for row in drawn if row["measure"] == measure]
        domain = value_domain(own, from_zero=True)
        chart = estimates_over_time(own, [measure], domain, width=270, height=160, by_year=False)
        alternative = describe_all(own[-4:], f"{words.MEASURES[measure]} by quarter, the last four")
        panels.append(Panel(words.MEASURES[measure], draw(chart, alternative, f"quarters-{measure}")))
    return Figure(
        id="figure-quarters",
        finding=_peak_quarter(rows),
        panels=tuple(panels),
        note="Number of people, by end of quarter; the four quarters of a year add up to it. "
        "Vertical grid lines mark 1 January.",
        csv="flows.csv",
        legend=legend_of(drawn),
        columns=3,
    )


def _peak_quarter(rows: pl.DataFrame) -> str:
    by_month = (
        rows.filter(pl.col("measure") == "immigration")
        .sort("period_end")
        .group_by(pl.col("period_end").dt.month().alias("month"), maintain_order=True)
        .agg(pl.col("estimate").sum(), pl.col("period_start").first(), pl.col("period_end").first())
    )
    total = by_month["estimate"].sum()
    if not total:
        return "Migration by quarter"
    peak = by_month.sort("estimate", "month", descending=[True, False]).row(0, named=True)
    months = f"{peak['period_start']:%B} to {peak['period_end']:%B}"
    return f"{months} accounts for {words.percent(peak['estimate'] / total, 0)} of annual immigration"
