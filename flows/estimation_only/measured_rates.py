"""The rates at which links and rules are wrong, pooled over the replicates of a finished validation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from estimation.arrays import Floats
from flows.estimation_only.error_rates import CASES, ON_LISTS
from pipeline.errors import UserError
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.study import Periods
from pipeline.tables import read_table

PART = ["measure", "open", "nationality_group", "migrant"]
FILES = ("error_rates", "nationality_patterns", "survey_links")


@dataclass(frozen=True)
class MeasuredRates:
    """What the inputs of estimation are drawn from.

    `cases` has `measure, open, nationality_group, migrant`, the mean number of `true` cases, and rates per true
    case: `found, misdated, open_true, open_false, false, late, listed, trimmed, known, listed_false, trimmed_false`;
    `open_p` and `late_p` are the mean probability of an open case and the expectation of a late one. `open` is the
    latest time of a measure, in which cases are unfinished. `shared` has for each measure and `open` how far rates of
    a year vary beyond chance: `missed` and `false`, squared coefficients of variation. `patterns` are those of
    `nationality_patterns` with a `weight` within each true group. `recall`, `false_link_rate` are those of survey
    links, and `listed_of_spine` is the number of listed people for each person of the spine.
    """

    cases: pl.DataFrame
    shared: pl.DataFrame
    patterns: pl.DataFrame
    recall: float
    false_link_rate: float
    listed_of_spine: float
    replicates: int


def read_measured_rates(validation: Path, periods: Periods) -> MeasuredRates:
    """Return the rates in published `periods` that the scores of a finished validation show.

    Raises `UserError` where the folder has none.
    """
    folders = sorted((one for one in (validation / "scores").glob("*") if one.is_dir()), key=lambda one: one.name)
    missing = [one for one in folders for name in FILES if not (one / f"{name}.parquet").exists()]
    if not folders or missing:
        raise UserError(
            f"{missing[0] if missing else validation}: has no error rates of links and rules. Make a validation with "
            "`sojourn validate` there first, or name one with --rates."
        )
    read = {name: [read_table(one / f"{name}.parquet") for one in folders] for name in FILES}
    rates = pl.concat(
        [one.with_columns(seed=pl.lit(int(folder.name))) for folder, one in zip(folders, read[FILES[0]], strict=True)]
    )
    links = pl.concat(read["survey_links"])
    if rates.is_empty() or links.is_empty():
        raise UserError(f"{validation}: its runs have no stays or no reviewed survey, so no error rates are known.")
    years = pl.col("time").dt.year()
    is_stock = pl.col("measure") == "population"
    published = pl.when(is_stock).then(years.is_in(periods.stock_years)).otherwise(years.is_in(periods.flow_years))
    rates = rates.filter(published).with_columns(open=pl.col("time") == pl.col("time").max().over("seed", "measure"))
    sums = links.sum()
    return MeasuredRates(
        _pooled(rates, len(folders)),
        _shared(rates),
        _patterns(pl.concat(read["nationality_patterns"])),
        recall=sums["linked"][0] / max(sums["known"][0], 1),
        false_link_rate=sums["unknown_linked"][0] / max(sums["surveyed"][0] - sums["known"][0], 1),
        listed_of_spine=sums["listed"][0] / max(sums["spine_people"][0], 1),
        replicates=len(folders),
    )


def _pooled(rates: pl.DataFrame, replicates: int) -> pl.DataFrame:
    """Return rates by measure, open or not, and group; lists are those of the survey's day, where they are drawn."""
    per_case = [name for name in (*CASES, *ON_LISTS) if name not in ("true", "open_sum", "late_sum")]
    true, opened = pl.col("true").clip(lower_bound=1.0), pl.col("open_true") + pl.col("open_false")
    return (
        rates.group_by(*PART, maintain_order=True)
        .agg(pl.col(*CASES, *ON_LISTS).sum())
        .sort(PART)
        .with_columns(
            *((pl.col(name) / true).alias(name) for name in per_case),
            open_p=pl.when(opened > 0).then(pl.col("open_sum") / opened).otherwise(0.0),
            late_p=pl.when(pl.col("late") > 0).then(pl.col("late_sum") / pl.col("late")).otherwise(0.0),
            true=pl.col("true") / replicates,
        )
        .drop("open_sum", "late_sum")
    )


def _shared(rates: pl.DataFrame) -> pl.DataFrame:
    """Return the squared coefficient of variation of missed and false rates between years beyond that of chance.

    By moments: cases that are missed independently at the rate m of n have the variance m(1 - m)/n of a year's rate,
    false ones as Poisson counts the variance m/n; what the years of all replicates vary by more is shared.
    """
    by_year = rates.group_by("seed", "measure", "open", "time", maintain_order=True).agg(
        n=pl.col("true").sum(),
        missed=(pl.col("true") - pl.col("found") - pl.col("misdated") - pl.col("open_true")).sum(),
        false=pl.col("false").sum(),
    )
    rows = []
    for key, part in by_year.sort("seed", "measure", "time").group_by("measure", "open", maintain_order=True):
        n = part["n"].to_numpy()
        rows.append((*key, *(_beyond_chance(part[name].to_numpy(), n) for name in ("missed", "false"))))
    schema = {"measure": pl.String, "open": pl.Boolean, "missed": pl.Float64, "false": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("measure", "open")


def _beyond_chance(cases: Floats, of: Floats) -> float:
    rate = cases.sum() / max(of.sum(), 1.0)
    if rate <= 0 or len(cases) < 2:
        return 0.0
    usable = of > 0
    found = cases[usable] / of[usable]
    excess = np.mean((found - rate) ** 2 - rate * max(1 - rate, 0.0) / of[usable])
    return float(max(excess, 0.0) / rate**2)


def _patterns(patterns: pl.DataFrame) -> pl.DataFrame:
    key = ["nationality_group", "migrant"]
    return (
        patterns.group_by(*key, *NATIONALITY_GROUPS, maintain_order=True)
        .agg(pl.col("people").sum())
        .sort(*key, *NATIONALITY_GROUPS)
        .with_columns(weight=pl.col("people") / pl.col("people").sum().over(key))
        .drop("people")
    )
