"""The figure of a person's timeline."""

from collections.abc import Sequence
from datetime import date

from publication.charts.svg import draw
from publication.charts.timeline_chart import life_in_lanes
from publication.figures.figure import Figure, Panel
from publication.people.timeline import Lane, first_day

MOST_YEARS = 14
LEGEND = ("long-term stay", "short stay", "stay not known yet", "resident", "not resident", "seen", "leaves")


def timeline_figure(name: str, finding: str, lanes: Sequence[Lane], last: date, note: str) -> Figure | None:
    """Return the timeline of a person that ends on `last`; None for a person of whom nothing is told.

    `name` makes the figure's ids differ from those of others in a page.
    """
    if not lanes:
        return None
    first = first_day(lanes, last, MOST_YEARS)
    rows = [
        {"label": lane.label, "what": span.what, "start": _year(max(span.start, first)),
         "end": _year(min(span.end or last, last))}
        for lane in lanes
        for span in lane.spans
        if span.end is None or span.end >= first
    ] + [
        {"label": lane.label, "what": what, "start": _year(day), "end": None}
        for lane in lanes
        for day, what in lane.days
        if day >= first
    ]  # fmt: skip
    order = [lane.label for lane in lanes]
    domain = [float(first.year), _year(last)]
    drawing = life_in_lanes(rows, order, domain, width=560)
    alternative = f"{finding}. {_in_words(lanes)}"
    return Figure(
        id=f"figure-{name}",
        finding=finding,
        panels=(Panel("", draw(drawing, alternative, name)),),
        note=note,
        csv="",
        legend=LEGEND,
    )


def _year(day: date) -> float:
    start = date(day.year, 1, 1)
    return round(day.year + (day - start).days / (date(day.year + 1, 1, 1) - start).days, 4)


def _in_words(lanes: Sequence[Lane]) -> str:
    parts = [
        f"{lane.label}: "
        + ", ".join(f"{span.start} to {span.end or 'now'} {span.what.replace('_', ' ')}" for span in lane.spans)
        for lane in lanes[:2]
        if lane.spans
    ]
    return f"{'; '.join(parts)}; {len(lanes)} lanes."
