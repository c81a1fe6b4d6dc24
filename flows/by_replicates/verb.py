"""The verb `replicates`: writes the intervals of a run by replicates, and prints the headline figures."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from estimation.stages import ACCOUNT
from flows.by_replicates.intervals import agreement, headline, replicate_intervals
from flows.by_replicates.replicated_run import REPLICATES, check_can_be_replicated, replicated
from flows.live.live_runs import check_not_live
from flows.progress import NullListener
from flows.terminal import Terminal, typed
from flows.variants.run_rules import opened
from pipeline.tables import write_table, write_text

TABLE = "replicate_intervals"


def replicate_run(run: Path, replicates: int, out: Path | None, *, as_json: bool) -> int:
    """Write `replicate_intervals` and `summary.json` into `replicates/` of a run, or `out`; return the status."""
    if out is None:
        check_not_live(run, "Name another folder with --out.")
    terminal = Terminal()
    with opened(run) as (base,), TemporaryDirectory() as work:
        check_can_be_replicated(base, replicates)
        found = replicated(base, replicates, Path(work), NullListener() if as_json else terminal)
        table = replicate_intervals(found, base.records[ACCOUNT.name].folder)
        summary = {
            "run_id": base.manifest["run_id"],
            "replicates": replicates,
            "link_draws": base.study.linkage.draws,
            **agreement(table),
        }
    folder = out or run / REPLICATES
    write_table(table, folder / f"{TABLE}.parquet")
    write_text(table.write_csv(), folder / f"{TABLE}.csv")
    write_text(json.dumps(summary, indent=1) + "\n", folder / "summary.json")
    terminal.close()
    if as_json:
        rows = table.with_columns(pl.col("period").cast(pl.String)).to_dicts()
        print(json.dumps({**summary, "rows": rows}, indent=1))  # noqa: T201 - the requested output
        return 0
    for line in _lines(table):
        terminal.print_line(line)
    terminal.print_line(
        f"  {summary['within_15_percent']} of {summary['figures']} half-widths agree to 15% "
        f"({replicates:,} replicates, {summary['link_draws']:,} draws of links)"
    )
    terminal.print_line(f"  figures  {typed(folder / f'{TABLE}.csv')}")
    return 0


def _lines(table: pl.DataFrame) -> list[str]:
    """Return the headline figures with both half-widths, and the share of links in the variance by replicates."""
    lines = [f"  {'':<26}{'estimate':>12}{'±':>10}{'± replicates':>15}{'ratio':>8}{'links':>8}"]
    for row in headline(table).iter_rows(named=True):
        half = row["half_width_replicates"]
        links = row["variance_links"] / (half / 1.96) ** 2 if half else 0.0
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        name = f"{row['measure']} {row['period']:%-d %b %Y}"
        lines.append(
            f"  {name:<26}{row['estimate']:>12,.1f}{row['half_width']:>10,.1f}{half:>15,.1f}{ratio:>8}{links:>8.0%}"
        )
    return lines
