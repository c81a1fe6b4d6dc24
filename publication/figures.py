"""The figures of a report on what was estimated: which rows are drawn, and what they show, in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from publication import charts, words
from publication.published import DIMENSIONS, margin, quarterly, totals, yearly
from publication.svg import draw

FLOW_MEASURES = ("immigration", "emigration", "net")


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure, with its own heading where a figure has several."""

    heading: str
    svg: str


@dataclass(frozen=True)
class Figure:
    """One figure: its finding in words as the title, its drawings, how to read them, and its numbers.

    `csv` holds the numbers (a file in `tables/`, or a path from the report); `key` names the signs that the
    legend explains; `columns` is how many panels stand side by side.
    """

    id: str
    finding: str
    panels: tuple[Panel, ...]
    note: str
    csv: str
    key: tuple[str, ...] = field(default=())
    columns: int = 1


def totals_figure(flows: pl.DataFrame) -> Figure | None:
    """Return the flows of each year, a panel a measure; None without flows."""
    rows = totals(yearly(flows))
    if rows.is_empty():
        return None
    drawn = interval_rows(rows, "%Y")
    panels = []
    for measure in FLOW_MEASURES:
        own = [row for row in drawn if row["measure"] == measure]
        domain = charts.value_domain(own, from_zero=True)
        picture = charts.intervals(own, [measure], domain, width=270, height=190)
        told = _told(own, f"{words.MEASURES[measure]} by year ending June")
        panels.append(Panel(words.MEASURES[measure], draw(picture, told, f"totals-{measure}")))
    return Figure(
        id="figure-totals",
        finding=net_finding(rows),
        panels=tuple(panels),
        note="People, by year ending June, each panel on its own scale; vertical lines are 95% intervals.",
        csv="flows.csv",
        key=_key(drawn, ()),
        columns=3,
    )


def net_finding(rows: pl.DataFrame) -> str:
    """Return what net migration did, from its yearly totals."""
    net = rows.filter(pl.col("measure") == "net").sort("period_end").to_dicts()
    if not net:
        return "Migration by year"
    now = net[-1]
    when = words.period(now["period_start"], now["period_end"])
    said = f"Net migration in the {when} is estimated at {words.number(now['estimate'])}"
    if len(net) < 2:
        return said
    return f"{said}, {words.change(now, net[-2])} {words.number(net[-2]['estimate'])} a year before"


def margin_figure(flows: pl.DataFrame, dimension: str) -> Figure | None:
    """Return the flows of each year by one dimension, a panel a group on one scale; None without rows."""
    rows = margin(yearly(flows), dimension)
    if rows.is_empty():
        return None
    drawn = interval_rows(rows, "%Y")
    domain = charts.value_domain(drawn, from_zero=True)
    groups = [group for group in DIMENSIONS[dimension] if group in set(rows[dimension])]
    width = {2: 385, 4: 192, 5: 148}.get(len(groups), 192)
    panels = []
    for group in groups:
        own = [row for row in drawn if row[dimension] == group]
        picture = charts.intervals(own, FLOW_MEASURES, domain, width=width, height=180)
        heading = _group_heading(dimension, group)
        panels.append(Panel(heading, draw(picture, _latest_told(own, heading), f"{dimension}-{len(panels)}")))
    return Figure(
        id=f"figure-{dimension.replace('_', '-')}",
        finding=_largest_group(rows, dimension),
        panels=tuple(panels),
        note="People, by year ending June, all panels on one scale; vertical lines are 95% intervals.",
        csv="flows.csv",
        key=_key(drawn, FLOW_MEASURES),
        columns=len(groups),
    )


def _group_heading(dimension: str, group: str) -> str:
    short = words.name(group, short=True)
    return f"Aged {short}" if dimension == "age_group" else short


def _largest_group(rows: pl.DataFrame, dimension: str) -> str:
    last = rows.filter(pl.col("measure") == "immigration", pl.col("period_end") == pl.col("period_end").max())
    if last.is_empty():
        return f"Migration by {dimension.replace('_', ' ')}"
    ranked = last.sort("estimate", dimension, descending=[True, False]).to_dicts()
    first, when = ranked[0], words.period(ranked[0]["period_start"], ranked[0]["period_end"])
    everybody = sum(row["estimate"] for row in ranked)
    total = words.number(everybody)
    if len(ranked) > 1 and first["lower"] <= ranked[1]["upper"]:
        leading = [f"{words.number(row['estimate'])} {words.name(row[dimension])}" for row in ranked[:2]]
        return f"Among {total} immigrants of the {when} are {words.listed(leading)}, too near each other to rank"
    group = f"{words.name(first[dimension])}: {words.number(first['estimate'])} of {total}"
    if first["estimate"] > everybody / 2:
        return f"Most immigrants of the {when} are {group}"
    return f"The largest group of immigrants of the {when} are {group}"


def quarters_figure(flows: pl.DataFrame) -> Figure | None:
    """Return the flows of each quarter, a panel a measure; None without quarters."""
    rows = totals(quarterly(flows))
    if rows.is_empty():
        return None
    ends = pl.col("period_end")
    rows = rows.with_columns(quarter=ends.dt.year() + ends.dt.month() / 12)
    drawn = [row | {"time": round(row["quarter"], 4)} for row in interval_rows(rows, "%B %Y")]
    panels = []
    for measure in FLOW_MEASURES:
        own = [row for row in drawn if row["measure"] == measure]
        domain = charts.value_domain(own, from_zero=True)
        picture = charts.intervals(own, [measure], domain, width=270, height=160, by_year=False)
        told = _told(own[-4:], f"{words.MEASURES[measure]} by quarter, the last four")
        panels.append(Panel(words.MEASURES[measure], draw(picture, told, f"quarters-{measure}")))
    return Figure(
        id="figure-quarters",
        finding=_season(rows),
        panels=tuple(panels),
        note="People, by the end of the quarter; four quarters add up to their year. A line marks 1 January.",
        csv="flows.csv",
        key=_key(drawn, ()),
        columns=3,
    )


def _season(rows: pl.DataFrame) -> str:
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
    return f"{months} brings {words.percent(peak['estimate'] / total, 0)} of a year's immigrants"


def stocks_figure(stocks: pl.DataFrame) -> Figure | None:
    """Return the population on each reference day, in all and by nationality group; None without stocks."""
    whole = totals(stocks)
    if whole.is_empty():
        return None
    panels = []
    parts = [("All residents", whole)]
    groups = margin(stocks, "nationality_group")
    for group in DIMENSIONS["nationality_group"] if groups.height else ():
        rows = groups.filter(pl.col("nationality_group") == group)
        if rows.height:
            parts.append((words.name(group, short=True), rows))
    drawn: list[dict[str, Any]] = []
    for heading, rows in parts:
        own = interval_rows(rows.with_columns(period_end=pl.col("reference_date")), "%Y")
        drawn += own
        domain = charts.value_domain(own, from_zero=False)
        picture = charts.intervals(own, ["population"], domain, width=140, height=170)
        told = _told(own, f"Population on 30 June, {heading}")
        panels.append(Panel(heading, draw(picture, told, f"stocks-{len(panels)}")))
    return Figure(
        id="figure-stocks",
        finding=_stock_finding(whole),
        panels=tuple(panels),
        note="Residents on 30 June, each panel on its own scale that does not start at zero; "
        "vertical lines are 95% intervals.",
        csv="stocks.csv",
        key=_key(drawn, ()),
        columns=5,
    )


def _stock_finding(whole: pl.DataFrame) -> str:
    days = whole.sort("reference_date").to_dicts()
    now = days[-1]
    said = f"The population on {words.day(now['reference_date'])} is estimated at {words.number(now['estimate'])}"
    if len(days) < 2:
        return said
    return f"{said}, {words.change(now, days[-2])} {words.number(days[-2]['estimate'])} a year before"


def misses_figure(scored: pl.DataFrame) -> Figure | None:
    """Return how far the truth lies from each yearly estimate, in half widths of its interval."""
    rows: list[dict[str, Any]] = []
    parts = [("Total", totals(scored))]
    for dimension, codes in DIMENSIONS.items():
        by_group = margin(scored, dimension)
        parts += [(_group_heading(dimension, code), by_group.filter(pl.col(dimension) == code)) for code in codes]
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
    told = f"{within} of {len(rows)} yearly flows hold the truth inside their 95% interval."
    picture = charts.misses(rows, width=520)
    return Figure(
        id="figure-misses",
        finding=f"The truth lies inside the interval of {within} of {len(rows)} yearly flows",
        panels=(Panel("", draw(picture, told, "misses")),),
        note="Truth less estimate, in half widths of the 95% interval: inside the band between -1 and +1 the "
        "interval holds the truth. One mark a year.",
        csv="evaluation/flows.csv",
        key=FLOW_MEASURES,
    )


def interval_rows(rows: pl.DataFrame, time_format: str) -> list[dict[str, Any]]:
    """Return rows for a chart of intervals, in order of time, rounded so that a drawing stays small."""
    figures = [pl.col(name).cast(pl.Float64).round(2) for name in ("estimate", "lower", "upper", "truth")]
    keep = [name for name in (*DIMENSIONS, "quarter") if name in rows.columns]
    return (
        rows.sort("period_end", "measure")
        .select(
            *keep,
            *figures,
            "measure",
            time=pl.col("period_end").dt.strftime(time_format),
            says=pl.col("period_end").dt.strftime(time_format),
            provisional=pl.col("status") == "provisional",
            unreliable=pl.col("reliability") == "unreliable",
        )
        .drop_nulls("estimate")
        .to_dicts()
    )


def _told(rows: Sequence[dict[str, Any]], subject: str) -> str:
    """Return one sentence that tells every point of a panel."""
    return f"{subject}: {'; '.join(_point_told(row, row['says']) for row in rows)}."


def _latest_told(rows: Sequence[dict[str, Any]], heading: str) -> str:
    """Return one sentence that tells the latest year of a panel of three measures."""
    last = [row for row in rows if row["time"] == rows[-1]["time"]]
    ordered = sorted(last, key=lambda row: FLOW_MEASURES.index(row["measure"]))
    points = "; ".join(_point_told(row, words.MEASURES[row["measure"]].lower()) for row in ordered)
    return f"{heading}, migration by year ending June; in {rows[-1]['says']}: {points}."


def _point_told(row: dict[str, Any], subject: str) -> str:
    truth = "" if row["truth"] is None else f", truth {words.number(row['truth'])}"
    return f"{subject} {words.number(row['estimate'])} (95% interval {words.interval(row)}{truth})"


def _key(rows: Sequence[dict[str, Any]], measures: tuple[str, ...]) -> tuple[str, ...]:
    signs = list(measures)
    if any(row["provisional"] for row in rows):
        signs += ["final", "provisional"]
    if any(row["unreliable"] for row in rows):
        signs.append("unreliable")
    if any(row["truth"] is not None for row in rows):
        signs.append("truth")
    return tuple(signs)
