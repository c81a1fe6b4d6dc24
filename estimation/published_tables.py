"""The published tables: every total of the account with its standard error, interval, status and reliability."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.reconcile import Account
from estimation.cells import DIVISION_VALUES, DIVISIONS, GROSS_FLOWS, age_group, marginal_keys
from estimation.periods import quarters, year_end, year_start
from estimation.quarter_shares import quarter_shares
from pipeline.schemas import ALL
from pipeline.study import FlowErrors

Z95 = 1.96
DECIMALS = 6
"""Stored figures are rounded far above the noise of floating point, so that their bytes are stable."""
UNRELIABLE_BELOW = 30


def estimates(account: Account) -> pl.DataFrame:
    """Return the table `estimates`: every cell of the account with its standard error, births and deaths too."""
    _, variances = account.totals(sparse.eye_array(account.cells.height, format="csr"))
    cells = account.cells.drop("area").with_columns(standard_error=pl.Series(np.sqrt(variances)))
    exact = account.exact.with_columns(standard_error=pl.lit(0.0))
    rounded = pl.col("observed", "estimate", "standard_error").round(DECIMALS)
    return pl.concat([cells, exact.select(cells.columns)]).with_columns(rounded).with_columns(_no_negative_zero())


def published_flows(
    account: Account, counts: pl.DataFrame, years: tuple[int, ...], flow_errors: FlowErrors
) -> pl.DataFrame:
    """Return `flows` without `definition`, `rule_set` and `data_date`.

    Years are given by all combinations of sex, age group and nationality group, quarters in total only.
    """
    provisional = provisional_years(counts)
    parts = []
    for year in years:
        status = pl.lit(year in provisional).alias("provisional")
        parts += [
            _year(account, year).with_columns(status),
            _quarters(account, counts, year, flow_errors).with_columns(status),
        ]
    return with_intervals_of_flows(pl.concat(parts, how="diagonal_relaxed"))


def with_intervals_of_flows(flows: pl.DataFrame, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return flows with interval, status and reliability; net migration is as reliable as its smaller gross flow.

    `by` are columns that divide the rows beside period and `DIVISIONS`.
    """
    rounded = flows.with_columns(pl.col("estimate", "standard_error").round(DECIMALS))
    small = pl.col("estimate").filter(pl.col("measure") != "net").min() < UNRELIABLE_BELOW
    unreliable = small.over("period_start", "period_end", *DIVISIONS, *by)
    unreliable = pl.when(pl.col("measure") == "net").then(unreliable).otherwise(pl.col("estimate") < UNRELIABLE_BELOW)
    return _with_intervals(rounded, unreliable, never_negative=pl.col("measure") != "net")


def published_stocks(account: Account, counts: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return `stocks` on 30 June by all combinations of divisions, without `definition`, `rule_set`, `data_date`."""
    provisional = provisional_years(counts)
    days = []
    for year in years:
        values, variances = account.totals(marginal_weights(account, "population", year))
        days.append(
            marginal_keys().with_columns(
                measure=pl.lit("population"),
                estimate=pl.Series(values),
                standard_error=pl.Series(np.sqrt(variances)),
                reference_date=pl.lit(year_end(year)),
                provisional=pl.lit(year in provisional),
            )
        )
    stocks = pl.concat(days).with_columns(pl.col("estimate", "standard_error").round(DECIMALS))
    return _with_intervals(stocks, pl.col("estimate") < UNRELIABLE_BELOW, never_negative=pl.lit(value=True))


def provisional_years(counts: pl.DataFrame) -> set[int]:
    """Return the years with provisional migrations: then all figures of the year are provisional."""
    flagged = counts.filter(pl.col("measure").is_in(GROSS_FLOWS), pl.col("period") == "year", pl.col("provisional"))
    return set(flagged["time"].dt.year())


def _with_intervals(frame: pl.DataFrame, unreliable: pl.Expr, never_negative: pl.Expr) -> pl.DataFrame:
    """Return the frame with interval, status and reliability."""
    half = Z95 * pl.col("standard_error")
    lower = pl.col("estimate") - half
    return (
        frame.with_columns(
            **({} if "area" in frame.columns else {"area": pl.lit(ALL)}),
            lower=pl.when(never_negative).then(lower.clip(lower_bound=0.0)).otherwise(lower).round(DECIMALS),
            upper=(pl.col("estimate") + half).round(DECIMALS),
            status=pl.when(pl.col("provisional")).then(pl.lit("provisional")).otherwise(pl.lit("final")),
            reliability=pl.when(unreliable).then(pl.lit("unreliable")).otherwise(pl.lit("ok")),
        )
        .drop("provisional")
        .with_columns(_no_negative_zero())
    )


def _no_negative_zero() -> pl.Expr:
    """Return all numbers with -0.0 (a rounded -1e-12) replaced by 0.0."""
    return pl.when(pl.col(pl.Float64) == 0).then(0.0).otherwise(pl.col(pl.Float64)).name.keep()


def rule_set_id(rule_set: str) -> str:
    """Return the id of a rule set that a study names by its id or by the path of its file."""
    return rule_set.rpartition("/")[2].removesuffix(".toml")


def _year(account: Account, year: int) -> pl.DataFrame:
    """Return gross and net flows of one year by all combinations of the divisions."""
    gross = {name: marginal_weights(account, name, year) for name in GROSS_FLOWS}
    weights = {**gross, "net": gross["immigration"] - gross["emigration"]}
    values, variances = account.totals(sparse.csr_array(sparse.vstack(list(weights.values()))))
    keys = marginal_keys()
    return pl.concat([keys.with_columns(measure=pl.lit(name)) for name in weights]).with_columns(
        estimate=pl.Series(values),
        standard_error=pl.Series(np.sqrt(variances)),
        period_start=pl.lit(year_start(year)),
        period_end=pl.lit(year_end(year)),
    )


def _quarters(account: Account, counts: pl.DataFrame, year: int, flow_errors: FlowErrors) -> pl.DataFrame:
    """Return the four quarters of a year: the year's estimate, divided as the counts of the quarters are.

    Its variances are those of `QuarterShares.variances`; immigration and emigration of a quarter are correlated only
    through their years.
    """
    weights = sparse.csr_array(sparse.vstack([marginal_weights(account, name, year)[[-1]] for name in GROSS_FLOWS]))
    totals, _ = account.totals(weights)
    year_covariance = account.covariance(weights)
    divided = [quarter_shares(counts, name, year, flow_errors) for name in GROSS_FLOWS]
    variances = [one.variances(totals[j], year_covariance[j, j]) for j, one in enumerate(divided)]
    rows = []
    for i, (start, end) in enumerate(quarters(year)):
        share = np.array([one.shares[i] for one in divided])
        gross = totals * share
        covariance = year_covariance * np.outer(share, share)
        np.fill_diagonal(covariance, [one[i] for one in variances])
        net_variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        values = {
            "immigration": (gross[0], covariance[0, 0]),
            "emigration": (gross[1], covariance[1, 1]),
            "net": (gross[0] - gross[1], net_variance),
        }
        rows += [
            {
                **dict.fromkeys(DIVISIONS, ALL),
                "measure": name,
                "estimate": float(value),
                "standard_error": float(np.sqrt(max(variance, 0.0))),
                "period_start": start,
                "period_end": end,
            }
            for name, (value, variance) in values.items()
        ]
    return pl.DataFrame(rows)


def marginal_weights(account: Account, measure: str, year: int) -> sparse.csr_array:
    """Return the weights (combinations of `marginal_keys`, cells) that add up one measure and year."""
    finest = pl.DataFrame({"cell": np.arange(account.cells.height)}).hstack(account.cells)
    finest = finest.filter(pl.col("measure") == measure, pl.col("time") == year)
    codes = [
        finest.select(column.cast(pl.Enum(values)).to_physical().cast(pl.Int64)).to_series().to_numpy()
        for column, values in zip(
            (pl.col("sex"), age_group(pl.col("age")), pl.col("nationality_group")),
            DIVISION_VALUES.values(),
            strict=True,
        )
    ]
    shape = tuple(len(values) for values in DIVISION_VALUES.values())
    group = np.ravel_multi_index(tuple(codes), shape)
    sums = sparse.csr_array(
        (np.ones(len(group)), (group, finest["cell"].to_numpy())), shape=(int(np.prod(shape)), account.cells.height)
    )
    all_marginals = sparse.eye_array(1)
    for size in shape:
        all_marginals = sparse.kron(all_marginals, sparse.vstack([sparse.eye_array(size), np.ones((1, size))]))
    return sparse.csr_array(sparse.csr_array(all_marginals) @ sums)
