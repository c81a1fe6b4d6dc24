"""The picture at the top of the README: the flows of a run with their intervals and, where known, the truth.

`python -m publication.readme_picture RUN OUT.svg` draws it for a finished run, with the truth once it was evaluated.
"""

import json
import sys
from pathlib import Path

import polars as pl

from pipeline.tables import read_table, write_text
from publication import words
from publication.charts.chart_style import side_by_side
from publication.charts.interval_charts import estimates_over_time, value_domain
from publication.charts.svg import draw
from publication.figures.estimate_points import points
from publication.figures.flow_figures import net_finding
from publication.row_selection import (
    FLOW_KEY,
    FLOW_MEASURES,
    measured,
    of_published_definition,
    read_run_table,
    totals,
    with_truth,
    yearly,
)


def picture(tables: Path, out: Path, truth: pl.DataFrame | None = None, *, synthetic: bool = True) -> Path:
    """Draw the yearly flows in a run's `tables` as one self-contained SVG file, and return its path.

    `truth` is the table `flows` of an evaluation; its values are marked by crosses.
    """
    flows = measured(of_published_definition(read_run_table(tables, "flows")))
    rows = totals(yearly(with_truth(flows, truth if truth is not None else pl.DataFrame(), FLOW_KEY)))
    drawn = points(rows, "%Y")
    panels = {}
    for measure in FLOW_MEASURES:
        own = [row for row in drawn if row["measure"] == measure]
        domain = value_domain(own, from_zero=True)
        panels[words.MEASURES[measure]] = estimates_over_time(own, [measure], domain, width=215, height=190)
    finding = net_finding(rows)
    specification = side_by_side(panels, finding, _legend(drawn, synthetic=synthetic))
    write_text(draw(specification, f"{finding}.", "picture", alone=True) + "\n", out)
    return out


def _legend(drawn: list[dict], *, synthetic: bool) -> str:
    signs = ["Years ending June, 95% intervals"]
    if any(row["provisional"] for row in drawn):
        signs.append("hollow: provisional")
    if any(row["truth"] is not None for row in drawn):
        signs.append("cross: the truth")
    if synthetic:
        signs.append("SYNTHETIC DATA, NOT STATISTICS")
    return " · ".join(signs)


def main(run: Path, out: Path) -> None:
    """Draw the picture of a finished run into the file `out`."""
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    scored = run / "evaluation" / "flows.parquet"
    truth = read_table(scored) if scored.exists() else None
    picture(run / "tables", out, truth, synthetic=manifest["study"]["synthetic"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
