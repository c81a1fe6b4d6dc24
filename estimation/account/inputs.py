"""Writes the files of an account from counts and coverage: what was counted, its own errors, its shared errors."""

from pathlib import Path

import polars as pl

from estimation.account.error_parts import ErrorParts
from estimation.account.errors_counted_once import errors_counted_once
from estimation.account.files import ALL_OF_ONE
from estimation.account.own_errors import (
    MINIMUM_LIST_VARIANCE,
    parts_of_cells,
    with_flow_errors,
    with_stock_errors,
)
from estimation.account.shared_errors import SharedErrors, write_bias_terms
from estimation.account.smoothed_counts import with_smoothed_counts
from estimation.cells import DIVISIONS, GROSS_FLOWS, age_group, cells_of_classes
from estimation.nationality_error import nationality_terms
from estimation.not_final import KEY, not_decided
from pipeline.schemas import NATIONALITY_GROUPS, SEXES
from pipeline.study import FlowErrors, Periods
from pipeline.tables import write_text

INPUT_CELL = ["sex", "nationality_group", "cohort", "time"]
OF_UNFINISHED = ("variance_unfinished", "variance_late")


def write_account_inputs(
    periods: Periods,
    flow_errors: FlowErrors,
    counts: pl.DataFrame,
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
    ages: pl.DataFrame,
    nationality: pl.DataFrame,
    out: Path,
    by_year: pl.DataFrame | None = None,
    declared_error: float = 0.0,
) -> ErrorParts:
    """Write the account files of a study from its tables `counts`, `coverage` and `coverage_covariance`.

    Returns what the variances in them consist of.

    `ages` is the table `coverage_ages`; `nationality` is the table `nationality_covariance`, of errors that
    nationality groups share. Where several surveys give factors of years, `by_year` is the table `coverage_by_year`,
    and `covariance` that of classes and years. `declared_error` is the part of the declared error of factors that all
    people share; the rest is that of children.

    Stocks are multiplied by the coverage factor of their class and age, and of their year where factors are of years;
    flows are not. Errors of a stock that no other cell shares: the list misses people and wrongly includes others at
    random, and coverage differs between the ages of a class; a class as a whole errs by its factor alone
    (`errors_counted_once`). Some migrations become known late. Of a flow: the
    declared wrong cases, and unfinished stays. Shared errors of stocks: that of each class's factor, in all years. Of
    flows: what the study declares.
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
    stocks = _times_factor(cells["population"], coverage_by_cell(coverage), ages, by_year)
    _write_counts(stocks, "population", out)
    _write_counts(cells["births"].filter(pl.col("cohort") == pl.col("time")), "births", out)
    _write_counts(cells["deaths"], "deaths", out)
    stocks = with_stock_errors(with_smoothed_counts(stocks, stock=True), len(periods.stock_years))
    _write_sds(stocks, "population", out)
    parts = [parts_of_cells(stocks, "population")]
    for name in GROSS_FLOWS:
        _write_counts(cells[name], name, out)
        flows = with_flow_errors(with_smoothed_counts(cells[name], stock=False), name, flow_errors.of_case(name))
        _write_sds(flows, name, out)
        parts.append(parts_of_cells(flows, name))
    of_groups = nationality_terms(nationality, yearly)
    covariance = errors_counted_once(covariance, stocks, len(periods.stock_years))
    open_cases = {row[:3]: row[3] for row in not_decided(yearly).select(*KEY, "share").iter_rows()}
    shared = SharedErrors(coverage, covariance, flow_errors, open_cases, of_groups, declared_error)
    return ErrorParts(pl.concat(parts), write_bias_terms(periods, shared, out))


def coverage_by_cell(coverage: pl.DataFrame) -> pl.DataFrame:
    """Return the class, factor and `list_variance` of every sex, age group and nationality group."""
    return cells_of_classes(coverage).join(
        coverage.select("coverage_class", "factor", "list_variance"),
        on="coverage_class",
        how="left",
        maintain_order="left",
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
        counted.select(*INPUT_CELL, "count", *OF_UNFINISHED),
        on=INPUT_CELL,
        how="left",
        maintain_order="left",
    )
    return cells.with_columns(
        pl.col("count", *OF_UNFINISHED).fill_null(0.0),
        age=pl.col("time") - pl.col("cohort"),
        area=pl.lit(ALL_OF_ONE),
    ).sort(INPUT_CELL)


def _times_factor(
    stocks: pl.DataFrame, classes: pl.DataFrame, ages: pl.DataFrame, by_year: pl.DataFrame | None
) -> pl.DataFrame:
    """Return stocks times the factor of their class and age, with the variance of the list per estimated resident.

    With factors `by_year`, that of a class is the one of the stock's year.
    """
    factor = pl.col("factor")
    of_age = ages.with_columns(pl.col("sex", "nationality_group").cast(pl.String))
    joined = (
        stocks.with_columns(age_group(pl.col("age")))
        .join(classes, on=DIVISIONS, how="left", maintain_order="left")
        .join(of_age, on=["sex", "nationality_group", "age"], how="left", maintain_order="left")
    )
    if by_year is not None:
        of_year = by_year.select("coverage_class", "factor", time="year")
        joined = joined.drop("factor").join(of_year, on=["coverage_class", "time"], how="left", maintain_order="left")
    joined = joined.with_columns(factor * pl.col("relative_factor"))
    return joined.with_columns(
        count=(pl.col("count") * factor).round(9),
        list_variance=pl.col("list_variance") + MINIMUM_LIST_VARIANCE,
    )


def _write_counts(cells: pl.DataFrame, name: str, out: Path) -> None:
    ordered = cells.sort(INPUT_CELL).select("age", "sex", "nationality_group", "cohort", "time", "count")
    write_text(ordered.write_csv(), out / f"{name}.csv")


def _write_sds(cells: pl.DataFrame, name: str, out: Path) -> None:
    ordered = cells.sort(INPUT_CELL).with_columns(sd=pl.col("variance").sqrt().round(9))
    write_text(
        ordered.select("age", "sex", "nationality_group", "cohort", "time", "sd").write_csv(), out / f"{name}_sd.csv"
    )
