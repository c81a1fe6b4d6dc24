"""The verb `sweep`: the estimates of a run for every combination of values of some parameters of its rules."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from flows.evaluate import has_truth, true_figures
from flows.live.live_runs import check_not_live
from flows.progress import NullListener, ProgressListener
from flows.run import check_threads
from flows.terminal import Terminal, typed
from flows.variants.estimates import KEY, MEASURES, Counted, Estimates, Published
from flows.variants.grid import Number, Values, read_grid, variants_of
from flows.variants.run_rules import RunRules, opened
from pipeline.schemas import ALL
from pipeline.tables import write_text
from publication.variant_pages import CALIBRATED, RunShown, SweepPage, VariedParameter, render_sweep_page
from rules.parameters import with_values
from rules.variants import Variants

SWEEP = "sweep"


def sweep(
    base: RunRules,
    variants: Variants,
    grid: Mapping[str, Sequence[Number]],
    estimates: Estimates,
    listener: ProgressListener | None = None,
) -> pl.DataFrame:
    """Return a column for each parameter of the grid, then `measure, period, group, estimate`, in order."""
    combinations = list(variants_of(grid, base.rules))
    found = []
    for number, values in enumerate(combinations, 1):
        (listener or NullListener()).progress(SWEEP, f"variant {number:,} of {len(combinations):,}")
        rules = with_values(base.rules, values, "--set")
        decided = variants.decided(rules.evidence, rules.people)
        found.append(estimates.of(decided).select(*(_column(name, values) for name in grid), pl.all()))
    return pl.concat(found).sort(*grid, maintain_order=True)


def _column(name: str, values: Values) -> pl.Expr:
    value = values[name]
    return pl.lit(value, dtype=pl.Int64 if isinstance(value, int) else pl.Float64).alias(name)


def with_errors(swept: pl.DataFrame, base: RunRules) -> pl.DataFrame:
    """Return a sweep with `truth` and `error` (estimate less truth), if the study has a truth."""
    if not has_truth(base.study):
        return swept
    truth = true_figures(base.study, swept)
    return swept.join(truth, on=KEY, how="left", maintain_order="left").with_columns(
        error=(pl.col("estimate") - pl.col("truth")).round(6)
    )


def sweep_run(
    run: Path, settings: Sequence[str], out: Path | None, *, counted: bool, as_json: bool, threads: int
) -> int:
    """Sweep over a run, write `sweep.csv` and `sweep.html`, print what was found, and return the exit status."""
    check_threads(threads)
    if out is None:
        check_not_live(run, "Name another folder with --out.")
    terminal = Terminal()
    with opened(run) as (base,):
        grid = read_grid(settings, base.rules.parameters)
        estimates = Counted(base) if counted else Published(base)
        listener = NullListener() if as_json else terminal
        swept = with_errors(sweep(base, base.variants(threads), grid, estimates, listener), base)
    folder = out or run / SWEEP
    write_text(swept.write_csv(), folder / "sweep.csv")
    write_text(render_sweep_page(_page(base, swept, grid, counted=counted)), folder / "sweep.html")
    terminal.close()
    if as_json:
        print(json.dumps(_as_object(base, swept, grid, counted=counted), indent=1))  # noqa: T201 - the requested output
        return 0
    for line in _lines(swept, grid):
        terminal.print_line(line)
    if is_calibrated(base):
        terminal.print_line(f"  note     {CALIBRATED}")
    terminal.print_line(f"  figures  {typed(folder / 'sweep.csv')}")
    terminal.print_line(f"  charts   {typed(folder / 'sweep.html')}")
    return 0


def is_calibrated(base: RunRules) -> bool:
    """Return whether variants have the calibration of the run, which is that of its own values."""
    return base.study.rules.calibration is not None


def shown(base: RunRules, *, counted: bool) -> RunShown:
    """Return how a page names a run."""
    study = base.study
    return RunShown(study.name, study.synthetic, base.manifest["run_id"], base.rules.id, counted, is_calibrated(base))


def _page(base: RunRules, swept: pl.DataFrame, grid: Mapping[str, Sequence[Number]], *, counted: bool) -> SweepPage:
    known = [base.rules.parameters[name] for name in grid]
    varied = tuple(VariedParameter(one.id, one.says, one.unit, one.value) for one in known)
    return SweepPage(shown(base, counted=counted), varied, swept)


def _as_object(
    base: RunRules, swept: pl.DataFrame, grid: Mapping[str, Sequence[Number]], *, counted: bool
) -> dict[str, Any]:
    parameters = base.rules.parameters
    return {
        "run_id": base.manifest["run_id"],
        "rule_set": base.manifest["rule_set"]["id"],
        "estimates": "counted" if counted else "published",
        "calibrated_for_the_run": is_calibrated(base),
        "parameters": {
            name: {"value_of_the_run": parameters[name].value, "unit": parameters[name].unit, "values": list(values)}
            for name, values in grid.items()
        },
        "rows": swept.with_columns(pl.col("period").cast(pl.String)).to_dicts(),
    }


def _lines(swept: pl.DataFrame, grid: Mapping[str, Sequence[Number]]) -> list[str]:
    """Return the totals of the latest year by variant, as a table for the terminal."""
    last = swept.filter(pl.col("measure") == "net")["period"].max()
    totals = swept.filter(pl.col("group") == ALL, pl.col("period") == last)
    columns = [*MEASURES, "error of net"] if "error" in swept.columns else list(MEASURES)
    lines = [f"  {'  '.join(grid)}", f"  {' ' * 30}" + "".join(f"{one:>14}" for one in columns)]
    for values, rows in totals.group_by(list(grid), maintain_order=True):
        by_measure = {row["measure"]: row for row in rows.iter_rows(named=True)}
        figures = [by_measure[measure]["estimate"] for measure in MEASURES if measure in by_measure]
        if "error" in swept.columns:
            figures.append(by_measure["net"]["error"])
        name = "  ".join(str(value) for value in values)
        lines.append(f"  {name:<30}" + "".join(f"{figure:>14,.1f}" for figure in figures))
    return [f"  Year ending {last:%-d %B %Y}, and population on that day", *lines]
