"""The verb `targets`: a synthetic study held against published figures."""

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from flows.target_page import target_page
from flows.target_words import figure, place_and_time, summary
from flows.terminal import Terminal, shown
from pipeline.errors import UserError
from pipeline.tables import write_text
from synthetic_data.benchmarks.observed_study import ObservedStudy, open_study
from synthetic_data.benchmarks.targets import Result, Targets, compare, read_targets
from synthetic_data.delivery.study_file import TARGETS_PAGE

PAGE_SUFFIX = ".html"


def tell_targets(path: Path, *, as_json: bool, report: Sequence[Path] | None) -> int:
    """Print how a study stands against each target and, if asked, write the page; returns the exit status.

    `report` is empty for a page beside the study, or names its file. This is a report, not a check: the status
    is 0 whether all targets hold or none.
    """
    if not path.exists():
        raise UserError(f"{path}: no such study. Make one with `sojourn simulate`.")
    if report and report[0].is_dir():
        raise UserError(
            f"--report {report[0]}: is a folder. Name a file in it, or give no name: {TARGETS_PAGE} in the study."
        )
    if report and report[0].suffix != PAGE_SUFFIX:
        raise UserError(f"--report {report[0]}: the page is HTML. Name a file that ends in {PAGE_SUFFIX}.")
    study, targets = open_study(path), read_targets()
    results = compare(study, targets)
    if as_json:
        print(json.dumps([as_object(one, targets) for one in results], indent=1, ensure_ascii=False))  # noqa: T201
    else:
        _print(study, results)
    if report is not None:
        file = report[0] if report else study.study.folder / TARGETS_PAGE
        write_text(target_page(study, targets, results), file)
        if not as_json:
            Terminal().say(f"  report   {shown(file)}")
    return 0


def as_object(result: Result, targets: Targets) -> dict[str, Any]:
    """Return one result as it is written to JSON; numbers are on the scale of the published figure."""
    target = result.target
    share = targets.share[target.scale] if target.scale else None
    return {
        "name": target.name,
        "says": target.says,
        "published": target.published,
        "value": result.value,
        "tolerance": result.tolerance,
        "holds": result.holds,
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


def _print(study: ObservedStudy, results: Sequence[Result]) -> None:
    terminal = Terminal()
    terminal.say(f"{study.study.name} · SYNTHETIC DATA, NOT STATISTICS")
    for heading, group in groupby(results, key=_heading):
        terminal.say(f"\n{heading}\n  holds    published        study    tolerance")
        for one in group:
            figures = [figure(value, one.target.unit) for value in (one.target.published, one.value, one.tolerance)]
            verdict = "-" if one.value is None else "yes" if one.holds else "NO"
            note = f" [{one.note}]" if one.note else ""
            told = "".join(f"{text:>13}" for text in figures)
            terminal.say(f"  {verdict:<4}{told}  {one.target.says}; {place_and_time(one.target)}{note}")
    terminal.say(f"\n  {summary(results)}: {shown(study.study.path)}")


def _heading(result: Result) -> str:
    target = result.target
    memory = "" if target.confirmed == "yes" else " (from memory)"
    return f"{target.title}. {target.source}{memory}"
