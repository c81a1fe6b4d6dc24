"""What an account says of each of its sources without it.

A source is a stock of one day, a flow of one year, or a flow of all years, in all areas. The estimate without it is
another one than the account's, so the difference of both has the difference of their variances (`adjusted_sums`).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.adjusted_sums import standardised
from estimation.account.balancing import as_rows
from estimation.account.files import NOISY
from estimation.account.layout import AreaCells, Columns
from estimation.account.results import DECIMALS
from estimation.account.solve import SolvedAccount, SolvedArea, Spread, solve_cells
from estimation.arrays import Booleans

UNINFORMATIVE = 100.0
"""A report that is left out keeps a standard error of so many times its size: it then says nothing."""
POPULATION, *FLOWS = NOISY


def sources(columns: Columns) -> Iterator[tuple[str, int]]:
    """Yield every measure and year: the stock of each day, and each flow of each year."""
    for measure in NOISY:
        for year in columns.times if measure == POPULATION else columns.times[1:]:
            yield measure, int(year)


def left_out(solved: SolvedAccount) -> pl.DataFrame:
    """Return every source beside what the account estimates of it without it, over all areas together.

    Columns: `source, measure, time` (null: all years), `reported, estimate`, `without` with `without_standard_error`,
    and of `difference`, the estimate less that without the source, `standard_error` and `z`. Shared biases have the
    scales of the whole account.
    """
    columns = solved.cells[0].columns
    named: list[tuple[str, int | None]] = [*sources(columns), *((measure, None) for measure in FLOWS)]
    chosen = [_columns_of(columns, measure, year) for measure, year in named]
    whole = _totals(solved, chosen)
    rows = []
    for (measure, year), where, (estimate, variance) in zip(named, chosen, whole, strict=True):
        ((without, without_variance),) = _totals(_without(solved, where), [where])
        reported = sum(float(cells.observed[:, where].sum()) for cells in solved.cells)
        tested = standardised(np.array([estimate - without]), np.array([without_variance - variance]), "difference")
        rows.append(
            pl.DataFrame(
                {
                    "source": measure if year is None else f"{measure} {year}",
                    "measure": measure,
                    "time": pl.Series([year], dtype=pl.Int32),
                    "reported": round(reported, DECIMALS),
                    "estimate": round(estimate, DECIMALS),
                    "without": round(without, DECIMALS),
                    "without_standard_error": round(without_variance**0.5, DECIMALS),
                    **tested,
                }
            )
        )
    return pl.concat(rows)


def _columns_of(columns: Columns, measure: str, year: int | None) -> Booleans:
    of_measure = np.array(columns.measures) == measure
    return of_measure if year is None else of_measure & (columns.years == year)


def _without(solved: SolvedAccount, chosen: Booleans) -> SolvedAccount:
    """Return the account without the reports in some columns; biases have the scales of the whole account."""
    cells = tuple(_silenced(one, chosen) for one in solved.cells)
    return solve_cells(cells, replace(solved.terms, sds=solved.biases.sds), em=False)


def _silenced(cells: AreaCells, chosen: Booleans) -> AreaCells:
    silent = (UNINFORMATIVE * (cells.smoothed + 1)) ** 2
    return replace(cells, variances=np.where(chosen[None, :] & cells.exists, silent, cells.variances))


def _totals(solved: SolvedAccount, chosen: list[Booleans]) -> list[tuple[float, float]]:
    """Return the sum of each choice of columns over all areas, and its variance; one area at a time is in memory."""
    values, spreads = [0.0] * len(chosen), [Spread(np.zeros(1), np.zeros((1, 1)))] * len(chosen)
    for area in solved.areas():
        for number, where in enumerate(chosen):
            value, spread = _total(area, where)
            values[number] += value
            spreads[number] = spreads[number] + spread
    return [(value, float(spread.variances[0])) for value, spread in zip(values, spreads, strict=True)]


def _total(area: SolvedArea, chosen: Booleans) -> tuple[float, Spread]:
    """Return the sum of some columns and its spread; of the biases' response, only that of the sum is computed."""
    balance, weights = area.balance, np.broadcast_to(chosen * 1.0, area.balance.observed.shape)
    moved = np.squeeze(weights[:, None, :] @ balance.gains @ balance.identities, axis=1)
    own, shared = area.biases.roots(area.number, (weights - moved).reshape(1, -1) @ as_rows(balance.design))
    given_biases = balance.variances_of(sparse.csr_array(weights.reshape(1, -1)))
    return float((weights * area.least_squares).sum()), Spread(given_biases + (own**2).sum(axis=1), shared)
