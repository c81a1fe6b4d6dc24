"""`validate --estimation-only`: many replicates of the estimation's inputs around one truth, scored and pooled."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from estimation.interval_score import PARTS
from flows.estimation_only.estimates import Estimated, SomeReplicates
from flows.estimation_only.measured_rates import read_measured_rates
from flows.pooled_scores import KEY, pool_figures, scored_figures
from flows.terminal import Terminal, typed
from pipeline.disk import make_folder
from pipeline.errors import UserError
from pipeline.store import Store
from pipeline.study import Periods
from pipeline.tables import write_text
from pipeline.worker_processes import Task, results
from publication.estimation_only_page import Repeated, estimation_only_page, summary_lines
from publication.words import count

IN_ONE_PROCESS = 25
"""Replicates that a process makes: it simulates the country once for all of them."""
SHOWN_ONLY = 10
"""People below which a true figure is in the tables, but not judged together with others."""
Z95 = 1.96


def validate_estimation(
    replicates: int,
    residents: int,
    *,
    scenario: str,
    first_seed: int,
    rates: Path,
    out: Path,
    threads: int,
    memory: int,
    memory_of_one: int,
    as_json: bool,
) -> int:
    """Repeat the stages of estimation alone, write `estimation_only.json` and its page; returns the exit status.

    The country is that of `first_seed`; the replicates have the seeds from there on. `rates` is the folder of a
    finished validation. Raises `UserError` where it has no error rates, or where a replicate cannot be estimated.
    """
    measured = read_measured_rates(rates, Periods())
    terminal = Terminal(stream=sys.stderr if as_json else None)
    terminal.print_line(
        f"sojourn validate --estimation-only · {count(replicates)} replicates around one country of "
        f"{count(residents)} residents · SYNTHETIC DATA, NOT STATISTICS"
    )
    seeds = range(first_seed, first_seed + replicates)
    parts = [seeds[at : at + IN_ONE_PROCESS] for at in range(0, len(seeds), IN_ONE_PROCESS)]
    work = [SomeReplicates(residents, first_seed, scenario, rates.resolve(), part) for part in parts]
    found = results(
        [Task(one, memory_of_one) for one in work],
        threads,
        memory,
        lambda ended: terminal.progress("validate", f"{ended} of {len(work)} parts estimated"),
    )
    terminal.close()
    estimated: list[Estimated] = [one for part in found for one in part]
    make_folder(out)
    with Store(out).locked():
        text = json.dumps(pooled(estimated), indent=1) + "\n"
        write_text(text, out / "estimation_only.json")
        described = Repeated(
            residents, scenario, (seeds[0], seeds[-1]), measured.replicates,
            _command(replicates, residents, scenario, first_seed),
        )  # fmt: skip
        page = out / "estimation_only.md"
        write_text(estimation_only_page(described, json.loads(text)), page)
    if as_json:
        print(text, end="")  # noqa: T201 - the requested output
        return 0
    for line in summary_lines(json.loads(text)):
        terminal.print_line(f"  {line}")
    terminal.print_line(f"  page     {typed(page)}")
    terminal.print_line(f"  figures  {typed(out / 'estimation_only.json')}")
    return 0


def pooled(estimated: Sequence[Estimated]) -> dict[str, list[dict]]:
    """Return `margins`, `groups` and `figures` as lists of records.

    `figures` are those of `pool_figures`. `groups` pools the periods of a measure, margin and group, `margins` the
    groups of a margin as well; both with standard errors that count replicates, not figures: those of one replicate
    err together.
    """
    scored = [(one.flows, one.stocks) for one in estimated]
    cells = scored_figures(scored)
    rounded = pl.selectors.float().round(6)
    return {
        "margins": clustered(cells, ["measure", "margin"]).with_columns(rounded).to_dicts(),
        "groups": clustered(cells, ["measure", "margin", "group"]).with_columns(rounded).to_dicts(),
        "figures": pool_figures(scored).with_columns(rounded).sort(KEY).to_dicts(),
    }


def clustered(cells: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return pooled scores by some keys, with the standard errors of means over independent replicates.

    `cells` are those of `scored_figures`; figures of fewer than `SHOWN_ONLY` true people are left out, but net
    migration. Columns: `by`, `replicates`, `figures` (in each), `bias` (mean error of a figure) and `bias_se`,
    `relative_bias` (sum of errors over sum of truths; null for net migration) and its `_se`, `rmse`,
    `mean_half_width`, `half_width_over_rmse` (half-width over 1.96 RMSE; 1 is as wide as needed), `coverage` and its
    `_se`, `interval_score` and its parts.
    """
    judged = cells.filter((pl.col("truth").abs() >= SHOWN_ONLY) | (pl.col("measure") == "net"))
    means = judged.group_by(*by, "replicate", maintain_order=True).agg(
        pl.col("error", "half_width", *PARTS).mean(),
        figures=pl.len().cast(pl.Int64),
        coverage=pl.col("inside").mean(),
        squares=(pl.col("error") ** 2).mean(),
        relative=pl.when(pl.col("measure").first() != "net").then(pl.col("error").sum() / pl.col("truth").sum()),
    )
    number = pl.len().sqrt()
    rmse = pl.col("squares").mean().sqrt()
    return (
        means.group_by(by, maintain_order=True)
        .agg(
            replicates=pl.len().cast(pl.Int64),
            figures=pl.col("figures").first(),
            bias=pl.col("error").mean(),
            bias_se=pl.col("error").std() / number,
            relative_bias=pl.col("relative").mean(),
            relative_bias_se=pl.col("relative").std() / number,
            rmse=rmse,
            mean_half_width=pl.col("half_width").mean(),
            half_width_over_rmse=pl.when(rmse > 0).then(pl.col("half_width").mean() / (Z95 * rmse)),
            coverage=pl.col("coverage").mean(),
            coverage_se=pl.col("coverage").std() / number,
            **{name: pl.col(name).mean() for name in PARTS},
        )
        .with_columns(interval_score=pl.sum_horizontal(PARTS))
        .sort(by)
    )


def check_estimation_only(start: str, ablation: str | None, *, keep: bool, against: Path | None) -> None:
    """Raise `UserError` for options of a whole validation that mean nothing here."""
    given = {"--from": start != "simulate", "--with": ablation, "--keep": keep, "--against": against}
    for name, used in given.items():
        if used:
            raise UserError(f"{name}: has no meaning with --estimation-only. Leave it out.")


def _command(replicates: int, residents: int, scenario: str, first_seed: int) -> str:
    parts = [f"sojourn validate --estimation-only --replicates {replicates} --residents {residents}"]
    parts += [f"--scenario {scenario}"] if scenario != "baseline" else []
    parts += [f"--seed {first_seed}"] if first_seed != 1001 else []
    return " ".join([*parts, "--rates FOLDER"])
