"""Which reports an account contradicts: what it adjusts, and how large the errors are that cells share.

How much of an adjustment declared errors explain is worked out in `account/adjusted_sums.py`, and what the account
says of a source without it in `account/left_out.py`.
"""

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.adjusted_sums import Reports
from estimation.account.bias_estimates import scaled_kinds
from estimation.account.left_out import sources
from estimation.account.reconcile import Account
from estimation.account.solve import SolvedArea
from estimation.cells import marginal_keys
from estimation.published_tables import Z95, marginal_weights
from pipeline.schemas import ALL

LARGEST = 3.0
"""Adjustments of more standard errors are none that declared errors explain: of a sound account 99.7% are smaller."""


def adjustments(account: Account) -> pl.DataFrame:
    """Return the table `account_adjustments`: by how much totals by sex and age differ from what is reported.

    Stocks are reported with the coverage factor applied. The account is that of one area.
    """
    area = _one_area(account)
    reports = Reports.of(area, account.terms)
    both_groups = (marginal_keys()["nationality_group"] == ALL).to_numpy()
    keys = marginal_keys().filter(pl.Series(both_groups)).select("sex", "age_group")
    frames = []
    for measure, year in sources(area.balance.cells.columns):
        weights = sparse.csr_array(marginal_weights(account, measure, year)[np.flatnonzero(both_groups)])
        found = reports.sums(weights).columns()
        frames.append(keys.with_columns(measure=pl.lit(measure), time=pl.lit(year, pl.Int32), **found))
    return pl.concat(frames)


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
