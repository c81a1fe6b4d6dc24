"""Writes the files of an account from counts and coverage: what was counted, its own errors, its shared errors."""

import json
from pathlib import Path

import polars as pl

from estimation.account.files import ALL_OF_ONE
from estimation.account.shared_errors import write_bias_terms
from estimation.account.smoothed_counts import with_smoothed_counts
from estimation.cells import DIVISIONS, GROSS_FLOWS, age_group
from estimation.nationality_error import nationality_terms
from pipeline.schemas import NATIONALITY_GROUPS, SEXES
from pipeline.study import FlowErrors, Periods
from pipeline.tables import write_text

INPUT_CELL = ["sex", "nationality_group", "cohort", "time"]
MINIMUM_LIST_VARIANCE = 0.01
"""Variance per estimated resident that even a perfect list keeps."""


def write_account_inputs(
    periods: Periods,
    flow_errors: FlowErrors,
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
    nationality: pl.DataFrame,
    out: Path,
) -> None:
    """Write the account files of a study from its tables `counts`, `coverage` and `coverage_covariance`.

    `nationality` is the table `nationality_covariance`, of errors that nationality groups share.

    Stocks are multiplied by the coverage factor of their class; flows are not. Independent errors of a stock:
    the list misses people and wrongly includes others at random, coverage differs between the ages of a class,
    and some migrations become known late. Of a flow: Poisson, and unfinished stays. Shared errors of stocks:
    that of each class's factor, in all years. Of flows: the declared relative standard error of each measure,
    in each year.
    """
    yearly = counts.filter(pl.col("period") != "quarter").with_columns(time=pl.col("time").dt.year())
    yearly = yearly.with_columns(pl.col("measure", "sex", "nationality_group").cast(pl.String))
    years = {"population": periods.stock_years} | dict.fromkeys(
        (*GROSS_FLOWS, "births", "deaths"), periods.flow_years
    )
    cohorts = _cohorts(yearly)
    cells = {
        name: _all_cells(yearly.filter(pl.col("measure") == name), cohorts, when) for name, when in years.items()
    }
    classes = coverage_by_cell(coverage)
    stocks = _times_factor(cells["population"], classes)
    _write_counts(stocks, "population", out)
    _write_counts(cells["births"].filter(pl.col("cohort") == pl.col("time")), "births", out)
    _write_counts(cells["deaths"], "deaths", out)
    stocks = with_smoothed_counts(stocks, stock=True).with_columns(
        variance=pl.col("variance_count") * pl.col("list_variance")
        + (pl.col("relative_sd_between_ages") * pl.col("smoothed_count")) ** 2
        + pl.col("variance_unfinished") * pl.col("factor") ** 2
    )
    _write_sds(stocks, "population", out)
    for name in GROSS_FLOWS:
        _write_counts(cells[name], name, out)
        flows = with_smoothed_counts(cells[name], stock=False)
        flows = flows.with_columns(variance=pl.col("variance_count") + pl.col("variance_unfinished"))
        _write_sds(flows, name, out)
    write_bias_terms(periods, flow_errors, coverage, covariance, nationality_terms(nationality, yearly), out)


def coverage_by_cell(coverage: pl.DataFrame) -> pl.DataFrame:
    """Return the class, factor and error rates of every sex, age group and nationality group."""
    members = [
        (name, *member)
        for name, text in coverage.select("coverage_class", "members").iter_rows()
        for member in json.loads(text)
    ]
    cells = pl.DataFrame(members, schema=["coverage_class", *DIVISIONS], orient="row")
    return cells.join(
        coverage.select("coverage_class", "factor", "share_missed", "share_erroneous", "relative_sd_between_ages"),
        on="coverage_class",
        how="left",
    )


def _cohorts(yearly: pl.DataFrame) -> pl.DataFrame:
    """Return every sex, nationality group and cohort between the oldest and the youngest."""
    oldest, youngest = yearly["cohort"].min(), yearly["time"].max()
    span = pl.DataFrame({"cohort": pl.int_range(oldest, youngest + 1, dtype=pl.Int32, eager=True)})  # ty: ignore
    groups = pl.DataFrame({"nationality_group": NATIONALITY_GROUPS})
    return pl.DataFrame({"sex": SEXES}).join(groups, how="cross").join(span, how="cross")


def _all_cells(counted: pl.DataFrame, cohorts: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return one row per cell and year, including cells without people."""
    grid = cohorts.join(pl.DataFrame({"time": years}, schema={"time": pl.Int32}), how="cross")
    cells = grid.filter(pl.col("cohort") <= pl.col("time")).join(
        counted.select(*INPUT_CELL, "count", "variance_unfinished"),
        on=INPUT_CELL,
        how="left",
        maintain_order="left",
    )
    return cells.with_columns(
        pl.col("count", "variance_unfinished").fill_null(0.0),
        age=pl.col("time") - pl.col("cohort"),
        area=pl.lit(ALL_OF_ONE),
    ).sort(INPUT_CELL)


def _times_factor(stocks: pl.DataFrame, classes: pl.DataFrame) -> pl.DataFrame:
    """Return stocks times the factor of their class, with the variance of the list per estimated resident.

    A list that misses a share u of N residents at random, and of which a share o of the rows is wrong, counts
    x with variance N u(1-u) + o x; N is estimated by f x, so its variance is f^2 (u(1-u) + o / f) per resident.
    """
    factor, missed = pl.col("factor"), pl.col("share_missed")
    joined = stocks.with_columns(age_group(pl.col("age"))).join(
        classes, on=DIVISIONS, how="left", maintain_order="left"
    )
    return joined.with_columns(
        count=(pl.col("count") * factor).round(9),
        list_variance=factor**2 * missed * (1 - missed) + factor * pl.col("share_erroneous") + MINIMUM_LIST_VARIANCE,
    )


def _write_counts(cells: pl.DataFrame, name: str, out: Path) -> None:
    ordered = cells.sort(INPUT_CELL).select("age", "sex", "nationality_group", "cohort", "time", "count")
    write_text(ordered.write_csv(), out / f"{name}.csv")


def _write_sds(cells: pl.DataFrame, name: str, out: Path) -> None:
    ordered = cells.sort(INPUT_CELL).with_columns(sd=pl.col("variance").sqrt().round(9))
    write_text(
        ordered.select("age", "sex", "nationality_group", "cohort", "time", "sd").write_csv(), out / f"{name}_sd.csv"
    )
