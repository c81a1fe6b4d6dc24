"""The stage `account`: counts and coverage become one coherent account, and the account published tables.

Without births, deaths or coverage there is no account: flows and stocks are then published without estimates.
"""

from collections.abc import Sequence

import polars as pl

from estimation.account.inputs import write_account_inputs
from estimation.account.left_out import left_out
from estimation.account.reconcile import reconcile
from estimation.account_diagnosis import adjustments, shared_errors, warn_of_adjustments
from estimation.cells import DIVISIONS
from estimation.error_sources import error_sources, with_estimated_scales
from estimation.flow_details import all_details
from estimation.interval_parts import interval_parts, variance_by_source
from estimation.interval_sources import PART_OF
from estimation.measured_periods import without
from estimation.periods import year_end, year_start
from estimation.published_tables import estimates, published_flows, published_stocks, rule_set_id
from estimation.stages import AccountStudy
from estimation.unmeasured_rows import (
    unmeasured_flows,
    unmeasured_stocks,
    with_unmeasured_flows,
    with_unmeasured_stocks,
)
from estimation.unusual_flows import warn_of_unusual_flows
from pipeline.schemas import ALL, INTERVAL_PARTS, save, table_path
from pipeline.stage import Skip, StageContext, StageResult
from pipeline.tables import read_table

BY_YEAR = ("coverage_by_year", "coverage_by_year_covariance")
"""The tables of coverage factors by year, where several surveys give them."""


def account(context: StageContext[AccountStudy]) -> StageResult:
    """Write `account_in/`, reconcile it, and write `estimates`, `flows` and its details, `stocks`, `error_sources`.

    What the intervals consist of is in `interval_parts` and `detail_parts`; what the account adjusted, and which
    source the others contradict, is in `account_adjustments`, `account_left_out` and `account_biases`.

    If a step of `count` was skipped, only `flows` and `stocks` are written, with the status `not measured`.
    """
    study, folder = context.study, context.folders["count"]
    made_with = {
        "definition": pl.lit(context.records["count"].facts["definition"]),
        "rule_set": pl.lit(rule_set_id(study.rule_set)),
        "data_date": pl.lit(study.data_date),
    }
    skips = context.records["count"].skips
    if skips:
        save(unmeasured_flows(study.periods.flow_years).with_columns(**made_with), "flows", context.out)
        save(unmeasured_stocks(study.periods.stock_years).with_columns(**made_with), "stocks", context.out)
        return StageResult.skipped(_no_account(skips))
    counts, coverage = (read_table(table_path(folder, name)) for name in ("counts", "coverage"))
    covariance, ages = (read_table(table_path(folder, f"coverage_{name}")) for name in ("covariance", "ages"))
    nationality = read_table(table_path(folder, "nationality_covariance"))
    unmeasured = read_table(table_path(folder, "unmeasured"))
    periods = without(study.periods, unmeasured)
    context.report("writing the account's inputs")
    inputs = context.out / "account_in"
    by_year = None
    if (folder / "coverage_by_year.parquet").exists():
        by_year, covariance = (read_table(table_path(folder, name)) for name in BY_YEAR)
    parts = write_account_inputs(
        periods, study.flow_errors, counts, coverage, covariance, ages, nationality, inputs, by_year,
        study.coverage.declared_error,
    )  # fmt: skip
    context.report("reconciling stocks and flows")
    result = reconcile(inputs, em=study.account.estimate_scales)
    flows = published_flows(result, counts, periods.flow_years, study.flow_errors)
    flows = with_unmeasured_flows(flows, study.periods.flow_years).with_columns(**made_with)
    stocks = published_stocks(result, counts, periods.stock_years)
    stocks = with_unmeasured_stocks(stocks, study.periods.stock_years).with_columns(**made_with)
    biases = shared_errors(result)
    sources = error_sources(study.coverage, study.flow_errors, counts, coverage, covariance)
    sources = with_estimated_scales(sources, biases)
    context.report("asking which source the others contradict")
    adjusted = adjustments(result)
    save(adjusted, "account_adjustments", context.out)
    save(left_out(result.solved), "account_left_out", context.out)
    save(biases, "account_biases", context.out)
    save(estimates(result), "estimates", context.out)
    save(flows, "flows", context.out)
    categories = read_table(table_path(folder, "flow_categories"))
    by_source = variance_by_source(result, parts)
    by_part = by_source.summed(PART_OF, tuple(INTERVAL_PARTS))
    of_details = []
    for detail in all_details(result, by_part, counts, categories, periods.flow_years):
        rows = with_unmeasured_flows(detail.flows, study.periods.flow_years)
        save(rows.with_columns(**made_with), detail.name, context.out)
        of_details.append(detail.parts)
    save(pl.concat(of_details).with_columns(definition=made_with["definition"]), "detail_parts", context.out)
    save(stocks, "stocks", context.out)
    save(sources, "error_sources", context.out)
    treatments = dict(sources.select("error_source", "treatment").iter_rows())
    consist = interval_parts(result, by_source, counts, treatments, periods, study.flow_errors)
    save(consist.with_columns(definition=made_with["definition"]), "interval_parts", context.out)
    headline = _headline(flows, periods.flow_years[-1])
    return StageResult(
        counts={"cells": result.cells.height, "flows": flows.height, "stocks": stocks.height},
        sentence=f"{result.cells.height:,} cells reconciled exactly; {headline}",
        warnings=(*warn_of_adjustments(adjusted), *warn_of_unusual_flows(flows, periods.flow_years)),
    )


def _no_account(skips: Sequence[Skip]) -> Skip:
    """Return why there is no account: what was not counted, each with its reason at the stage `count`."""
    steps = ["the counts of people" if skip.step == "count" else skip.step for skip in skips]
    lacks = tuple(dict.fromkeys(extract for skip in skips for extract in skip.lacks))
    return Skip("account", f"it needs {', '.join(steps)}, which {'are' if steps[1:] else 'is'} not measured", lacks)


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
