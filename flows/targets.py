"""The verb `targets`: a synthetic study compared with published figures, on the terminal, as JSON or as a page."""

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from flows.terminal import Terminal, typed
from pipeline.errors import UserError
from pipeline.tables import write_text
from publication.target_rows import LagDistribution, TargetComparison, TargetRow, summary
from publication.targets_page import LAG_SECTION, render_targets_page
from synthetic_data.benchmarks.counting import NotMeasurableError, chosen
from synthetic_data.benchmarks.measures.registrations import lags
from synthetic_data.benchmarks.observed_study import ObservedStudy, open_study
from synthetic_data.benchmarks.targets import Result, Targets, compare, read_targets, study_residents
from synthetic_data.delivery.study_file import TARGETS_PAGE

PAGE_SUFFIX = ".html"
DAYS_IN_MONTH = 365.25 / 12
LAG_BINS = (("<1", 1), ("1-3", 3), ("3-6", 6), ("6-12", 12), ("12-24", 24), ("24-60", 60), (">60", 10_000))
"""The upper end of each bin in months: the bins in which the lags were published."""


def report_targets(path: Path, *, as_json: bool, report: Sequence[Path] | None) -> int:
    """Print how a study compares with each target and, if asked, write the page; returns the exit status.

    `report` is empty for a page beside the study, or names its file. This is a report and not a check: the status
    is 0 however many targets are met.
    """
    if not path.exists():
        raise UserError(f"{path}: no such study. Make one with `sojourn simulate`.")
    if report and report[0].is_dir():
        raise UserError(
            f"--report {report[0]}: is a folder. Name a file in it, or give no name to write {TARGETS_PAGE} "
            "beside the study."
        )
    if report and report[0].suffix != PAGE_SUFFIX:
        raise UserError(f"--report {report[0]}: the page is HTML. Name a file that ends in {PAGE_SUFFIX}.")
    study, targets = open_study(path), read_targets()
    results = compare(study, targets)
    if as_json:
        print(json.dumps([as_object(one, targets) for one in results], indent=1, ensure_ascii=False))  # noqa: T201
    else:
        _print(study, [target_row(one) for one in results])
    if report is not None:
        file = report[0] if report else study.study.folder / TARGETS_PAGE
        write_text(render_targets_page(_comparison(study, targets, results)), file)
        if not as_json:
            Terminal().print_line(f"  report   {typed(file)}")
    return 0


def as_object(result: Result, targets: Targets) -> dict[str, Any]:
    """Return one result as an object for JSON; numbers are on the scale of the published figure."""
    target = result.target
    share = targets.share[target.scale] if target.scale else None
    return {
        "name": target.name,
        "says": target.says,
        "published": target.published,
        "value": result.value,
        "tolerance": result.tolerance,
        "holds": result.met,
        "unit": target.unit,
        "period": target.period,
        "geography": target.geography,
        "source": target.source,
        "confirmed": target.confirmed,
        "share_of_england_and_wales": share.value if share else 1.0,
        "why_this_share": share.says if share else "",
        "rounding": target.rounding,
        "events": result.events,
        "note": result.note,
    }


def target_row(result: Result) -> TargetRow:
    """Return one result as the plain values that are printed and shown on the page."""
    target = result.target
    return TargetRow(
        name=target.name,
        title=target.title,
        description=target.says,
        unit=target.unit,
        geography=target.geography,
        scaled_by=target.scale if target.scale and target.scale != "same" else "",
        period=target.period,
        source=target.source,
        from_memory=target.confirmed != "yes",
        published=target.published,
        tolerance=result.tolerance,
        value=result.value,
        events=result.events,
        met=result.met,
        note=result.note,
    )


def _comparison(study: ObservedStudy, targets: Targets, results: Sequence[Result]) -> TargetComparison:
    lagged = [one for one in results if one.target.title == LAG_SECTION]
    return TargetComparison(
        study_name=study.study.name,
        residents=study_residents(study, targets.country),
        country_residents=targets.country.residents,
        country_note=targets.country.says,
        rows=[target_row(one) for one in results],
        lags=[found for one in lagged if (found := _lag_distribution(study, one)) is not None],
    )


def _lag_distribution(study: ObservedStudy, result: Result) -> LagDistribution | None:
    """Return how the lag of a target is distributed; None where the study cannot show it."""
    given = result.target.given
    try:
        days = chosen(lags(study, given["begin"], given["until"]), given.get("where"))["days"]
    except NotMeasurableError:
        return None
    if days.is_empty():
        return None
    group = "EU nationals" if result.target.name == "lag_eu" else "Non-EU nationals"
    return LagDistribution(group, target_row(result), _share_by_bin(days))


def _share_by_bin(days: pl.Series) -> tuple[tuple[str, float], ...]:
    """Return the share of lags (in days) that fall in each bin of months."""
    shares, lower = [], 0.0
    for name, months in LAG_BINS:
        upper = months * DAYS_IN_MONTH
        inside = days.is_between(lower, upper, closed="left")
        shares.append((name, inside.sum() / inside.count()))
        lower = upper
    return tuple(shares)


def _print(study: ObservedStudy, rows: Sequence[TargetRow]) -> None:
    terminal = Terminal()
    terminal.print_line(f"{study.study.name} · SYNTHETIC DATA, NOT STATISTICS")
    for heading, group in groupby(rows, key=lambda row: f"{row.title}. {row.citation}"):
        terminal.print_line(f"\n{heading}\n  {'met':<4}{'published':>13}{'study':>13}{'tolerance':>13}")
        for row in group:
            met = "-" if row.value is None else "yes" if row.met else "NO"
            figures = "".join(f"{row.in_unit(one):>13}" for one in (row.published, row.value, row.tolerance))
            note = f" [{row.note}]" if row.note else ""
            terminal.print_line(f"  {met:<4}{figures}  {row.description}; {row.place_and_time}{note}")
    terminal.print_line(f"\n  {summary(rows)}: {typed(study.study.path)}")
