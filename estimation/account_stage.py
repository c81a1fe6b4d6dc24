"""The stage `account`: counts and coverage become one coherent account, and the account published tables."""

import polars as pl

from estimation.account.inputs import write_account_inputs
from estimation.account.reconcile import reconcile
from estimation.cells import DIVISIONS
from estimation.error_sources import error_sources
from estimation.measured_periods import without
from estimation.periods import year_end, year_start
from estimation.published_tables import estimates, published_flows, published_stocks, rule_set_id
from estimation.stages import AccountStudy
from estimation.unmeasured_rows import with_unmeasured_flows, with_unmeasured_stocks
from pipeline.schemas import ALL, save, table_path
from pipeline.stage import StageContext, StageResult
from pipeline.tables import read_table


def account(context: StageContext[AccountStudy]) -> StageResult:
    """Write `account_in/`, reconcile it, and write `estimates`, `flows`, `stocks` and `error_sources`."""
    study, folder = context.study, context.folders["count"]
    counts, coverage = (read_table(table_path(folder, name)) for name in ("counts", "coverage"))
    covariance = read_table(table_path(folder, "coverage_covariance"))
    unmeasured = read_table(table_path(folder, "unmeasured"))
    periods = without(study.periods, unmeasured)
    context.report("writing the account's inputs")
    inputs = context.out / "account_in"
    write_account_inputs(periods, study.flow_errors, counts, coverage, covariance, inputs)
    context.report("reconciling stocks and flows")
    result = reconcile(inputs)
    made_with = {
        "definition": pl.lit(counts["definition"].unique().item()),
        "rule_set": pl.lit(rule_set_id(study.rule_set)),
        "data_date": pl.lit(study.data_date),
    }
    flows = published_flows(result, counts, periods.flow_years)
    flows = with_unmeasured_flows(flows, study.periods.flow_years).with_columns(**made_with)
    stocks = published_stocks(result, counts, periods.stock_years)
    stocks = with_unmeasured_stocks(stocks, study.periods.stock_years).with_columns(**made_with)
    sources = error_sources(study.declared_coverage_error, study.flow_errors, counts, coverage, covariance)
    save(estimates(result), "estimates", context.out)
    save(flows, "flows", context.out)
    save(stocks, "stocks", context.out)
    save(sources, "error_sources", context.out)
    headline = _headline(flows, periods.flow_years[-1])
    return StageResult(
        counts={"cells": result.cells.height, "flows": flows.height, "stocks": stocks.height},
        sentence=f"{result.cells.height:,} cells reconciled exactly; {headline}",
    )


def _headline(flows: pl.DataFrame, year: int) -> str:
    """Return a year's net migration with its interval, in words."""
    row = flows.filter(
        pl.col("measure") == "net",
        pl.col("period_start") == year_start(year),
        pl.col("period_end") == year_end(year),
        *(pl.col(name) == ALL for name in DIVISIONS),
    ).row(0, named=True)
    return (
        f"net migration in the year ending June {year}: {row['estimate']:+,.0f} "
        f"({row['lower']:+,.0f} to {row['upper']:+,.0f})"
    )
