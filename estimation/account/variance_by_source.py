"""Divides the variance of any sum of an account's cells by source of error, exactly.

With A x = c for the identities and y = x + X b + e observed, where V are the variances of e and L the covariance of
the biases b, the estimate of a sum w'x is linear in what is observed: g'y and a constant, with

    g' = w'(I - K A) - w'R B X'A'Q^-1 A,   Q = A V A',   K = V A'Q^-1,   R = X - K A X,

and B the covariance of the biases given the data. Since A x = c is true of what happened as well, the error of the
sum is g'(X b + e), and its variance g'V g + g'X L X'g: that of the account, because B and K are those of the best
linear estimate. Both terms are linear in V and in L, so each source of error has the part that its own variances and
covariances give (the law of propagation of uncertainty: JCGM 100:2008, section 5.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.balancing import as_rows
from estimation.account.error_parts import CELL_KEY, ErrorParts
from estimation.account.reconcile import Account
from estimation.account.solve import SolvedArea
from estimation.arrays import Floats, Integers


@dataclass(frozen=True)
class VarianceBySource:
    """The errors of an account of one area by source of error, in the order of `sources`.

    `own` (sources, cells) are the variances of what no other cell shares, `shared` (sources, terms, terms) the
    covariances of biases; each adds up to what the account used. Cells are those of its area, series by series, in
    the columns that it uses. Variances are before sums are kept from being negative, as its standard errors are.
    """

    account: Account
    sources: tuple[str, ...]
    own: Floats
    shared: Floats

    @classmethod
    def of(cls, account: Account, parts: ErrorParts, sources: tuple[str, ...]) -> "VarianceBySource":
        """Return the errors of an account whose files consist of `parts`; raises `ValueError` if it is another's."""
        (area,) = account.areas
        if np.isfinite(area.balance.cells.expected_variances).any():
            raise ValueError("flows that are expected beforehand are an error source that is not divided")
        own = _own(account, parts.cells, sources)[:, _used(area)]
        return cls(account, sources, own, _shared(account, parts.terms, sources))

    def summed(self, group_of: Mapping[str, str], groups: tuple[str, ...]) -> "VarianceBySource":
        """Return the same errors with the sources of a group as one; `group_of` names the group of every source."""
        member = np.array([[group_of[source] == group for source in self.sources] for group in groups], dtype=float)
        return replace(
            self, sources=groups, own=member @ self.own, shared=np.einsum("gs,sij->gij", member, self.shared)
        )

    def influence(self, weights: sparse.csr_array) -> Floats:
        """Return g of the sums by the rows of `weights` (rows, account's cells): (rows, cells)."""
        balance, columns, rows = self._area.balance, _used_columns(self._area), weights.shape[0]
        (placed,) = self.account.placed(weights)
        used = sparse.csr_array(placed[:, _used(self._area)])
        by_series = used.toarray().reshape(rows, -1, len(columns)).transpose(1, 0, 2)
        corrected = (by_series @ balance.gains[:, columns]) @ balance.identities[:, :, columns]
        given_biases = (by_series - corrected).transpose(1, 0, 2).reshape(rows, -1)
        return given_biases - (used @ self._by_biases) @ self._evidence

    def by_source(self, influence: Floats) -> Floats:
        """Return the variances (rows, sources) of sums of an `influence` (rows, cells), or of mixtures of rows."""
        on_biases = influence @ self._design
        return influence**2 @ self.own.T + ((on_biases @ self.shared) * on_biases).sum(axis=2).T

    def of_sums(self, weights: sparse.csr_array) -> Floats:
        """Return the variances (rows, sources) of the sums by `weights`, as `by_source` of their influence.

        The influence of a sum of few cells is in their own series, l, but for c'E of the biases: g = l - c'E. Its
        square is taken in three terms, so that many sums of few cells need no row as long as all cells.
        """
        (placed,) = self.account.placed(weights)
        used = sparse.csr_array(placed[:, _used(self._area)])
        local, of_biases = sparse.csr_array(used @ self._within_series), used @ self._by_biases
        evidence, squares = self._evidence, local.power(2)
        own = np.empty((weights.shape[0], len(self.sources)))
        for source, variances in enumerate(self.own):
            weighted = variances[:, None] * evidence.T
            crossed, of_all = (local @ weighted) * of_biases, (of_biases @ (evidence @ weighted)) * of_biases
            own[:, source] = squares @ variances - 2 * crossed.sum(axis=1) + of_all.sum(axis=1)
        on_biases = local @ self._design - of_biases @ (evidence @ self._design)
        return own + ((on_biases @ self.shared) * on_biases).sum(axis=2).T

    def covariances(self, influence: Floats) -> Floats:
        """Return the covariances (sources, rows, rows) of sums of an `influence` (rows, cells)."""
        on_biases = influence @ self._design
        own = [(influence * variances) @ influence.T for variances in self.own]
        return np.array(own) + on_biases @ self.shared @ on_biases.T

    @property
    def _area(self) -> SolvedArea:
        (area,) = self.account.areas
        return area

    @cached_property
    def _design(self) -> Floats:
        return as_rows(self._area.balance.design)[_used(self._area)]

    @cached_property
    def _within_series(self) -> sparse.csr_array:
        """I - K A, (cells, cells): what the cells of a series say of each other by its identities."""
        balance, columns = self._area.balance, _used_columns(self._area)
        by_series = np.eye(len(columns)) - balance.gains[:, columns] @ balance.identities[:, :, columns]
        return sparse.csr_array(sparse.block_diag(list(by_series), format="csr"))

    @cached_property
    def _by_biases(self) -> Floats:
        """R B, (cells, terms): by how much each estimate falls for each unit of evidence of each bias."""
        root = self._area.biases.loadings @ self._area.biases.shared_root
        return as_rows(self._area.balance.response)[_used(self._area)] @ (root @ root.T)

    @cached_property
    def _evidence(self) -> Floats:
        """X'A'Q^-1 A, (terms, cells): what each cell says of each bias."""
        balance = self._area.balance
        weighted = balance.weights @ (balance.identities @ balance.design)
        return as_rows(balance.identities.transpose(0, 2, 1) @ weighted)[_used(self._area)].T


def _used_columns(area: SolvedArea) -> Integers:
    """Return the columns of an area that have a cell: where flows are not given by triangles, half of them."""
    return np.flatnonzero(area.balance.cells.exists.any(axis=0))


def _used(area: SolvedArea) -> Integers:
    """Return the places of the cells in these columns among (series x columns)."""
    series, columns = area.balance.observed.shape
    return (np.arange(series)[:, None] * columns + _used_columns(area)).ravel()


def _own(account: Account, parts: pl.DataFrame, sources: tuple[str, ...]) -> Floats:
    """Return the variances of cells by source, scaled to those that the account read from its files."""
    (area,), ((rows, places),) = account.areas, account.places
    position = {name: at for at, name in enumerate(sources)}
    numbered = parts.join(account.cells.with_row_index("cell").select("cell", *CELL_KEY), on=CELL_KEY, how="left")
    if numbered["cell"].null_count():
        raise ValueError("the account does not have all cells that have errors")
    cell = numbered["cell"].to_numpy().astype(np.int64)
    by_cell = np.zeros((len(sources), account.cells.height))
    of_source = numbered["error_source"].replace_strict(position, return_dtype=pl.Int64).to_numpy()
    np.add.at(by_cell, (of_source, cell), numbered["variance"].to_numpy())
    own = np.zeros((len(sources), area.balance.variances.size))
    own[:, places] = by_cell[:, rows]
    total, used = own.sum(axis=0), area.balance.variances.ravel()
    return own * np.where(total > 0, used / np.where(total > 0, total, 1.0), 0.0)


def _shared(account: Account, parts: pl.DataFrame, sources: tuple[str, ...]) -> Floats:
    """Return the covariances of biases by source; those whose scale the account found are as large as it found."""
    terms, (area,) = account.terms, account.areas
    position = {name: at for at, name in enumerate(terms.names)}
    of_source = {name: at for at, name in enumerate(sources)}
    known = parts.filter(pl.col(name).is_in(list(position)) for name in ("term", "other"))
    row, column = (
        known[name].replace_strict(position, return_dtype=pl.Int64).to_numpy() for name in ("term", "other")
    )
    source = known["error_source"].replace_strict(of_source, return_dtype=pl.Int64).to_numpy()
    shared = np.zeros((len(sources), len(position), len(position)))
    np.add.at(shared, (source, row, column), known["covariance"].to_numpy())
    scale = np.where(terms.sds > 0, area.biases.sds / np.where(terms.sds > 0, terms.sds, 1.0), 1.0)
    return shared * np.outer(scale, scale)
