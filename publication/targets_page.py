"""The page of `sojourn targets --report`: every target in tables, the main ones in figures, in one HTML file."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from publication import words
from publication.figures.target_figures import lag_figure, target_figures
from publication.html_page import render_page
from publication.report_tables.target_tables import targets_table
from publication.target_rows import LagDistribution, TargetComparison, TargetRow, summary

LAG_SECTION = "Lag of registration"


def render_targets_page(comparison: TargetComparison) -> str:
    """Return the page as HTML; it needs no other file and fetches nothing."""
    return render_page(
        "targets.html.j2",
        study={"name": comparison.study_name, "synthetic": True},
        summary=summary(comparison.rows),
        residents=words.count(comparison.residents),
        country_residents=words.count(comparison.country_residents),
        country_note=comparison.country_note,
        sections=_sections(comparison.rows, comparison.lags),
    )


def _sections(rows: Sequence[TargetRow], lags: Sequence[LagDistribution]) -> list[dict[str, Any]]:
    sections = []
    for title in dict.fromkeys(row.title for row in rows):
        own = [row for row in rows if row.title == title]
        figures = target_figures(title, own)
        if title == LAG_SECTION and (lag := lag_figure(lags)) is not None:
            figures.append(lag)
        tables = [targets_table(source, list(group)) for source, group in groupby(own, key=lambda row: row.citation)]
        name = title.lower().replace(" ", "-")
        sections.append({"id": name, "title": title, "figures": figures, "tables": tables})
    return sections
