"""A timeline as text, in the signs in which rules are tested: `x` seen, `o` leaves, `=` active, `<--->` lasts."""

from collections.abc import Sequence
from datetime import date

from publication.people.timeline import Lane, Span, first_day

MOST_YEARS = 12
MOST_COLUMNS = 78
SIGNS = {
    "seen": "x", "leaves": "o", "active": "=", "partly active": "~", "true": "T", "long_term": "#",
    "short_term": "+", "unfinished": "?", "conflict": "!", "resident": "R", "not resident": ".", "perhaps": "?",
}  # fmt: skip
"""What a day or a span is drawn with; any other span is drawn as an arrow from its start to its end."""
LEGEND = (
    "x seen, o leaves, = active all year, ~ part of it, <-> lasts, # long-term, + short-term, ? not known yet, "
    "! in conflict, R resident, . not"
)


def timeline_text(lanes: Sequence[Lane], last: date) -> list[str]:
    """Return the lines of a timeline that ends on `last`: a header with years, the lanes, and the signs.

    A column is a month if that fits the width, else two months, three or more. Later signs of a lane cover earlier
    ones of the same column; what lies before the first column is drawn in it.
    """
    first = first_day(lanes, last, MOST_YEARS)
    years = last.year - first.year + 1
    months = next(step for step in (1, 2, 3, 4, 6, 12) if years * 12 // step <= MOST_COLUMNS or step == 12)
    width = years * 12 // months
    label = max(len(lane.label) for lane in lanes) + 2 if lanes else 0

    def column(day: date) -> int:
        return min(max(((day.year - first.year) * 12 + day.month - 1) // months, 0), width - 1)

    def drawn(lane: Lane) -> str:
        line = [" "] * width
        for span in lane.spans:
            if span.end is None or span.end >= first:
                _draw(line, span, column(span.start), column(min(span.end or last, last)))
        for day, what in lane.days:
            if day >= first:
                line[column(day)] = SIGNS[what]
        return f"{lane.label:<{label}}{''.join(line)}".rstrip()

    header = "".join(f"|{year}".ljust(12 // months)[: 12 // months] for year in range(first.year, last.year + 1))
    unit = "a month" if months == 1 else f"{months} months"
    return [f"{'':<{label}}{header}".rstrip(), *map(drawn, lanes), f"A column is {unit}: {LEGEND}"]


def _draw(line: list[str], span: Span, begins: int, ends: int) -> None:
    sign = SIGNS.get(span.what)
    for at in range(begins, ends + 1):
        line[at] = sign or "-"
    if sign is None:
        line[ends] = "-" if span.end is None else ">"
        line[begins] = "<"
