"""By how much an account changes sums of what is reported, and how much of that declared errors explain.

In an account that is as declared, an estimate T is the best linear one of a sum, and the sum R as reported is another
one, so Var(T - R) = Var(R) - Var(T) (J. A. Hausman 1978, Econometrica 46, section 2). The change over its standard
error is N(0, 1), and a large one is a report that is not as declared. Estimates are those before cells are kept from
being negative.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.balancing import as_rows
from estimation.account.bias_terms import BiasTerms
from estimation.account.files import NOISY
from estimation.account.layout import AreaCells
from estimation.account.results import DECIMALS
from estimation.account.solve import SolvedArea, Spread
from estimation.arrays import Floats, Integers


@dataclass(frozen=True)
class AdjustedSums:
    """Sums of cells as reported and as estimated, (sums,), and what their variances consist of."""

    reported: Floats
    estimates: Floats
    of_reports: Spread
    of_estimates: Spread

    def __add__(self, other: "AdjustedSums") -> "AdjustedSums":
        """Return the sums over both, which are of different areas."""
        return AdjustedSums(
            self.reported + other.reported,
            self.estimates + other.estimates,
            self.of_reports + other.of_reports,
            self.of_estimates + other.of_estimates,
        )

    def columns(self) -> dict[str, pl.Series]:
        """Return `reported, adjustment, standard_error, z` and `estimate`, the sum of the first two."""
        explained = self.of_reports.variances - self.of_estimates.variances
        found = standardised(self.estimates - self.reported, explained, "adjustment")
        estimate = (pl.Series(self.reported) + found["adjustment"]).round(DECIMALS)
        return {"reported": pl.Series(self.reported).round(DECIMALS), **found, "estimate": estimate}


@dataclass(frozen=True)
class Reports:
    """The reports of a solved area, its cells in the order of its files: `places` are where its arrays have them."""

    area: SolvedArea
    terms: BiasTerms
    places: Integers

    @classmethod
    def of(cls, area: SolvedArea, terms: BiasTerms) -> "Reports":
        """Return the reports of an area of an account with these terms."""
        return cls(area, terms, np.concatenate([area.balance.cells.places[name] for name in NOISY]))

    @property
    def _cells(self) -> AreaCells:
        return self.area.balance.cells

    @cached_property
    def _shared_errors(self) -> tuple[Floats, Floats]:
        """Standard errors that the area's own biases give each cell, and those that areas share, (cells, factors)."""
        biases, number = self.area.biases, self.area.number
        effects = as_rows(self._cells.design(self.terms, biases.layout.of_area(number)).reports)
        own = biases.layout.own[number]
        alone = effects[:, : len(own)] * biases.sds[own]
        return alone[self.places], (effects[:, len(own) :] @ biases.loadings)[self.places]

    def sums(self, weights: sparse.csr_array) -> AdjustedSums:
        """Return the sums of cells by the rows of `weights` (rows, cells)."""
        cells, places = self._cells, self.places
        alone, shared = (np.asarray(weights @ errors) for errors in self._shared_errors)
        own = np.asarray(weights.multiply(weights) @ cells.variances.ravel()[places]) + (alone**2).sum(axis=1)
        at = (np.ones(len(places)), (np.arange(len(places)), places))
        move = sparse.csr_array(at, shape=(len(places), cells.observed.size))
        return AdjustedSums(
            np.asarray(weights @ cells.observed.ravel()[places]),
            np.asarray(weights @ self.area.least_squares.ravel()[places]),
            Spread(own, shared),
            self.area.spread(sparse.csr_array(weights @ move)),
        )


def standardised(difference: Floats, variance: Floats, name: str) -> dict[str, pl.Series]:
    """Return a difference with its standard error and z; no z where the account could not have changed it."""
    error = np.sqrt(np.maximum(variance, 0.0))
    known = error > 10.0**-DECIMALS
    z = np.where(known, difference / np.where(known, error, 1.0), np.nan)
    return {
        name: pl.Series(difference).round(DECIMALS) + 0.0,
        "standard_error": pl.Series(error).round(DECIMALS),
        "z": pl.Series(z).fill_nan(None).round(4) + 0.0,
    }
