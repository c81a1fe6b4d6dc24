"""The account of a run as a linear function of what was counted: solved again for other counts, with its own weights.

How much the account trusts each count, and each shared error, is what the run declared. With these weights fixed,
estimates are x = y - V A' Q^-1 (A y - c) less what the biases b = C X' A' Q^-1 (A y - c) give (the notation is that
of `account/balancing.py`), so that counts drawn with all of their errors make estimates with all of theirs. Figures
are those before bounds, as their standard errors are.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.balancing import Balance, as_rows
from estimation.account.files import AccountFiles
from estimation.account.reconcile import Account
from estimation.arrays import Floats, Integers
from estimation.by_replicates.counted_again import CELL, in_cells
from estimation.cells import GROSS_FLOWS


@dataclass(frozen=True)
class FixedAccount:
    """A reconciled account of one area whose weights are kept.

    `rows` of the account's cells are at `places` in the arrays of `balance`; `posterior` C is the covariance of the
    biases, (terms, terms).
    """

    account: Account
    balance: Balance
    rows: Integers
    places: Integers
    posterior: Floats

    @classmethod
    def of(cls, account: Account) -> "FixedAccount":
        """Return the account with its weights; it has one area, and expects no flows, as those of runs."""
        (area,), ((rows, places),) = account.areas, account.places
        own, shared = area.biases.roots(area.number, np.eye(len(area.biases.estimates)))
        return cls(account, area.balance, rows, places, own @ own.T + shared @ shared.T)

    def estimates(self, counted: Floats, change: Floats) -> Floats:
        """Return the estimates of all cells, of other counts of the cells and `change` (births less deaths)."""
        balance, before = self.balance, self.balance.cells.change
        observed = self._array(counted)
        moved = observed - balance.observed
        holds = np.abs(balance.identities).sum(axis=2) > 0
        gaps = balance.gaps + (balance.identities @ moved[:, :, None])[:, :, 0] - holds * (change - before)
        biases = self.posterior @ (self._weighted.T @ gaps.ravel())
        return self._cells(replace(balance, observed=observed, gaps=gaps).estimates(biases))

    def effects(self, terms: Integers) -> Floats:
        """Return by how much one unit of each bias raises the counts, (cells, terms)."""
        design = as_rows(self.balance.design)[:, terms]
        found = np.zeros((self.account.cells.height, len(terms)))
        found[self.rows] = design[self.places]
        return found

    def response(self, weights: sparse.csr_array) -> Floats:
        """Return by how much sums of estimates, rows of `weights` (rows, cells), change with each count."""
        balance = self.balance
        size = (weights.shape[0], *balance.observed.shape)
        wanted = np.zeros((size[0], balance.observed.size))
        wanted[:, self.places] = weights.toarray()[:, self.rows]
        wanted = wanted.reshape(size)
        transposed = balance.identities.transpose(0, 2, 1)
        direct = wanted - _times(transposed, _times(balance.gains.transpose(0, 2, 1), wanted))
        by_bias = direct.reshape(size[0], -1) @ as_rows(balance.design) @ self.posterior
        moved = (by_bias @ self._weighted.T).reshape(size[0], *balance.gaps.shape)
        arrays = (direct - _times(transposed, moved)).reshape(size[0], -1)
        found = np.zeros((size[0], self.account.cells.height))
        found[:, self.rows] = arrays[:, self.places]
        return found

    @cached_property
    def _weighted(self) -> Floats:
        """Q^-1 A X, (series x years, terms)."""
        return as_rows(self.balance.weights @ (self.balance.identities @ self.balance.design))

    def _array(self, cells: Floats) -> Floats:
        array = np.zeros(self.balance.observed.size)
        array[self.places] = cells[self.rows]
        return array.reshape(self.balance.observed.shape)

    def _cells(self, array: Floats) -> Floats:
        cells = np.zeros(self.account.cells.height)
        cells[self.rows] = array.ravel()[self.places]
        return cells


def _times(matrices: Floats, vectors: Floats) -> Floats:
    """Return matrices (series, m, n) times vectors (rows, series, n) as (rows, series, m)."""
    return np.einsum("smn,rsn->rsm", matrices, vectors, optimize=True)


def births_less_deaths(births: pl.DataFrame, deaths: pl.DataFrame, account: FixedAccount) -> Floats:
    """Return what births and deaths (`CELL`, `count`) change in each series and year, (series, years)."""
    cells = account.balance.cells
    keys = cells.series.select("sex", "nationality_group", "cohort")
    years = pl.DataFrame({"time": cells.columns.times[1:].astype(np.int32)})
    grid = keys.join(years, how="cross", maintain_order="left_right").select(CELL)
    return (in_cells(births, grid) - in_cells(deaths, grid)).reshape(keys.height, years.height)


def independent_variances(files: AccountFiles) -> Floats:
    """Return the variance of the error of each cell that no other shares, in the order of an account's cells."""
    return np.concatenate([files.cells[name]["sd"].to_numpy() ** 2 for name in ("population", *GROSS_FLOWS)])
