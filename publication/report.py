"""The report of a run: its headline and its sections, as one self-contained HTML file without scripts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.tables import read_table, write_text
from publication import words
from publication.figures import (
    coverage_figures,
    flow_figures,
    linkage_figures,
    stock_figures,
    truth_figures,
)
from publication.funnel import funnel
from publication.html_page import render_page
from publication.people.people_section import LEAD as PEOPLE_LEAD
from publication.people.people_section import people_parts
from publication.provenance import provenance
from publication.report_tables import (
    account_tables,
    coverage_tables,
    detail_tables,
    estimate_tables,
    interval_table,
    linkage_tables,
    quality_tables,
    revision_tables,
    scored_tables,
    source_tables,
    stay_tables,
)
from publication.report_tables.bridge_table import bridge_table
from publication.report_tables.report_table import ReportTable
from publication.row_selection import (
    FLOW_KEY,
    REVISIONS,
    STOCK_KEY,
    as_text,
    latest_total,
    measured,
    of_published_definition,
    parts_of_figure,
    read_run_table,
    totals,
    with_truth,
    yearly,
)
from publication.scores import Scores


def write_report(run: Path, *, manifest: Mapping[str, Any], scores: Scores | None = None) -> Path:
    """Write `report.html` of a run folder and return its path; nothing else in the folder changes."""
    path = run / "report.html"
    write_text(render_report(run, manifest=manifest, scores=scores), path)
    return path


def render_report(run: Path, *, manifest: Mapping[str, Any], scores: Scores | None = None) -> str:
    """Return the report of a run folder as HTML.

    It reads `run/tables`. With `scores` it shows the truth beside the estimates; without them it mentions no truth.
    A figure or table whose data are missing or empty is omitted.
    """
    content = _content(run / "tables", scores, manifest, _read_revisions(run))
    return render_page("report.html.j2", **content, **provenance(manifest), words=words)


def _read_revisions(run: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return how figures were revised and what is to come, as `sojourn revisions` leaves it; empty without it."""
    paths = [run / REVISIONS / f"{name}.parquet" for name in ("revisions", "provisional_ranges")]
    found = [read_table(path) if path.exists() else pl.DataFrame() for path in paths]
    return found[0], found[1]


def _content(
    tables: Path,
    scores: Scores | None,
    manifest: Mapping[str, Any],
    revised: tuple[pl.DataFrame, pl.DataFrame],
) -> dict[str, Any]:
    """Return the headline and the sections of a report."""
    truth = scores or Scores()
    flows = with_truth(of_published_definition(read_run_table(tables, "flows")), truth.flows, FLOW_KEY)
    stocks = with_truth(of_published_definition(read_run_table(tables, "stocks")), truth.stocks, STOCK_KEY)
    drawn_flows, drawn_stocks = measured(flows), measured(stocks)
    coverage = read_run_table(tables, "coverage")
    parts, sources = as_text(read_run_table(tables, "interval_parts")), read_run_table(tables, "error_sources")
    headline = _headline(flows, parts)
    skipped = quality_tables.skipped_table(read_run_table(tables, "skipped"))
    sections = [
        _section("not-measured", "What is not measured", skipped),
        _section(
            "migration",
            "Long-term migration",
            flow_figures.totals_figure(drawn_flows),
            estimate_tables.flows_by_year(flows),
            estimate_tables.counted_by_year(read_run_table(tables, "counts")) if drawn_flows.is_empty() else None,
            flow_figures.quarters_figure(drawn_flows),
            stay_tables.unknown_table(
                read_run_table(tables, "unknown_by_quarter"), str(manifest.get("definition", ""))
            ),
        ),
        _section(
            "groups",
            "Migration by nationality, age and sex",
            *(flow_figures.group_figure(drawn_flows, one) for one in ("nationality_group", "age_group", "sex")),
            estimate_tables.flows_by_group(drawn_flows),
            *detail_tables.detail_tables(
                {one: as_text(read_run_table(tables, f"flows_by_{one}")) for one in detail_tables.HEADINGS}
            ),
        ),
        _section(
            "population",
            "Usually resident population",
            stock_figures.stocks_figure(drawn_stocks),
            estimate_tables.population_by_day(stocks),
            estimate_tables.listed_by_day(read_run_table(tables, "counts")) if drawn_stocks.is_empty() else None,
        ),
        _section(
            "revisions",
            "Revisions",
            revision_tables.revision_triangle(*revised),
            revision_tables.latest_revision_table(revised[0]),
        ),
        _section(
            "definitions",
            "Other definitions",
            bridge_table(read_run_table(tables, "bridge"), str(manifest.get("definition", ""))),
        ),
        _truth_section(scores, drawn_flows),
        _section(
            "sources",
            "Sources and their deliveries",
            *source_tables.source_cards(
                read_run_table(tables, "source_cards"), read_run_table(tables, "delivery_volumes")
            ),
        ),
        _section(
            "records",
            "From records to flows",
            linkage_figures.funnel_figure(funnel(tables)),
            quality_tables.ledger_table(read_run_table(tables, "ledger")),
        ),
        _linkage_section(tables, str(manifest.get("spine", ""))),
        _section(
            "presence",
            "Presence and registration",
            stay_tables.conflicts_table(read_run_table(tables, "conflicts")),
            stay_tables.days_present_table(read_run_table(tables, "days_present")),
            stay_tables.registration_lags_table(read_run_table(tables, "registration_lags")),
        ),
        _section(
            "coverage",
            "Coverage of the sources",
            coverage_figures.coverage_figure(coverage),
            coverage_tables.coverage_table(coverage),
            coverage_figures.trimming_figure(read_run_table(tables, "trimming_curve")),
            coverage_tables.trimming_table(read_run_table(tables, "trimming_curve")),
            coverage_tables.over_coverage_table(read_run_table(tables, "over_coverage")),
            coverage_tables.dependence_table(read_run_table(tables, "dependence_sensitivity")),
            coverage_tables.arrivals_table(read_run_table(tables, "coverage_of_arrivals")),
            coverage_tables.border_table(read_run_table(tables, "border_completeness")),
        ),
        _section(
            "account",
            "What the account changed",
            account_tables.adjustments_table(read_run_table(tables, "account_adjustments")),
            account_tables.left_out_table(read_run_table(tables, "account_left_out")),
            account_tables.shared_errors_table(read_run_table(tables, "account_biases")),
        ),
        _section("people", "Examples of people", *people_parts(tables, manifest, scores), lead=PEOPLE_LEAD),
        _section(
            "errors",
            "Sources of uncertainty",
            interval_table.interval_table(parts, _shown(headline, drawn_stocks), sources),
            quality_tables.error_sources_table(sources),
            quality_tables.assumptions_table(read_run_table(tables, "assumptions")),
        ),
    ]
    return {"headline": headline, "sections": [one for one in sections if one is not None]}


def _section(name: str, title: str, *parts: object, lead: str = "") -> dict[str, Any] | None:
    """Return a section of figures and tables in their order; None if none of them has anything to show."""
    blocks = [
        {"kind": "table" if isinstance(part, ReportTable) else "figure", "part": part}
        for part in parts
        if part is not None
    ]
    return {"id": name, "title": title, "lead": lead, "blocks": blocks} if blocks else None


def _linkage_section(tables: Path, spine: str) -> dict[str, Any] | None:
    quality, levels = read_run_table(tables, "linkage_quality"), read_run_table(tables, "model_levels")
    return _section(
        "linkage",
        "Quality of record linkage",
        linkage_figures.match_rates_figure(quality, spine),
        linkage_tables.linkage_table(quality),
        linkage_tables.decisions_table(quality, read_run_table(tables, "review_of_links")),
        linkage_tables.link_gaps_table(quality),
        linkage_tables.link_errors_table(read_run_table(tables, "link_errors")),
        linkage_tables.implausible_table(read_run_table(tables, "implausible_people")),
        linkage_tables.threshold_table(read_run_table(tables, "link_weights")),
        linkage_figures.threshold_figure(read_run_table(tables, "link_weights")),
        linkage_figures.level_weights_figure(levels),
        linkage_figures.histogram_figure(read_run_table(tables, "link_weights")),
    )


def _truth_section(scores: Scores | None, flows: pl.DataFrame) -> dict[str, Any] | None:
    if scores is None:
        return None
    row = latest_total(flows, "net")
    lead = f"{words.against_truth(row)}." if row is not None and row["truth"] is not None else ""
    return _section(
        "truth",
        "Comparison with the truth",
        truth_figures.truth_figure(yearly(flows)),
        *scored_tables.truth_tables(scores, flows),
        lead=lead,
    )


def _headline(flows: pl.DataFrame, parts: pl.DataFrame) -> dict[str, Any] | None:
    """Return the rows that the report opens with: net migration in the latest year, then those shown beside it.

    `assumed` is the share of the variance of each that rests on declared assumptions; None where it is not known.
    """
    net = latest_total(flows, "net")
    if net is None:
        return None
    final = latest_total(flows, "net", status="final")
    beside = [latest_total(flows, "immigration"), latest_total(flows, "emigration")]
    if final is not None and final["period_end"] != net["period_end"]:
        beside.append(final)
    return {
        "net": _with_assumed(net, parts),
        "beside": [_with_assumed(row, parts) for row in beside if row is not None],
    }


def _with_assumed(row: dict[str, Any], parts: pl.DataFrame) -> dict[str, Any]:
    own = parts_of_figure(parts, row)
    declared = own.filter(pl.col("treatment") == "declared").sort("error_source")["share_of_variance"].sum()
    return row | {"assumed": None if own.is_empty() else float(declared)}


def _shown(headline: dict[str, Any] | None, stocks: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of the headline, and the latest population."""
    latest = totals(stocks).sort("reference_date").tail(1).to_dicts()
    return [*([headline["net"], *headline["beside"]] if headline else []), *latest]
