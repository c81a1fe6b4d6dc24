"""What every published interval consists of: the part of its variance that each source of error has.

The parts of a year and of a stock are those of the account, and add up to the variance of the figure. A quarter is a
share of its year: it has the parts of the year, less those of what is open in the year, and in place of them what is
open in the quarter; and the part of the division of the year.
"""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.error_parts import ErrorParts
from estimation.account.reconcile import Account
from estimation.account.variance_by_source import VarianceBySource
from estimation.arrays import Floats
from estimation.cells import GROSS_FLOWS, marginal_keys
from estimation.interval_sources import LATE, PART_OF, QUARTERS, UNFINISHED, not_known_yet
from estimation.periods import quarters, year_end, year_start
from estimation.published_tables import DECIMALS, marginal_weights
from estimation.quarter_shares import QuarterShares, quarter_shares
from pipeline.schemas import ALL
from pipeline.study import FlowErrors, Periods

SOURCES = tuple(PART_OF)
SHARE_DECIMALS = 9
POPULATION = "population"


def variance_by_source(account: Account, parts: ErrorParts) -> VarianceBySource:
    """Return the errors of an account by `SOURCES`; `parts` are those of the account's files."""
    return VarianceBySource.of(account, parts, SOURCES)


def interval_parts(
    account: Account,
    by_source: VarianceBySource,
    counts: pl.DataFrame,
    treatments: Mapping[str, str],
    periods: Periods,
    flow_errors: FlowErrors,
) -> pl.DataFrame:
    """Return the table `interval_parts` without `definition`: a row for each figure and source that has a part in it.

    The sources of `by_source` are `SOURCES`, of files that were made with `flow_errors`; `treatments` says of every
    source of error whether it is estimated or declared. Standard errors are before sums are kept from being negative
    and before intervals are cut at 0, as in `flows` and `stocks`.
    """
    found = [_of_stocks(account, by_source, year) for year in periods.stock_years]
    found += [_of_flows(account, by_source, counts, year, flow_errors) for year in periods.flow_years]
    rows = pl.concat([_shares(keys, variances) for keys, variances in found])
    return rows.with_columns(
        area=pl.lit(ALL),
        part=pl.col("error_source").replace_strict(PART_OF),
        treatment=pl.col("error_source").replace_strict(dict(treatments)),
    )


def _shares(keys: pl.DataFrame, variances: Floats) -> pl.DataFrame:
    """Return the keys of figures with each source that has a part in their `variances` (figures, sources)."""
    variances = np.maximum(variances, 0.0)
    total = variances.sum(axis=1, keepdims=True)
    shares = variances / np.where(total > 0, total, 1.0)
    measured = pl.DataFrame(
        {
            "figure": np.repeat(np.arange(len(shares)), len(SOURCES)),
            "error_source": list(SOURCES) * len(shares),
            "share_of_variance": shares.ravel(),
            "standard_error": np.sqrt(variances).ravel(),
        }
    ).with_columns(pl.col("share_of_variance").round(SHARE_DECIMALS), pl.col("standard_error").round(DECIMALS))
    numbered = keys.with_columns(figure=pl.int_range(pl.len(), dtype=pl.Int64))
    having = measured.filter(pl.col("share_of_variance") > 0)
    return numbered.join(having, on="figure", maintain_order="left_right").drop("figure")


def _of_stocks(account: Account, by_source: VarianceBySource, year: int) -> tuple[pl.DataFrame, Floats]:
    """Return the keys of a day's stocks, and their variances by source."""
    keys = _keys(marginal_keys(), POPULATION, year_end(year), year_end(year))
    return keys, by_source.by_source(by_source.influence(marginal_weights(account, POPULATION, year)))


def _of_flows(
    account: Account, by_source: VarianceBySource, counts: pl.DataFrame, year: int, flow_errors: FlowErrors
) -> tuple[pl.DataFrame, Floats]:
    """Return the keys of the flows of a year and its quarters, and their variances by source."""
    weights = {name: marginal_weights(account, name, year) for name in GROSS_FLOWS}
    found = {name: account.totals(of_flow[[-1]]) for name, of_flow in weights.items()}
    totals, variances = ({name: float(one[at][0]) for name, one in found.items()} for at in range(2))
    influence = by_source.influence(sparse.csr_array(sparse.vstack(list(weights.values()))))
    gross = dict(zip(weights, np.split(influence, len(weights)), strict=True))
    keys = [_keys(marginal_keys(), name, year_start(year), year_end(year)) for name in (*GROSS_FLOWS, "net")]
    rows, of_shares = [*_with_net(gross)], [np.zeros((sum(frame.height for frame in keys), len(SOURCES)))]
    shares = {name: quarter_shares(counts, name, year, flow_errors) for name in GROSS_FLOWS}
    for i, (start, end) in enumerate(quarters(year)):
        keys += [_keys(marginal_keys().tail(1), name, start, end) for name in (*GROSS_FLOWS, "net")]
        rows += _with_net({name: gross[name][-1:] * shares[name].shares[i] for name in GROSS_FLOWS})
        own = [_of_quarter(name, shares[name], i, totals[name], variances[name]) for name in GROSS_FLOWS]
        of_shares.append(np.array([*own, own[0] + own[1]]))
    return pl.concat(keys), by_source.by_source(np.concatenate(rows)) + np.concatenate(of_shares)


def _keys(divisions: pl.DataFrame, measure: str, start: date, end: date) -> pl.DataFrame:
    return divisions.with_columns(measure=pl.lit(measure), period_start=pl.lit(start), period_end=pl.lit(end))


def _with_net(gross: Mapping[str, Floats]) -> tuple[Floats, Floats, Floats]:
    """Return the influence on immigration and emigration, and that on net migration."""
    return gross["immigration"], gross["emigration"], gross["immigration"] - gross["emigration"]


def _of_quarter(measure: str, divided: QuarterShares, quarter: int, total: float, variance: float) -> Floats:
    """Return by source what a quarter's variance has beside the share squared of that of its year."""
    most = divided.counted_of_open(variance)
    open_cases = {UNFINISHED: divided.unfinished, LATE: divided.late, not_known_yet(measure): divided.not_known}
    found = np.zeros(len(SOURCES))
    found[SOURCES.index(QUARTERS)] = total**2 * divided.division[quarter]
    for source, of_quarters in open_cases.items():
        own, all_quarters = of_quarters[quarter], of_quarters.sum()
        found[SOURCES.index(source)] = most * (own - divided.shares[quarter] ** 2 * all_quarters)
    return found
