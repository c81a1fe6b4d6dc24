"""The verb `revisions`: runs of several data dates, how each figure was revised, and why."""

import json
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from flows.chain import STAGES, run_chain
from flows.live.live_runs import check_not_live
from flows.progress import ProgressListener
from flows.revisions import (
    SPLIT,
    later_revisions,
    provisional_ranges,
    revision_ranges,
    revisions,
    split,
    with_split,
    with_status,
)
from flows.run import check_threads
from flows.terminal import Terminal, typed
from flows.variants.estimates import KEY, Published, published_estimates
from flows.variants.run_rules import RunRules, opened
from pipeline.errors import UserError, first_line
from pipeline.schemas import ALL
from pipeline.stage import Stage
from pipeline.tables import read_table, write_table, write_text
from publication.report import write_report
from publication.row_selection import REVISIONS, as_text, measured, yearly
from publication.run_folder import SCORES
from publication.scores import Scores
from publication.stages import PUBLISH
from rules.rule_set import rule_set_path

TABLES = ("revisions", "provisional_ranges")
BEFORE_PUBLISHING: tuple[Stage, ...] = tuple(stage for stage in STAGES if stage is not PUBLISH)
SETTINGS = ("linkage", "coverage", "flow_errors", "account")
"""Parts of a study that belong to its models."""


def revisions_of_runs(
    runs: Sequence[Path], *, history: Sequence[Path] = (), as_json: bool = False, threads: int = 2
) -> int:
    """Compare finished runs of several data dates; returns the exit status.

    `revisions/` of the latest run gets `revisions.csv` and `provisional_ranges.csv`, and its report is drawn again
    with them. `history` are such `revisions.csv` of other countries or studies, which tell of later revisions too.
    Raises `UserError` for fewer than two runs, two of one data date, or different countries.
    """
    check_threads(threads)
    for run in runs:
        check_not_live(run, "Compare runs that were made without --live.")
    told = [_read_history(path) for path in history]
    terminal = Terminal() if not as_json else None
    with opened(*runs) as found:
        vintages = sorted(found, key=lambda one: one.study.data_date)
        _check(vintages)
        table, ranges = _compare(vintages, told, terminal, threads)
        latest = vintages[-1].run
        for name, frame in zip(TABLES, (table, ranges), strict=True):
            write_table(frame, latest / REVISIONS / f"{name}.parquet")
            write_text(frame.write_csv(float_precision=6), latest / REVISIONS / f"{name}.csv")
        write_report(latest, manifest=vintages[-1].manifest, scores=_scores(latest))
    if terminal is None:
        print(json.dumps({"revisions": _plain(table), "provisional_ranges": _plain(ranges)}, indent=1))  # noqa: T201
        return 0
    for line in _lines(table, ranges):
        terminal.print_line(line)
    terminal.print_line(f"  written  {typed(latest / REVISIONS)}, report.html drawn again")
    return 0


def _check(vintages: Sequence[RunRules]) -> None:
    if len(vintages) < 2:
        raise UserError("revisions: needs two runs or more, of different data dates. Name them all.")
    for one, other in pairwise(vintages):
        if one.study.data_date == other.study.data_date:
            raise UserError(
                f"{one.run} and {other.run}: both have the data date {one.study.data_date}. Compare them with "
                "`sojourn diff`, or leave one out."
            )


def _compare(
    vintages: Sequence[RunRules], told: Sequence[pl.DataFrame], terminal: ProgressListener | None, threads: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    published = {one.study.data_date: _published(one) for one in vintages}
    estimates = {day: one.select(*KEY, "estimate") for day, one in published.items()}
    table = revisions(estimates)
    splits: dict[date, pl.DataFrame] = {}
    for before, now in pairwise(vintages):
        if terminal is not None:
            terminal.progress("revisions", f"{before.study.data_date} to {now.study.data_date}")
        by_rules, by_models = _by_earlier_rules(before, now, threads), None
        if _models_differ(before, now):
            by_models = _by_earlier_models(before, now, threads)
        splits[now.study.data_date] = split(
            estimates[before.study.data_date],
            by_rules if by_models is None else by_models,
            by_rules,
            estimates[now.study.data_date],
        )
    latest = vintages[-1].study.data_date
    ranges = revision_ranges(later_revisions([table, *told]))
    status = pl.concat([one.with_columns(data_date=pl.lit(day)) for day, one in published.items()])
    return (
        with_status(
            with_split(table, splits).join(
                status.select(*KEY, "data_date", "lower", "upper", "status"), on=[*KEY, "data_date"], how="left",
                maintain_order="left",
            )
        ),
        provisional_ranges(published[latest].with_columns(data_date=pl.lit(latest)), ranges),
    )  # fmt: skip


def _published(one: RunRules) -> pl.DataFrame:
    """Return the published estimates of a run with their interval and status."""
    tables = one.run / "tables"
    flows, stocks = (measured(as_text(read_table(tables / f"{name}.parquet"))) for name in ("flows", "stocks"))
    everybody = [pl.col(name) == ALL for name in ("sex", "age_group", "area")]
    rows = pl.concat(
        [
            part.filter(everybody).select("measure", day, "lower", "upper", "status", group="nationality_group")
            .rename({day: "period"})
            for part, day in ((yearly(flows), "period_end"), (stocks, "reference_date"))
        ]
    )  # fmt: skip
    return published_estimates(tables).join(rows, on=KEY, how="left", maintain_order="left")


def _by_earlier_rules(before: RunRules, now: RunRules, threads: int) -> pl.DataFrame:
    """Return what the later vintage would publish by the earlier one's rules."""
    calibrations = [one.study.rules.calibration for one in (before, now)]
    if before.rules == now.rules and calibrations[0] == calibrations[1]:
        return published_estimates(now.run / "tables")
    if any(calibrations):
        raise UserError(
            f"{before.run} and {now.run}: their rules differ, and probabilities are calibrated for one set of rules. "
            "Compare runs without [rules] calibration."
        )
    decided = now.variants(threads).decided(before.rules.evidence, before.rules.people)
    return Published(now).of(decided)


def _models_differ(before: RunRules, now: RunRules) -> bool:
    models = [one.manifest["models"] for one in (before, now)]
    settings = [
        {name: getattr(one.study, name).model_dump(exclude={"models", "previous"}) for name in SETTINGS}
        for one in (before, now)
    ]
    return models[0] != models[1] or settings[0] != settings[1]


def _by_earlier_models(before: RunRules, now: RunRules, threads: int) -> pl.DataFrame:
    """Return what the later vintage's data would give by the earlier one's models, settings and rules."""
    earlier = before.study
    linkage = earlier.linkage.model_copy(update={"models": {}, "previous": str(before.run)})
    settings = {name: getattr(earlier, name) for name in SETTINGS if name != "linkage"}
    rules = {"rule_set": str(rule_set_path(earlier)), "definition": earlier.definition}
    study = now.study.model_copy(update={"linkage": linkage, **settings, **rules})
    with TemporaryDirectory(prefix=f".{now.run.name}-revisions-", dir=now.run.parent) as folder:
        records = run_chain(
            study, Path(folder), threads=threads, stages=BEFORE_PUBLISHING,
            given={"ingest": now.records["ingest"]},
        )  # fmt: skip
        return published_estimates(records["account"].folder)


def _read_history(path: Path) -> pl.DataFrame:
    try:
        found = pl.read_csv(path, glob=False, try_parse_dates=True)
        return found.select(*KEY, "data_date", pl.col("estimate").cast(pl.Float64))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"--history {path}: is no table of revisions ({first_line(error)}). Give a revisions.csv of "
            "`sojourn revisions`."
        ) from None


def _scores(run: Path) -> Scores | None:
    """Return the scores beside a run, if it was evaluated, so that its report keeps them."""
    folder = run / SCORES
    if not folder.is_dir():
        return None
    names = [name for name in Scores().frames() if (folder / f"{name}.parquet").exists()]
    return Scores(**{name: read_table(folder / f"{name}.parquet") for name in names})


def _plain(table: pl.DataFrame) -> list[dict]:
    return table.with_columns(pl.col(pl.Date).dt.to_string("%Y-%m-%d")).to_dicts()


def _lines(table: pl.DataFrame, ranges: pl.DataFrame) -> list[str]:
    """Return a line for the latest revision of every total, and one for each provisional total."""
    last = table.filter(pl.col("group") == ALL, pl.col("new_data").is_not_null())
    last = last.filter(pl.col("data_date") == pl.col("data_date").max())
    lines = [
        f"  revised  {row['measure']} {row['period']}: {row['estimate'] - sum(row[name] for name in SPLIT):,.0f} to "
        f"{row['estimate']:,.0f} (new data {row['new_data']:+,.1f}, model {row['new_model']:+,.1f}, rules "
        f"{row['new_rules']:+,.1f})"
        for row in last.to_dicts()
    ]
    for row in ranges.filter(pl.col("group") == ALL).to_dicts():
        found = (
            f"{row['lower']:,.0f} to {row['upper']:,.0f}, by {row['revisions']} earlier revisions"
            if row["lower"] is not None
            else f"not known: {row['revisions']} figures of this age have been revised"
        )
        lines.append(f"  90%      {row['measure']} {row['period']}, now {row['estimate']:,.0f}: later {found}")
    return lines
