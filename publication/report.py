"""The report of a run: one HTML file that needs nothing else, with no script and no address to fetch from."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.study import Study
from pipeline.tables import write_text
from publication import coverage_figures, figures, linkage_figures, report_tables, scored_tables, words
from publication.funnel import funnel
from publication.published import FLOW_KEY, STOCK_KEY, latest, of_definition, table, with_truth, yearly
from publication.scores import Scores

TEMPLATES = Path(__file__).parent / "templates"
_MINUS = re.compile(r"(?<![\w.,)])-(?=\d)")


def write_report(
    run: Path, *, study: Study | None, manifest: Mapping[str, Any], scores: Scores | None = None
) -> Path:
    """Write `report.html` of a run folder and return its path; nothing else in the folder changes."""
    path = run / "report.html"
    write_text(render_report(run, study=study, manifest=manifest, scores=scores), path)
    return path


def render_report(
    run: Path, *, study: Study | None, manifest: Mapping[str, Any], scores: Scores | None = None
) -> str:
    """Return the report of a run folder as HTML.

    It reads `run/tables` and the manifest; with `scores` it tells the truth beside the estimates, without
    them it says nothing of any truth. A part whose table is missing or empty is left out.
    """
    content = _content(run / "tables", scores)
    told = _identity(study, manifest)
    return page("report.html.j2", **content, **told, words=words)


def page(template: str, **content: object) -> str:
    """Return a template of this folder filled in; minus signs are typographic, drawings stand as they are."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["minus"] = lambda text: _MINUS.sub("\N{MINUS SIGN}", text)
    environment.filters["svg"] = Markup
    return environment.get_template(template).render(**content)


def _content(tables: Path, scores: Scores | None) -> dict[str, Any]:
    """Return the headline and the sections of a report."""
    truth = scores or Scores()
    flows = with_truth(of_definition(table(tables, "flows")), truth.flows, FLOW_KEY)
    stocks = with_truth(of_definition(table(tables, "stocks")), truth.stocks, STOCK_KEY)
    sections = [
        _section("migration", "Migration over the years", figures.totals_figure(flows),
                 report_tables.flows_by_year(flows), figures.quarters_figure(flows)),
        _section("groups", "Who came and who left",
                 *(figures.margin_figure(flows, one) for one in ("nationality_group", "age_group", "sex")),
                 report_tables.flows_by_group(flows)),
        _section("population", "The population", figures.stocks_figure(stocks), report_tables.stocks_by_day(stocks)),
        _truth_section(scores, flows),
        _section("records", "From records to flows", linkage_figures.funnel_figure(funnel(tables)),
                 report_tables.ledger_table(table(tables, "ledger"))),
        _linkage_section(tables),
        _section("coverage", "Coverage of the sources", coverage_figures.coverage_figure(table(tables, "coverage")),
                 report_tables.coverage_table(table(tables, "coverage"))),
        _section("errors", "What the intervals carry", report_tables.errors_table(table(tables, "error_sources"))),
    ]  # fmt: skip
    return {"headline": _headline(flows), "sections": [one for one in sections if one is not None]}


def _section(name: str, title: str, *parts: object, lead: str = "") -> dict[str, Any] | None:
    """Return a section of figures and tables in their order; None if none of them has anything to show."""
    standing = [part for part in parts if part is not None]
    if not standing:
        return None
    blocks = [
        {"kind": "table" if isinstance(part, report_tables.Table) else "figure", "part": part} for part in standing
    ]
    return {"id": name, "title": title, "lead": lead, "blocks": blocks}


def _linkage_section(tables: Path) -> dict[str, Any] | None:
    quality, levels = table(tables, "linkage_quality"), table(tables, "model_levels")
    return _section(
        "linkage",
        "How well records were linked",
        linkage_figures.match_rates_figure(quality),
        report_tables.linkage_table(quality),
        linkage_figures.level_weights_figure(levels),
        linkage_figures.histogram_figure(table(tables, "link_weights")),
    )


def _truth_section(scores: Scores | None, flows: pl.DataFrame) -> dict[str, Any] | None:
    if scores is None:
        return None
    row = latest(flows, "net")
    lead = f"{words.against_truth(row)}." if row is not None and row["truth"] is not None else ""
    return _section(
        "truth",
        "Held against the truth",
        figures.misses_figure(yearly(flows)),
        *scored_tables.truth_tables(scores, flows),
        lead=lead,
    )


def _headline(flows: pl.DataFrame) -> dict[str, Any] | None:
    """Return the rows that the report opens with: net migration of the latest year and what belongs to it."""
    net = latest(flows, "net")
    if net is None:
        return None
    final = latest(flows, "net", status="final")
    beside = [latest(flows, "immigration"), latest(flows, "emigration")]
    if final is not None and final["period_end"] != net["period_end"]:
        beside.append(final)
    return {"net": net, "beside": [row for row in beside if row is not None]}


def _identity(study: Study | None, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the run says of itself: the study, and all that is needed to make it again."""
    told: dict[str, Any] = dict(manifest.get("study") or {})
    if study is not None:
        own = {"name": study.name, "synthetic": study.synthetic, "data_date": study.data_date.isoformat()}
        told = own | {"seed": study.seed} | told
    rule_set = manifest.get("rule_set") or {}
    facts = [
        ("Command", manifest.get("command")),
        ("Run", manifest.get("run_id")),
        ("Sojourn", manifest.get("sojourn_version")),
        ("Code, SHA-256", manifest.get("code")),
        ("Study, SHA-256", told.get("digest")),
        ("Data date", told.get("data_date")),
        ("Seed", manifest.get("seed", told.get("seed"))),
        ("Rule set", rule_set.get("id")),
        ("Rule set, SHA-256", rule_set.get("digest")),
        *((f"Model {name}", _digest(model)) for name, model in (manifest.get("models") or {}).items()),
    ]
    return {
        "study": {"name": told.get("name", "unnamed study"), "synthetic": bool(told.get("synthetic"))},
        "data_date": words.day(date.fromisoformat(str(told["data_date"]))) if told.get("data_date") else None,
        "rule_set": rule_set.get("id"),
        "facts": [(name, str(value)) for name, value in facts if value not in (None, "")],
        "stages": _stages(manifest.get("stages") or {}),
        "inputs": _inputs(manifest.get("inputs") or []),
        "packages": _packages(manifest.get("packages") or {}),
    }


def _digest(model: object) -> str:
    return str(model.get("sha256", "")) if isinstance(model, Mapping) else str(model)


def _stages(stages: Mapping[str, Mapping[str, Any]]) -> report_tables.Table | None:
    rows = tuple(
        (
            name,
            str(stage.get("sentence", "")),
            "; ".join(stage.get("warnings") or ()),
            f"{stage.get('seconds', 0):.1f}",
            str(stage.get("key", ""))[:12],
        )
        for name, stage in stages.items()
    )
    columns = ("Stage", "What it found", "Warnings", "Seconds", "Key")
    return report_tables.Table("Stages of the run", columns, rows, numeric=(3,)) if rows else None


def _inputs(inputs: list[Mapping[str, Any]]) -> report_tables.Table | None:
    rows = tuple((str(one["file"]), words.count(one["rows"]), str(one["sha256"])) for one in inputs)
    return report_tables.Table("Input files", ("File", "Rows", "SHA-256"), rows, numeric=(1,)) if rows else None


def _packages(packages: Mapping[str, str]) -> report_tables.Table | None:
    rows = tuple((name, str(version)) for name, version in sorted(packages.items()))
    return report_tables.Table("Packages", ("Package", "Version"), rows) if rows else None
