"""The picture that opens the README: what a run estimated, with its intervals and, where it is known, the truth.

`python -m pipeline.publish.picture RUN OUT.svg` draws it for a finished run, with the truth once it was evaluated.
"""

import json
import sys
from pathlib import Path

import polars as pl

from pipeline.tables import write_text
from publication import charts, words
from publication.figures import FLOW_MEASURES, interval_rows, net_finding
from publication.published import FLOW_KEY, of_definition, table, totals, with_truth, yearly
from publication.svg import draw


def picture(tables: Path, out: Path, truth: pl.DataFrame | None = None, *, synthetic: bool = True) -> Path:
    """Draw the flows of each year in a run's `tables` as one SVG file that stands alone, and return its path.

    `truth` is the table `flows` of an evaluation; its values are marked by crosses.
    """
    flows = of_definition(table(tables, "flows"))
    rows = totals(yearly(with_truth(flows, truth if truth is not None else pl.DataFrame(), FLOW_KEY)))
    drawn = interval_rows(rows, "%Y")
    panels = {}
    for measure in FLOW_MEASURES:
        own = [row for row in drawn if row["measure"] == measure]
        domain = charts.value_domain(own, from_zero=True)
        panels[words.MEASURES[measure]] = charts.intervals(own, [measure], domain, width=215, height=190)
    finding = net_finding(rows)
    specification = charts.beside(panels, finding, _legend(drawn, synthetic=synthetic))
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
    truth = pl.read_parquet(scored) if scored.exists() else None
    picture(run / "tables", out, truth, synthetic=manifest["study"]["synthetic"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
