"""The verb `sensitivity`: net migration at both ends of the declared range of every parameter of a run's rules."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from flows.live.live_runs import check_not_live
from flows.progress import NullListener, ProgressListener
from flows.run import check_threads
from flows.terminal import Terminal, typed
from flows.variants.estimates import KEY, Counted, Estimates, Published
from flows.variants.grid import in_order_of_rules
from flows.variants.run_rules import RunRules, opened
from flows.variants.sweep import is_calibrated, shown
from pipeline.errors import unknown
from pipeline.schemas import ALL
from pipeline.tables import read_table, write_text
from publication.figures.variant_figures import tornado_figure
from publication.row_selection import latest_total, of_published_definition
from publication.variant_pages import CALIBRATED, render_sensitivity_page
from rules.parameters import with_values
from rules.variants import Variants

SENSITIVITY = "sensitivity"
ENDS = ("at_low", "at_high")


def sensitivity(
    base: RunRules,
    variants: Variants,
    estimates: Estimates,
    listener: ProgressListener | None = None,
    only: Sequence[str] = (),
) -> pl.DataFrame:
    """Return all estimates at both ends of every parameter's range, all other parameters being those of the run.

    With `only`, of these parameters; raises `UserError` for one that the rule set has not. Columns: `parameter`,
    `value, low, high, measure, period, group`, the `estimate` of the run, and its changes `at_low` and `at_high`.
    """
    for name in only:
        if name not in base.rules.parameters:
            raise unknown("parameter", name, base.rules.parameters, "--only")
    parameters = in_order_of_rules(dict.fromkeys(only) or base.rules.parameters, base.rules)
    own = estimates.of(variants.decided(base.rules.evidence, base.rules.people))
    found = []
    for number, name in enumerate(parameters, 1):
        (listener or NullListener()).progress(SENSITIVITY, f"parameter {number} of {len(parameters)}: {name}")
        one, table = base.rules.parameters[name], own
        for column, value in zip(ENDS, one.range, strict=True):
            rules = with_values(base.rules, {name: value}, name)
            changed = estimates.of(variants.decided(rules.evidence, rules.people)).rename({"estimate": column})
            table = table.join(changed, on=KEY, how="left", maintain_order="left")
        low, high = one.range
        numbers = {"value": one.value, "low": low, "high": high}
        found.append(
            table.select(
                pl.lit(name).alias("parameter"),
                *(pl.lit(float(number)).alias(column) for column, number in numbers.items()),
                *KEY,
                "estimate",
                *((pl.col(column) - pl.col("estimate")).round(6) for column in ENDS),
            )
        )
    return pl.concat(found)


def most_sensitive_first(table: pl.DataFrame, period: date) -> pl.DataFrame:
    """Return net migration of one year by parameter, the largest change first; of equals, by name."""
    return table.filter(measure="net", group=ALL, period=period).sort(
        pl.max_horizontal(pl.col(ENDS).abs()), "parameter", descending=[True, False]
    )


def sensitivity_of_run(
    run: Path, out: Path | None, *, only: Sequence[str], counted: bool, as_json: bool, threads: int
) -> int:
    """Write `sensitivity.csv` and the tornado in `sensitivity.html`, print the latter, and return the exit status."""
    check_threads(threads)
    if out is None:
        check_not_live(run, "Name another folder with --out.")
    terminal = Terminal()
    with opened(run) as (base,):
        estimates = Counted(base) if counted else Published(base)
        table = sensitivity(base, base.variants(threads), estimates, NullListener() if as_json else terminal, only)
        interval = None if counted else _interval(base)
    last = table.filter(measure="net")["period"].max()
    assert isinstance(last, date), "a run with stays has years"
    net = most_sensitive_first(table, last)
    folder = out or run / SENSITIVITY
    write_text(table.write_csv(), folder / "sensitivity.csv")
    figure = tornado_figure(net.to_dicts(), interval, last)
    write_text(render_sensitivity_page(shown(base, counted=counted), figure), folder / "sensitivity.html")
    terminal.close()
    rows = net.with_columns(pl.col("period").cast(pl.String)).to_dicts()
    if as_json:
        found = {"interval": interval, "calibrated_for_the_run": is_calibrated(base), "rows": rows}
        print(json.dumps(found, indent=1))  # noqa: T201 - the requested output
        return 0
    terminal.print_line(f"  Net migration, year ending {last:%-d %B %Y}: {rows[0]['estimate']:,.1f}")
    if interval is not None:
        terminal.print_line(f"  {'95% interval, as changes':<60}{interval[0]:>+12,.1f}{interval[1]:>+12,.1f}")
    for row in rows:
        name = f"{row['parameter']} = {row['value']:g} ({row['low']:g} to {row['high']:g})"
        terminal.print_line(f"  {name:<60}{row['at_low']:>+12,.1f}{row['at_high']:>+12,.1f}")
    if is_calibrated(base):
        terminal.print_line(f"  note     {CALIBRATED}")
    terminal.print_line(f"  figures  {typed(folder / 'sensitivity.csv')}")
    terminal.print_line(f"  chart    {typed(folder / 'sensitivity.html')}")
    return 0


def _interval(base: RunRules) -> tuple[float, float]:
    """Return the published interval of the latest net migration, as changes of the estimate."""
    flows = of_published_definition(read_table(base.run / "tables" / "flows.parquet"))
    row = latest_total(flows, "net")
    assert row is not None, "the run publishes estimates"
    return round(row["lower"] - row["estimate"], 6), round(row["upper"] - row["estimate"], 6)
