"""The results of an account as tables: every cell, totals, and biases, each with its 95% interval.

Rows and keys are those of the account's files, in their order and as they are written there.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import log_ndtr, ndtri_exp

from estimation.account.columns import PLACE_KEYS
from estimation.account.files import NOISY, AccountFiles
from estimation.account.solve import SolvedAccount, SolvedArea, Spread
from estimation.arrays import Floats

Z95 = 1.96
LEVEL = 0.95
DECIMALS = 6
"""Figures are rounded far above the noise of floating point, so that their bytes are stable."""
NO_NEGATIVE_ZERO = 0.0
"""Added to a figure, it makes -0.0 (a rounded -1e-12) 0.0."""
TOTALS = (*NOISY, "net")
FLOWS = NOISY[1:]


@dataclass(frozen=True)
class AccountTables:
    """The tables of an account by name: `population`, `flows`, `totals`, `bias`."""

    population: pl.DataFrame
    flows: pl.DataFrame
    totals: pl.DataFrame
    bias: pl.DataFrame


def account_tables(files: AccountFiles, solved: SolvedAccount) -> AccountTables:
    """Return the tables of a solved account; one area at a time is in memory."""
    numbers = {name: np.zeros((3, files.given[name].height)) for name in NOISY}
    keys = [name for name in PLACE_KEYS if name in files.given["population"].columns]
    groups = sorted(set(files.cells["population"]["nationality_group"])) if "nationality_group" in keys else []
    totals: list[pl.DataFrame] = []
    overall = None
    for area in solved.areas():
        cells = area.balance.cells
        intervals = never_negative_intervals(area.estimates, area.least_squares, area.standard_errors)
        for name in NOISY:
            arrays = (area.estimates, *intervals)
            numbers[name][:, cells.rows[name]] = [one.ravel()[cells.places[name]] for one in arrays]
        values, spread = _totals(area, groups)
        totals.append(_total_rows(values, spread, area, [*groups, None]))
        overall = (values, spread) if overall is None else (overall[0] + values, overall[1] + spread)
    if overall is not None and "area" in keys:
        totals.append(_total_rows(*overall, area, [*groups, None]).with_columns(area=pl.lit(None, pl.String)))
    rows = pl.concat(totals)
    cells = {name: _with_numbers(files.given[name], numbers[name]) for name in NOISY}
    return AccountTables(
        cells["population"].select(*_cell_keys(keys), "estimate", "lower", "upper"),
        pl.concat([cells[name].with_columns(measure=pl.lit(name)) for name in FLOWS]).select(
            "measure", *_cell_keys(keys), "estimate", "lower", "upper"
        ),
        rows.select(*keys, "time", "measure", "estimate", "lower", "upper"),
        bias_table(solved),
    )


def never_negative_intervals(estimates: Floats, centres: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return the shortest 95% intervals of normal distributions of which only what is above 0 is possible.

    That is `estimate` -+ 1.96 standard errors where the lower end is above 0, and otherwise 0 to the 95th percentile
    of what remains above 0. A cell that is bound at 0 has its least-squares estimate, below 0, as its centre.
    """
    centre = np.where(estimates > 0, estimates, np.minimum(centres, 0.0))
    safe = np.where(errors > 0, errors, 1.0)
    above = log_ndtr(centre / safe)  # of the part above 0, on the logarithmic scale: it may be tiny
    percentile = np.maximum(centre - safe * ndtri_exp(above + np.log(1 - LEVEL)), 0.0)
    cut = centre - Z95 * errors < 0
    upper = np.where(errors > 0, np.where(cut, percentile, centre + Z95 * errors), estimates)
    return np.where(cut, 0.0, centre - Z95 * errors), np.maximum(upper, estimates)


def bias_table(solved: SolvedAccount) -> pl.DataFrame:
    """Return `term, estimate, lower, upper, z` of every term that the files declare.

    |z| is large where a source is not as it was declared.
    """
    found = solved.biases
    half = Z95 * np.sqrt(np.maximum(found.posterior_variances, 0.0))
    frame = pl.DataFrame(
        {
            "term": pl.Series(solved.terms.names, dtype=pl.String),
            "estimate": found.estimates,
            "lower": found.estimates - half,
            "upper": found.estimates + half,
            "z": found.adjustments,
        }
    )
    return frame.filter(~pl.Series(solved.terms.assumed)).with_columns(pl.col(pl.Float64).round(9))


def _cell_keys(places: list[str]) -> list[str]:
    return [*places, "sex", "cohort", "age", "time"]


def _with_numbers(given: pl.DataFrame, numbers: Floats) -> pl.DataFrame:
    columns = {
        name: pl.Series(one).round(DECIMALS) + NO_NEGATIVE_ZERO
        for name, one in zip(("estimate", "lower", "upper"), numbers, strict=True)
    }
    return given.with_columns(**columns)


def _totals(area: SolvedArea, groups: list[str]) -> tuple[Floats, Spread]:
    """Return all totals of an area and their spread: for each group and then for all, by `_total_keys`."""
    cells = area.balance.cells
    of_group = [(cells.series["nationality_group"] == group).to_numpy() for group in groups]
    members = np.array([*of_group, np.ones(cells.series.height)], dtype=float)
    measures = np.array(cells.columns.measures)
    signs = {name: (measures == name).astype(float) for name in NOISY}
    signs["net"] = signs["immigration"] - signs["emigration"]
    patterns = np.array([signs[measure] * (cells.columns.years == year) for measure, year in _total_keys(area)])
    values = members @ area.estimates @ patterns.T
    return values.ravel(), area.spread_of_patterns(members, patterns)


def _total_keys(area: SolvedArea) -> list[tuple[str, int]]:
    times = area.balance.cells.columns.times.tolist()
    return [(measure, year) for measure in TOTALS for year in (times if measure == "population" else times[1:])]


def _total_rows(values: Floats, spread: Spread, area: SolvedArea, groups: list[str | None]) -> pl.DataFrame:
    keys = pl.DataFrame(_total_keys(area), schema={"measure": pl.String, "time": pl.Int64}, orient="row")
    frame = pl.DataFrame({"nationality_group": pl.Series(groups, dtype=pl.String)}).join(keys, how="cross")
    half = Z95 * np.sqrt(spread.variances)
    frame = frame.with_columns(
        area=pl.lit(area.balance.cells.name),
        estimate=pl.Series(values),
        lower=pl.Series(values - half),
        upper=pl.Series(values + half),
    )
    never_negative = pl.when(pl.col("measure") == "net").then(pl.col("lower")).otherwise(pl.col("lower").clip(0.0))
    return frame.with_columns(lower=never_negative).with_columns(
        pl.col(pl.Float64).round(DECIMALS) + NO_NEGATIVE_ZERO
    )
