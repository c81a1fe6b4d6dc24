"""What a figure of a document consists of, whatever it shows."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure, with its own heading where a figure has several."""

    heading: str
    svg: str


@dataclass(frozen=True)
class Figure:
    """One figure: its finding in words as the title, its drawings, a note on how to read them, and its numbers.

    `csv` names the file with the numbers (in `tables/`, or a path from the report); `legend` lists the signs that
    the legend explains (`legend_text` in `templates/parts.html.j2`); `columns` is the number of panels side by side.
    """

    id: str
    finding: str
    panels: tuple[Panel, ...]
    note: str
    csv: str
    legend: tuple[str, ...] = field(default=())
    columns: int = 1
