"""The rates at which links and rules are wrong, pooled over the replicates of a finished validation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from estimation.arrays import Floats
from flows.estimation_only.error_rates import CELL, FALSE, OUTCOME, SUMS, TRUE
from pipeline.errors import UserError
from pipeline.schemas import NATIONALITY_GROUPS
from pipeline.study import Periods
from pipeline.tables import read_table

FILES = ("error_rates", "flow_completeness", "nationality_patterns", "survey_links")
ALIKE = ["measure", "year", *CELL[2:]]
"""What those are alike in who have the same rates: a cell of `error_rates`, by its year."""
WIDER = (
    ALIKE,
    ["measure", "year", "nationality_group", "migrant", "child"],
    ["measure", "year", "nationality_group", "migrant"],
    ["measure", "year", "migrant"],
)
FEWEST_CASES = 30
"""A cell with fewer true cases has the rates of the first wider one, in the order of `WIDER`, that has as many."""


@dataclass(frozen=True)
class MeasuredRates:
    """What the inputs of estimation are drawn from.

    `outcomes` has for each cell of `ALIKE` what becomes of its cases (`OUTCOME`), true ones in the order of their
    probability: the `rate` per true case, the mean `probability`, and of residents the shares that are `trimmed` and
    `known`. `shared` has for each measure and year how far rates of the replicates vary beyond chance: `missed` and
    `false`, squared coefficients of variation. `completeness` is the table `flow_completeness`. `patterns` are those
    of `nationality_patterns` with a `weight` within each true group. `recall`, `false_link_rate` are those of survey
    links, and `listed_of_spine` is the number of listed people for each person of the spine.
    """

    outcomes: pl.DataFrame
    shared: pl.DataFrame
    completeness: pl.DataFrame
    patterns: pl.DataFrame
    recall: float
    false_link_rate: float
    listed_of_spine: float
    replicates: int


def read_measured_rates(validation: Path, periods: Periods) -> MeasuredRates:
    """Return the rates in published `periods` that the scores of a finished validation show.

    Raises `UserError` where the folder has none, or those of an earlier version.
    """
    folders = sorted((one for one in (validation / "scores").glob("*") if one.is_dir()), key=lambda one: one.name)
    if not any((one / f"{FILES[0]}.parquet").exists() for one in folders):
        raise UserError(
            f"{validation}: has no error rates of links and rules. Make a validation with `sojourn validate` there "
            "first, or name one with --rates."
        )
    missing = [one / f"{name}.parquet" for one in folders for name in FILES if not (one / f"{name}.parquet").exists()]
    if missing:
        raise UserError(
            f"{missing[0]}: is missing, so it is not known how many migrations each case of this validation stands "
            "for. An earlier version made it: make it again, with the options that it had, by `sojourn validate "
            f"--replicates {len(folders)} --residents R --out {validation}`."
        )
    read = {name: [read_table(one / f"{name}.parquet") for one in folders] for name in FILES}
    rates = pl.concat(
        [one.with_columns(seed=pl.lit(int(folder.name))) for folder, one in zip(folders, read[FILES[0]], strict=True)]
    )
    links = pl.concat(read["survey_links"])
    if rates.is_empty() or links.is_empty():
        raise UserError(f"{validation}: its runs have no stays or no reviewed survey, so no error rates are known.")
    rates = rates.with_columns(year=pl.col("time").dt.year()).filter(
        pl.when(pl.col("measure") == "population")
        .then(pl.col("year").is_in(periods.stock_years))
        .otherwise(pl.col("year").is_in(periods.flow_years))
    )
    sums = links.sum()
    return MeasuredRates(
        _outcomes(rates),
        _shared(rates),
        _completeness(pl.concat(read["flow_completeness"])),
        _patterns(pl.concat(read["nationality_patterns"])),
        recall=sums["linked"][0] / max(sums["known"][0], 1),
        false_link_rate=sums["unknown_linked"][0] / max(sums["surveyed"][0] - sums["known"][0], 1),
        listed_of_spine=sums["listed"][0] / max(sums["spine_people"][0], 1),
        replicates=len(folders),
    )


def _outcomes(rates: pl.DataFrame) -> pl.DataFrame:
    """Return what becomes of the cases of every cell, by the rates of the narrowest of `WIDER` that has enough."""
    years = rates.select("measure", "year", "migrant").unique()
    groups = pl.DataFrame({"nationality_group": NATIONALITY_GROUPS}, schema={"nationality_group": pl.String})
    quarters = rates.select("measure", "quarter").unique()
    left = (
        years.join(groups, how="cross")
        .join(pl.DataFrame({"child": [False, True]}), how="cross")
        .join(quarters, on="measure")
    )
    found, of_true = [], pl.col("cases").filter(pl.col("kind") == TRUE).sum()
    for key in WIDER:
        fewest = FEWEST_CASES if key != WIDER[-1] else 1
        enough = (
            rates.group_by(*key, *OUTCOME)
            .agg(pl.col(SUMS).sum())
            .with_columns(true=of_true.over(key))
            .filter(pl.col("true") >= fewest)
        )
        found.append(left.join(enough, on=key).select(*ALIKE, *OUTCOME, *SUMS, "true"))
        left = left.join(enough, on=key, how="anti")
    return (
        pl.concat(found)
        .with_columns(pl.col(SUMS[1:]) / pl.col("cases"), rate=pl.col("cases") / pl.col("true"))
        .drop("cases", "true")
        .sort(*ALIKE, *OUTCOME)
    )


def _completeness(of_runs: pl.DataFrame) -> pl.DataFrame:
    """Return the mean of the tables `flow_completeness` of runs."""
    key = [name for name in of_runs.columns if name != "migrations_per_case"]
    return of_runs.group_by(key).agg(pl.col("migrations_per_case").mean().round(6)).sort(key)


def _shared(rates: pl.DataFrame) -> pl.DataFrame:
    """Return the squared coefficient of variation of missed and false rates between replicates beyond that of chance.

    By moments: cases that are missed independently at the rate m of n have the variance m(1 - m)/n of a year's rate,
    false ones as Poisson counts the variance m/n; what the replicates of a year vary by more is shared.
    """
    kind, cases = pl.col("kind"), pl.col("cases")
    by_seed = rates.group_by("seed", "measure", "year", maintain_order=True).agg(
        n=cases.filter(kind == TRUE).sum(),
        missed=cases.filter(kind == TRUE, pl.col("twentieth") == 0).sum(),
        false=cases.filter(kind == FALSE, pl.col("certain")).sum(),
    )
    rows = []
    for key, part in by_seed.sort("measure", "year", "seed").group_by("measure", "year", maintain_order=True):
        n = part["n"].to_numpy()
        rows.append((*key, *(_beyond_chance(part[name].to_numpy(), n) for name in ("missed", "false"))))
    schema = {"measure": pl.String, "year": pl.Int32, "missed": pl.Float64, "false": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("measure", "year")


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
