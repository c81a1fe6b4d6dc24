"""From counts and coverage to the files of an account: what was counted, how wrong it may be, what is shared."""

import json
from pathlib import Path

import polars as pl

from estimation.account.files import CELL
from estimation.account.shared_errors import write_biases
from estimation.account.smoothed_counts import with_expected
from estimation.periods import age_group
from pipeline.schemas import NATIONALITY_GROUPS, SEXES
from pipeline.study import FlowErrors, Periods
from pipeline.tables import write_text

LEAST_VARIANCE = 0.01
"""Variance per expected resident that even a perfect list keeps."""


def write_account_inputs(
    periods: Periods,
    flow_errors: FlowErrors,
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
    out: Path,
) -> None:
    """Write the account files of a study from its tables `counts`, `coverage` and `coverage_covariance`.

    Stocks are multiplied by the factor of their class; flows are not. The independent errors are: of a
    stock, that the list misses and wrongly holds people at random, that coverage differs between the ages of
    a class, and that some migrations become known late; of a flow, Poisson, and unfinished stays. The shared
    errors are: of stocks, that of each class's factor, in all years; of flows, the declared relative standard
    error of each measure, in each year.
    """
    yearly = counts.filter(pl.col("period") != "quarter").with_columns(time=pl.col("time").dt.year())
    yearly = yearly.with_columns(pl.col("measure", "sex", "nationality_group").cast(pl.String))
    years = {"population": periods.stock_years} | dict.fromkeys(
        ("immigration", "emigration", "births", "deaths"), periods.flow_years
    )
    cohorts = _cohorts(yearly)
    cells = {
        name: _all_cells(yearly.filter(pl.col("measure") == name), cohorts, when) for name, when in years.items()
    }
    classes = coverage_by_cell(coverage)
    stocks = _with_factor(cells["population"], classes)
    _write(stocks, "population", out)
    _write(cells["births"].filter(pl.col("cohort") == pl.col("time")), "births", out)
    _write(cells["deaths"], "deaths", out)
    spread = with_expected(stocks, stock=True).with_columns(
        variance=pl.col("chance") * pl.col("list_variance")
        + (pl.col("uneven") * pl.col("expected")) ** 2
        + pl.col("variance_unfinished") * pl.col("factor") ** 2
    )
    _write_sd(spread, "population", out)
    for name in ("immigration", "emigration"):
        _write(cells[name], name, out)
        spread = with_expected(cells[name], stock=False)
        _write_sd(spread.with_columns(variance=pl.col("chance") + pl.col("variance_unfinished")), name, out)
    write_biases(periods, flow_errors, coverage, covariance, out)


def coverage_by_cell(coverage: pl.DataFrame) -> pl.DataFrame:
    """Return the class, factor and error rates of every sex, age group and nationality group."""
    members = [
        (name, *member)
        for name, text in coverage.select("coverage_class", "members").iter_rows()
        for member in json.loads(text)
    ]
    cells = pl.DataFrame(members, schema=["coverage_class", "sex", "age_group", "nationality_group"], orient="row")
    return cells.join(
        coverage.select("coverage_class", "factor", "missed", "erroneous", "uneven"), on="coverage_class", how="left"
    )


def _cohorts(yearly: pl.DataFrame) -> pl.DataFrame:
    """Return all series that the account may need: every cohort between the oldest and the youngest."""
    oldest, youngest = yearly["cohort"].min(), yearly["time"].max()
    span = pl.DataFrame({"cohort": pl.int_range(oldest, youngest + 1, dtype=pl.Int32, eager=True)})  # ty: ignore
    groups = pl.DataFrame({"nationality_group": NATIONALITY_GROUPS})
    return pl.DataFrame({"sex": SEXES}).join(groups, how="cross").join(span, how="cross")


def _all_cells(counted: pl.DataFrame, cohorts: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return one row a cell of the years, those that count nobody included."""
    grid = cohorts.join(pl.DataFrame({"time": years}, schema={"time": pl.Int32}), how="cross")
    cells = grid.filter(pl.col("cohort") <= pl.col("time")).join(
        counted.select(*CELL, "count", "variance_unfinished"), on=CELL, how="left", maintain_order="left"
    )
    return cells.with_columns(
        pl.col("count", "variance_unfinished").fill_null(0.0), age=pl.col("time") - pl.col("cohort")
    ).sort(CELL)


def _with_factor(stocks: pl.DataFrame, classes: pl.DataFrame) -> pl.DataFrame:
    """Return stocks times the factor of their class, with the variance of the list per estimated resident.

    A list that misses a share u of N residents at random, and holds the share o of its rows wrongly, counts
    x with variance N u(1-u) + o x; N is estimated by f x, so its variance is f^2 (u(1-u) + o / f) per resident.
    """
    factor, missed = pl.col("factor"), pl.col("missed")
    joined = stocks.with_columns(age_group(pl.col("age"))).join(
        classes, on=["sex", "age_group", "nationality_group"], how="left", maintain_order="left"
    )
    return joined.with_columns(
        count=(pl.col("count") * factor).round(9),
        list_variance=factor**2 * missed * (1 - missed) + factor * pl.col("erroneous") + LEAST_VARIANCE,
    )


def _write(cells: pl.DataFrame, name: str, out: Path) -> None:
    ordered = cells.sort(CELL).select("age", "sex", "nationality_group", "cohort", "time", "count")
    write_text(ordered.write_csv(), out / f"{name}.csv")


def _write_sd(cells: pl.DataFrame, name: str, out: Path) -> None:
    ordered = cells.sort(CELL).with_columns(sd=pl.col("variance").sqrt().round(9))
    write_text(
        ordered.select("age", "sex", "nationality_group", "cohort", "time", "sd").write_csv(), out / f"{name}_sd.csv"
    )
