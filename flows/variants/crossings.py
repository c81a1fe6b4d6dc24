"""The verb `sweep` on a file of border crossings: migrations by days in a window, for many thresholds and windows."""

import json
from collections.abc import Sequence
from datetime import date
from itertools import product
from pathlib import Path

import polars as pl

from flows.terminal import Terminal, typed
from flows.variants.grid import Grid, read_grid
from pipeline.errors import UserError
from pipeline.tables import write_text
from rules.lengths_of_stay.by_rule import migrations_by_rule
from rules.lengths_of_stay.crossings_file import CrossingsFile, read_crossings_file
from rules.lengths_of_stay.days_in_window import TWELVE_OF_SIXTEEN_MONTHS, DaysInWindow
from rules.parameters import Parameter

SOURCE = "Stats NZ 2017: the 12/16-month rule"
PARAMETERS = {
    "threshold": Parameter(
        id="threshold",
        says="An arrival lasts if the person spends as many days of the window in the country.",
        value=TWELVE_OF_SIXTEEN_MONTHS.threshold,
        unit="days",
        range=(1, 36_600),
        source_of_value=SOURCE,
        holds_from=date(2017, 1, 1),
    ),
    "window": Parameter(
        id="window",
        says="The window has as many days after a crossing.",
        value=TWELVE_OF_SIXTEEN_MONTHS.window,
        unit="days",
        range=(1, 36_600),
        source_of_value=SOURCE,
        holds_from=date(2017, 1, 1),
    ),
}
"""What can be varied of days in a window, and the values that hold without an option."""


def sweep_days_in_window(file: CrossingsFile, grid: Grid, observed_to: date) -> pl.DataFrame:
    """Return `threshold, window, measure, period, group, estimate` for each combination of values, in order."""
    values = [grid.get(name, (one.value,)) for name, one in PARAMETERS.items()]
    rules = [DaysInWindow(int(threshold), int(window)) for threshold, window in product(*values)]
    for rule in rules:
        if rule.threshold > rule.window:
            raise UserError(
                f"--set: a threshold of {rule.threshold} days in a window of {rule.window} cannot be reached. "
                "Give thresholds up to the shortest window."
            )
    swept = migrations_by_rule(file, rules, observed_to)
    return swept.select("threshold", "window", "measure", "period", pl.lit("all").alias("group"), "estimate")


def sweep_crossings(
    path: Path, settings: Sequence[str], out: Path | None, observed_to: date | None, *, as_json: bool
) -> int:
    """Sweep over a file of crossings, write `sweep.csv`, print the totals, and return the exit status."""
    if observed_to is None:
        raise UserError(f"{path}: is a file of crossings. Say with --observed-to until when they were observed.")
    if out is None:
        raise UserError(f"{path}: is a file of crossings. Give a folder for sweep.csv with --out.")
    grid = read_grid(settings, PARAMETERS)
    swept = sweep_days_in_window(read_crossings_file(path), grid, observed_to)
    write_text(swept.write_csv(), out / "sweep.csv")
    if as_json:
        rows = swept.with_columns(pl.col("period").cast(pl.String)).to_dicts()
        print(json.dumps({"estimates": "counted", "rows": rows}, indent=1))  # noqa: T201 - the requested output
        return 0
    terminal = Terminal()
    totals = swept.group_by("threshold", "window", "measure", maintain_order=True).agg(pl.col("estimate").sum())
    terminal.print_line(
        "  All years" + "".join(f"{name:>14}" for name in totals["measure"].unique(maintain_order=True))
    )
    for (threshold, window), rows in totals.group_by("threshold", "window", maintain_order=True):
        terminal.print_line(f"  {f'{threshold} of {window}':<9}" + "".join(f"{one:>14,}" for one in rows["estimate"]))
    terminal.print_line(f"  figures  {typed(out / 'sweep.csv')}")
    return 0
