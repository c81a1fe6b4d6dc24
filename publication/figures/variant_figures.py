"""The figures of variants of a run: estimates by the value of a parameter, and the sensitivity of net migration."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from pipeline.schemas import ALL
from publication import words
from publication.charts.svg import draw
from publication.charts.variant_charts import estimate_by_value, tornado
from publication.figures.figure import Figure, Panel

ENDS = ("at_low", "at_high")


def sweep_figure(
    estimates: pl.DataFrame, parameter: str, says: str, own_value: float, others: Mapping[str, float]
) -> Figure:
    """Return totals of the latest year by the values of one parameter, a panel a measure.

    `estimates` has a column for every parameter; of `others` the rows of the value nearest to that of the run are
    drawn.
    """
    rows = estimates.filter(pl.col("group") == ALL)
    for name, value in others.items():
        nearest = min(rows[name].unique().sort().to_list(), key=lambda one: abs(one - value))
        rows = rows.filter(pl.col(name) == nearest)
    last = rows.filter(pl.col("measure") == "net")["period"].max()
    rows = rows.filter(pl.col("period") == last).sort(parameter)
    panels = []
    for measure in words.MEASURES:
        own = [
            {"value": row[parameter], "estimate": row["estimate"], "truth": row.get("truth")}
            for row in rows.filter(pl.col("measure") == measure).iter_rows(named=True)
        ]
        if own:
            specification = estimate_by_value(own, measure, own_value, width=270, height=180)
            alternative = f"{words.MEASURES[measure]} by {parameter}: " + "; ".join(
                f"{row['value']:g}: {words.number(row['estimate'])}" for row in own
            )
            name = f"sweep-{parameter.replace('.', '-')}-{measure}"
            panels.append(Panel(words.MEASURES[measure], draw(specification, alternative, name)))
    return Figure(
        id=f"figure-{parameter.replace('.', '-')}",
        finding=_finding(rows, parameter),
        panels=tuple(panels),
        note=f"{says} The dashed line is the value of the run; each panel has its own scale.",
        csv="./sweep.csv",
        legend=("truth",) if "truth" in rows.columns else (),
        columns=2,
    )


def _finding(rows: pl.DataFrame, parameter: str) -> str:
    net = rows.filter(pl.col("measure") == "net").to_dicts()
    first, last = net[0], net[-1]
    return (
        f"Net migration in the year ending {last['period']:%B %Y} is {words.number(first['estimate'])} with "
        f"{parameter} = {first[parameter]:g}, and {words.number(last['estimate'])} with {last[parameter]:g}"
    )


def tornado_figure(rows: Sequence[Mapping[str, Any]], interval: tuple[float, float] | None, period: date) -> Figure:
    """Return the tornado; a row has `parameter`, `low`, `high`, and the changes `at_low` and `at_high`."""
    drawn = [
        {"label": f"{row['parameter']} ({row['low']:g} to {row['high']:g})"} | {end: row[end] for end in ENDS}
        for row in rows
    ]
    alternative = "Change of net migration at both ends of the range of each parameter. " + "; ".join(
        f"{row['label']}: {row['at_low']:+,.0f} and {row['at_high']:+,.0f}" for row in drawn
    )
    most = max(rows, key=lambda row: max(abs(row["at_low"]), abs(row["at_high"])))
    change = max((most["at_low"], most["at_high"]), key=abs)
    return Figure(
        id="figure-sensitivity",
        finding=f"{most['parameter']} changes net migration in the year to {period:%B %Y} most: by {change:+,.0f}",
        panels=(Panel("", draw(tornado(drawn, interval, width=430), alternative, "sensitivity")),),
        note=(
            "Change of the estimate if one parameter takes the lowest (orange) or the highest (blue) value of its "
            "declared range and all others keep theirs"
            + ("; the band is the 95% interval of the estimate." if interval else ".")
        ),
        csv="./sensitivity.csv",
    )
