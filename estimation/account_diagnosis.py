"""Which of its sources an account contradicts: what it adjusts, and what the others say of each that is left out.

In an account that is as declared, an estimate T is the best linear one of a total, and the total R as reported is
another one, so Var(T - R) = Var(R) - Var(T); the same holds for the estimate without a source (J. A. Hausman 1978,
Econometrica 46, section 2). So each difference over its standard error is N(0, 1), and a large one is a source, or a
part of one, that is not as declared. Both are computed before sums are kept from being negative.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.balancing import as_rows, balance_area
from estimation.account.bias_estimates import estimate_biases, scaled_kinds
from estimation.account.layout import Design
from estimation.account.reconcile import Account
from estimation.account.solve import SolvedArea
from estimation.arrays import Booleans, Floats
from estimation.cells import GROSS_FLOWS, marginal_keys
from estimation.published_tables import DECIMALS, Z95, marginal_weights
from pipeline.schemas import ALL

UNINFORMATIVE = 100.0
"""A report that is left out keeps a standard error of so many times its size: it then says nothing."""
LARGEST = 3.0
"""Adjustments of more standard errors are none that declared errors explain: of a sound account 99.7% are smaller."""
POPULATION = "population"


def adjustments(account: Account) -> pl.DataFrame:
    """Return the table `account_adjustments`: by how much totals by sex and age differ from what is reported.

    Stocks are reported with the coverage factor applied. The account is that of one area.
    """
    area = _one_area(account)
    cells, (rows, places) = area.balance.cells, account.places[0]
    biases = (as_rows(_design(account).reports) @ area.biases.loadings)[places]
    variances = cells.variances.ravel()[places]
    order = np.argsort(rows)
    biases, variances = biases[order], variances[order]
    both_groups = (marginal_keys()["nationality_group"] == ALL).to_numpy()
    keys = marginal_keys().filter(pl.Series(both_groups)).select("sex", "age_group")
    least_squares = _least_squares(account)
    frames = []
    for measure, year in _sources(account):
        weights = sparse.csr_array(marginal_weights(account, measure, year)[np.flatnonzero(both_groups)])
        reported = np.asarray(weights @ account.cells["observed"].to_numpy())
        own = np.asarray((weights.multiply(weights)) @ variances)
        of_report = own + (np.asarray(weights @ biases) ** 2).sum(axis=1)
        _, of_estimate = account.totals(weights)
        difference = np.asarray(weights @ least_squares) - reported
        frames.append(
            keys.with_columns(
                measure=pl.lit(measure),
                time=pl.lit(year, pl.Int32),
                reported=pl.Series(reported),
                **_standardised(difference, of_report - of_estimate, "adjustment"),
            )
        )
    return pl.concat(frames).with_columns(
        estimate=(pl.col("reported") + pl.col("adjustment")).round(DECIMALS),
        reported=pl.col("reported").round(DECIMALS),
    )


def warn_of_adjustments(adjusted: pl.DataFrame) -> tuple[str, ...]:
    """Return a warning where an adjustment of the table `account_adjustments` is larger than errors explain."""
    large = adjusted.filter(pl.col("z").abs() > LARGEST).sort(pl.col("z").abs(), descending=True)
    if large.is_empty():
        return ()
    row = large.row(0, named=True)
    whose = ", ".join(str(row[name]) for name in ("sex", "age_group") if row[name] != ALL) or ALL
    warning = (
        f"The account contradicts {large.height} of its reports by more than {LARGEST:g} standard errors, most of "
        f"all {row['measure']} {row['time']} ({whose}): {row['reported']:,.0f} reported, {row['estimate']:,.0f} "
        f"estimated (z {row['z']:+.1f}). An error is not as declared, or a source is wrong: see account_adjustments."
    )
    return (warning,)


def left_out(account: Account) -> pl.DataFrame:
    """Return the table `account_left_out`: each report beside what the account estimates of it without that report.

    Reports are the stock of each day, each flow of each year, and each flow of all years. Columns: `source, measure,
    time` (null: all years), `reported, estimate`, `without` with `without_standard_error`, and of `difference`, the
    estimate less that without the report, `standard_error` and `z`. The account is that of one area.
    """
    area = _one_area(account)
    columns = area.balance.cells.columns
    measures, years = np.array(columns.measures), columns.years
    sources = [(measure, year) for measure, year in _sources(account)] + [(name, None) for name in GROSS_FLOWS]
    design, rows = _design(account), []
    for measure, year in sources:
        chosen = (measures == measure) & ((years == year) if year is not None else True)
        found = [_total(one, chosen) for one in (area, _without(account, area, design, chosen))]
        (estimate, variance), (without, without_variance) = found
        reported = float(area.balance.cells.observed[:, chosen].sum())
        tested = _standardised(np.array([estimate - without]), np.array([without_variance - variance]), "difference")
        rows.append(
            pl.DataFrame(
                {
                    "source": measure if year is None else f"{measure} {year}",
                    "measure": measure,
                    "time": pl.Series([year], dtype=pl.Int32),
                    "reported": round(reported, DECIMALS),
                    "estimate": round(estimate, DECIMALS),
                    "without": round(without, DECIMALS),
                    "without_standard_error": round(max(without_variance, 0.0) ** 0.5, DECIMALS),
                    **tested,
                }
            )
        )
    return pl.concat(rows)


def shared_errors(account: Account) -> pl.DataFrame:
    """Return the table `account_biases`: every error that cells share, how large it was declared, used and found.

    `scale` says whether the account estimated how large errors of the kind are, or took them as declared. `z` is the
    error over its standard deviation before the data, N(0, 1) if all is as declared.
    """
    terms, found = account.terms, _one_area(account).biases
    estimated = np.zeros(len(terms.names), dtype=bool)
    if account.scales_estimated:
        for members in scaled_kinds(terms):
            estimated[members] = True
    half = Z95 * np.sqrt(np.maximum(found.posterior_variances, 0.0))
    measures = terms.kinds()["measure"] if terms.names else pl.Series(dtype=pl.String)
    return pl.DataFrame(
        {
            "term": pl.Series(terms.names, dtype=pl.String),
            "measure": measures,
            "declared_sd": terms.sds,
            "sd": np.sqrt(found.prior_variances),
            "scale": np.where(estimated, "estimated", "declared"),
            "estimate": found.estimates,
            "lower": found.estimates - half,
            "upper": found.estimates + half,
            "z": found.adjustments,
        },
        schema_overrides={"scale": pl.String},
    ).with_columns(pl.col(pl.Float64).round(9) + 0.0)


def _one_area(account: Account) -> SolvedArea:
    (area,) = account.areas
    return area


def _sources(account: Account) -> Iterator[tuple[str, int]]:
    columns = _one_area(account).balance.cells.columns
    for measure in (POPULATION, *GROSS_FLOWS):
        for year in columns.times if measure == POPULATION else columns.times[1:]:
            yield measure, int(year)


def _least_squares(account: Account) -> Floats:
    (rows, places), found = account.places[0], np.zeros(account.cells.height)
    found[rows] = _one_area(account).least_squares.ravel()[places]
    return found


def _design(account: Account) -> Design:
    return _one_area(account).balance.cells.design(account.terms, np.arange(len(account.terms.names)))


def _without(account: Account, area: SolvedArea, design: Design, chosen: Booleans) -> SolvedArea:
    """Return the account without the reports in some columns; biases have the scales of the whole account."""
    cells = area.balance.cells
    silent = (UNINFORMATIVE * (cells.smoothed + 1)) ** 2
    cells = replace(cells, variances=np.where(chosen[None, :] & cells.exists, silent, cells.variances))
    terms = replace(account.terms, sds=area.biases.sds)
    balance = balance_area(cells, design)
    biases, _ = estimate_biases(terms, area.biases.layout, [balance.evidence], em=False)
    return SolvedArea(0, balance, biases)


def _total(area: SolvedArea, chosen: Booleans) -> tuple[float, float]:
    """Return the sum of some columns and its variance; of the biases' response, only that of the sum is computed."""
    balance, weights = area.balance, np.broadcast_to(chosen * 1.0, area.balance.observed.shape)
    moved = np.squeeze(weights[:, None, :] @ balance.gains @ balance.identities, axis=1)
    own, shared = area.biases.roots(0, ((weights - moved).reshape(1, -1)) @ as_rows(balance.design))
    given_biases = balance.variances_of(sparse.csr_array(weights.reshape(1, -1)))[0]
    variance = float(given_biases + (own**2).sum() + (shared**2).sum())
    return float((weights * area.least_squares).sum()), variance


def _standardised(difference: Floats, variance: Floats, name: str) -> dict[str, pl.Series]:
    """Return a difference with its standard error and z; no z where the account could not have changed it."""
    error = np.sqrt(np.maximum(variance, 0.0))
    known = error > 10.0**-DECIMALS
    z = np.where(known, difference / np.where(known, error, 1.0), np.nan)
    return {
        name: pl.Series(difference).round(DECIMALS) + 0.0,
        "standard_error": pl.Series(error).round(DECIMALS),
        "z": pl.Series(z).fill_nan(None).round(4) + 0.0,
    }
