"""The tables of flows by what else is known of migrants: reason, country of birth and area, in the latest year."""

from collections.abc import Mapping

import polars as pl

from publication import words
from publication.report_tables.report_table import ReportTable, estimate_cell, marks_note
from publication.row_selection import FLOW_MEASURES, totals

HEADINGS = {"reason": "Reason", "country_of_birth": "Country of birth", "area": "Area"}
MOST_ROWS = 12


def detail_tables(flows: Mapping[str, pl.DataFrame]) -> list[ReportTable]:
    """Return a table for each detail that has rows; `flows` has the published rows by detail (keys of `HEADINGS`)."""
    found = [_detail_table(flows[detail], detail) for detail in HEADINGS if detail in flows]
    return [one for one in found if one is not None]


def _detail_table(flows: pl.DataFrame, detail: str) -> ReportTable | None:
    """Return the latest year: a row for each category, those with most immigration first."""
    rows = totals(flows).drop_nulls("estimate") if flows.width else flows
    if rows.is_empty():
        return None
    latest = rows.filter(pl.col("period_end") == pl.col("period_end").max())
    immigration = latest.filter(pl.col("measure") == "immigration").sort("estimate", detail, descending=[True, False])
    cells = {(row[detail], row["measure"]): row for row in latest.to_dicts()}
    shown = immigration[detail].head(MOST_ROWS).to_list()
    left = immigration.height - len(shown)
    more = f" The {MOST_ROWS} with most immigration; {left} others are in the file." if left else ""
    when = words.period(latest["period_start"][0], latest["period_end"][0])
    return ReportTable(
        caption=f"Long-term migration by {HEADINGS[detail].lower()}, {when}",
        columns=(HEADINGS[detail], *(words.MEASURES[measure] for measure in FLOW_MEASURES)),
        rows=tuple(
            (words.sentence_case(name), *(estimate_cell(cells.get((name, measure))) for measure in FLOW_MEASURES))
            for name in shown
        ),
        numeric=(1, 2, 3),
        note=f"{marks_note(latest)}{more} All add up to the total.".strip(),
        csv=f"flows_by_{detail}.csv",
    )
