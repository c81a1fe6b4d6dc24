"""Solves an account: the biases of all areas first, then the cells of each area, with the exact variance of any sum.

Only what areas say about biases is kept for all of them, so memory does not grow with their cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import sparse

from estimation.account.balancing import Balance, as_rows, balance_area, without_negative_cells
from estimation.account.bias_estimates import BiasEstimates, TermLayout, estimate_biases
from estimation.account.bias_terms import BiasTerms
from estimation.account.files import AccountFiles
from estimation.account.layout import AreaCells, Design, lay_out
from estimation.arrays import Floats, Integers


@dataclass(frozen=True)
class Spread:
    """What the variances of sums of cells consist of: `own` of one area, and rows of `shared` factors.

    Sums over several areas add up `own` and `shared`; only then are the shared factors squared.
    """

    own: Floats
    shared: Floats

    def __add__(self, other: "Spread") -> "Spread":
        """Return the spread of sums over both, which are of different areas."""
        return Spread(self.own + other.own, self.shared + other.shared)

    @property
    def variances(self) -> Floats:
        """The variance of every sum."""
        return np.maximum(self.own + (self.shared**2).sum(axis=1), 0.0)


@dataclass(frozen=True)
class SolvedArea:
    """One area with the biases of the whole account; arrays are (series, columns)."""

    number: int
    balance: Balance
    biases: BiasEstimates

    @cached_property
    def least_squares(self) -> Floats:
        """The least-squares estimates of all cells; a few may be below 0."""
        return self.balance.estimates(self.biases.estimates[self._terms])

    @cached_property
    def estimates(self) -> Floats:
        """The estimates of all cells, none of them below 0."""
        return without_negative_cells(self.balance, self.biases.estimates[self._terms], self.least_squares)

    @cached_property
    def roots(self) -> tuple[Floats, Floats]:
        """What the biases give to the variance of every cell, (series x columns, ...): see `BiasEstimates.roots`."""
        return self.biases.roots(self.number, as_rows(self.balance.response))

    @cached_property
    def standard_errors(self) -> Floats:
        """The standard errors of the least-squares estimates."""
        shared = sum((root**2).sum(axis=1) for root in self.roots)
        return np.sqrt(self.balance.cell_variances() + np.reshape(shared, self.balance.cells.observed.shape))

    def spread(self, weights: sparse.csr_array) -> Spread:
        """Return the spread of sums of cells by the rows of `weights` (rows, series x columns)."""
        own, shared = (np.asarray(weights @ root) for root in self.roots)
        return Spread(self.balance.variances_of(weights) + (own**2).sum(axis=1), shared)

    def spread_of_patterns(self, members: Floats, patterns: Floats) -> Spread:
        """Return the spread of the sums of columns by `patterns` (rows, columns) over groups of series.

        `members` (groups, series) says which series are in each group; all rows of the first group come first.
        """
        variances = np.maximum(members @ self.balance.variances_by_series(patterns), 0.0).ravel()
        own, shared = (self._by_patterns(root, members, patterns) for root in self.roots)
        return Spread(variances + (own**2).sum(axis=1), shared)

    def _by_patterns(self, root: Floats, members: Floats, patterns: Floats) -> Floats:
        (series, columns), factors = self.balance.observed.shape, root.shape[1]
        by_group = (members @ root.reshape(series, columns * factors)).reshape(len(members), columns, factors)
        return (patterns @ by_group).reshape(len(members) * len(patterns), factors)

    @property
    def _terms(self) -> Integers:
        return self.biases.layout.of_area(self.number)


@dataclass(frozen=True)
class SolvedAccount:
    """An account whose biases are known; `scales` are those of the terms (1: as declared)."""

    cells: tuple[AreaCells, ...]
    terms: BiasTerms
    biases: BiasEstimates
    scales: Floats

    def areas(self) -> Iterator[SolvedArea]:
        """Yield every area, solved; its arrays are made when it is requested."""
        for number, cells in enumerate(self.cells):
            design = cells.design(self.terms, self.biases.layout.of_area(number))
            yield SolvedArea(number, balance_area(cells, design), self.biases)


def solve_account(files: AccountFiles, where: Path | str, *, em: bool, refined: bool = True) -> SolvedAccount:
    """Return the account of files that were read; `where` names them in errors.

    With `em`, the scales of the biases are estimated. `refined`: shared biases of stocks multiply the stocks of an
    account without biases, instead of the mean of the cohort's reported stocks.
    """
    cells = tuple(_with_estimated_stocks(one) if refined else one for one in lay_out(files, where))
    return solve_cells(cells, files.biases, em=em)


def solve_cells(cells: tuple[AreaCells, ...], terms: BiasTerms, *, em: bool) -> SolvedAccount:
    """Return the account of cells that were laid out; raises `UserError` where exact cells contradict one another."""
    layout = TermLayout.of(terms, [one.name for one in cells])
    evidence = [
        balance_area(one, one.design(terms, layout.of_area(number))).evidence for number, one in enumerate(cells)
    ]
    biases, scales = estimate_biases(terms, layout, evidence, em=em)
    return SolvedAccount(cells, terms, biases, scales)


def _with_estimated_stocks(cells: AreaCells) -> AreaCells:
    """Return the cells of an area whose smoothed stocks are those of its account without biases."""
    plain = balance_area(cells, Design.without_terms(cells.observed.shape)).estimates(np.zeros(0))
    stocks = cells.exists & (np.array(cells.columns.measures) == "population")
    return replace(cells, smoothed=np.where(stocks, np.maximum(plain, 0.0), cells.smoothed))
