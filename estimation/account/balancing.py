"""Balances the series of one area: stocks and flows that contradict one another, adjusted until they agree.

For every year of a series: people at its end - people at its start - immigrants + emigrants = births - deaths and
moves. With A x = c for these identities, y = x + X b + e for what is observed, V the variances of e and Q = A V A',

    x = y - X b - V A' Q^-1 (A (y - X b) - c),      Cov(x | b) = V - V A' Q^-1 A V

(Stone, Champernowne & Meade 1942, Review of Economic Studies 9). All that an account says about the shared biases b
lies in its contradictions A y - c, whose covariance is Q + A X Cov(b) X' A'. Where a flow is expected to be m with
variance U before it is observed, y is replaced by the mean of y and m weighted by their precisions, and y - m says
more about the biases, of which m has its own.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from estimation.account.layout import AreaCells, Design
from estimation.arrays import Floats
from pipeline.errors import UserError

NEWTON_STEPS = 60
RIDGE = 1e-12


@dataclass(frozen=True)
class Evidence:
    """What an area says about its biases: the quadratic form b' `information` b / 2 - b' `score`."""

    information: Floats
    score: Floats


@dataclass(frozen=True)
class Balance:
    """An area before its biases are known.

    `identities` A is (series, years, columns), `gaps` A y - c, `weights` Q^-1 and `gains` V A' Q^-1; rows of A
    without an identity (years before birth, or without a stock) are 0. `design` X is (series, columns, terms).
    `observed` y, `variances` V and X are after what was expected is taken into account; `expectations` is what
    that says about the biases.
    """

    cells: AreaCells
    observed: Floats
    variances: Floats
    design: Floats
    expectations: Evidence
    identities: Floats
    gaps: Floats
    weights: Floats
    gains: Floats

    @property
    def evidence(self) -> Evidence:
        """What the contradictions of the area say about the biases."""
        by_series = self.identities @ self.design
        effect, weighted = as_rows(by_series), as_rows(self.weights @ by_series)
        return Evidence(
            self.expectations.information + effect.T @ weighted,
            self.expectations.score + weighted.T @ self.gaps.ravel(),
        )

    @property
    def response(self) -> Floats:
        """How much less each estimate is for each unit of each bias, (series, columns, terms)."""
        return self.design - self.gains @ (self.identities @ self.design)

    def estimates(self, biases: Floats) -> Floats:
        """Return the least-squares estimates of all cells, given the biases."""
        unbiased = self.observed - self.design @ biases
        gaps = self.gaps - np.squeeze(self.identities @ (self.design @ biases)[:, :, None], axis=2)
        return unbiased - np.squeeze(self.gains @ gaps[:, :, None], axis=2)

    def cell_variances(self) -> Floats:
        """Return the variance of every cell, given the biases."""
        removed = (self.gains * self.identities.transpose(0, 2, 1)).sum(axis=2) * self.variances
        return np.maximum(self.variances - removed, 0.0)

    def covariance(self, weights: sparse.csr_array) -> Floats:
        """Return the covariance, given the biases, of the rows of `weights` (rows, series x columns)."""
        variances = sparse.csr_array(weights.multiply(self.variances.ravel()[None, :]))
        moved = self._identity_rows(variances)
        return (variances @ weights.T).toarray() - (moved @ self._weight_rows() @ moved.T).toarray()

    def variances_of(self, weights: sparse.csr_array) -> Floats:
        """Return the diagonal of `covariance`."""
        variances = sparse.csr_array(weights.multiply(self.variances.ravel()[None, :]))
        moved = self._identity_rows(variances)
        removed = (moved @ self._weight_rows()).multiply(moved).sum(axis=1)
        return np.maximum(variances.multiply(weights).sum(axis=1) - removed, 0.0)

    def variances_by_series(self, patterns: Floats) -> Floats:
        """Return the variance, given the biases, of the sums of each series by `patterns` (rows, columns)."""
        moved = (self.identities * self.variances[:, None, :]) @ patterns.T
        return self.variances @ (patterns**2).T - (moved * (self.weights @ moved)).sum(axis=1)

    def spread(self, direction: Floats) -> Floats:
        """Return the covariance of all cells, given the biases, times a `direction` (series, columns)."""
        moved = self.variances * direction
        return moved - self.variances * self._back(self.weights @ (self.identities @ moved[:, :, None]))

    def _back(self, multipliers: Floats) -> Floats:
        return np.squeeze(self.identities.transpose(0, 2, 1) @ multipliers, axis=2)

    def _identity_rows(self, weights: sparse.csr_array) -> sparse.csr_array:
        series, years, columns = self.identities.shape
        blocks = (self.identities, np.arange(series), np.arange(series + 1))
        return sparse.csr_array(weights @ sparse.bsr_array(blocks, shape=(series * years, series * columns)).T)

    def _weight_rows(self) -> sparse.bsr_array:
        series, years, _ = self.identities.shape
        blocks = (self.weights, np.arange(series), np.arange(series + 1))
        return sparse.bsr_array(blocks, shape=(series * years, series * years))


def as_rows(effects: Floats) -> Floats:
    """Return effects (series, columns, terms) as (series x columns, terms)."""
    return effects.reshape(effects.shape[0] * effects.shape[1], effects.shape[2])


def balance_area(cells: AreaCells, effects: Design) -> Balance:
    """Return the balance of one area; raises `UserError` where cells declared exact contradict one another."""
    both = cells.variances + cells.expected_variances
    precision = np.where(np.isfinite(both) & (both > 0), 1.0 / np.where(both > 0, both, 1.0), 0.0)
    weight = 1.0 - cells.variances * precision
    observed = np.where(precision > 0, weight * cells.observed + (1.0 - weight) * cells.expected, cells.observed)
    design, terms = effects.reports, effects.reports.shape[2]
    expectations = Evidence(np.zeros((terms, terms)), np.zeros(terms))
    if precision.any():
        effect = as_rows((effects.reports - effects.expectations) * np.sqrt(precision)[:, :, None])
        surprise = (cells.observed - cells.expected) * np.sqrt(precision)
        expectations = Evidence(effect.T @ effect, effect.T @ surprise.ravel())
        design = effects.expectations + weight[:, :, None] * (effects.reports - effects.expectations)
    return _balance(cells, observed, cells.variances * weight, design, expectations)


def _balance(
    cells: AreaCells, observed: Floats, variances: Floats, design: Floats, expectations: Evidence
) -> Balance:
    identities, constants = _identities(cells)
    moved = identities * variances[:, None, :]
    covariance = moved @ identities.transpose(0, 2, 1)
    empty = np.einsum("stt->st", covariance) <= 0
    gaps = np.squeeze(identities @ observed[:, :, None], axis=2) - constants
    if (np.abs(gaps[empty]) > RIDGE * (1 + np.abs(constants[empty]))).any():
        series, year = (int(one[0]) for one in np.nonzero(empty & (np.abs(gaps) > RIDGE)))
        cohort = cells.series.row(series, named=True)
        raise UserError(
            f"cohort {cohort['cohort']}, sex {cohort['sex']}, area {cohort['area']}: all stocks and flows up to "
            f"{cells.columns.times[year + 1]} have an sd of 0 in the _sd files, but do not agree. Give one an error."
        )
    diagonal = np.arange(covariance.shape[1])
    covariance[:, diagonal, diagonal] += empty
    weights = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
    weights[:, diagonal, diagonal] -= empty
    gains = moved.transpose(0, 2, 1) @ weights
    return Balance(cells, observed, variances, design, expectations, identities, gaps, weights, gains)


def _identities(cells: AreaCells) -> tuple[Floats, Floats]:
    """Return A (series, years, columns) and c (series, years): an identity for each stock but a series' first.

    It begins at the stock before it, or at birth. A stock that is not observed has none, so the next one has the
    flows of all years between.
    """
    columns, (series, width) = cells.columns, cells.observed.shape
    steps, stocks = columns.steps, np.arange(columns.steps + 1)
    observed = cells.exists[:, : steps + 1]
    born = (cells.series["cohort"].to_numpy().astype(np.int64) - columns.times[0])[:, None]
    start = np.where(observed, stocks[None, :], -1)
    start = np.maximum.accumulate(
        np.where(start < 0, np.where(stocks[None, :] == born - 1, stocks, -1), start), axis=1
    )
    before = start[:, :-1]
    holds = observed[:, 1:] & (before >= 0)
    identities = np.zeros((series, steps, width))
    identities[:, np.arange(steps), np.arange(1, steps + 1)] = holds
    s, t = np.nonzero(holds)
    identities[s, t, before[s, t]] = -1.0
    year = columns.years[steps + 1 :] - columns.times[0]
    inside = holds[:, :, None] & (year > before[:, :, None]) & (year <= stocks[1:, None])
    sign = np.where(np.array(columns.measures[steps + 1 :]) == "immigration", -1.0, 1.0)
    identities[:, :, steps + 1 :] = inside * sign
    identities *= cells.exists[:, None, :]
    within = holds[:, :, None] & (stocks[1:] > before[:, :, None]) & (stocks[1:] <= stocks[1:, None])
    return identities, np.squeeze(within.astype(float) @ cells.change[:, :, None], axis=2)


def without_negative_cells(balance: Balance, biases: Floats, estimates: Floats) -> Floats:
    """Return the estimates with no cell below 0: series that have one are balanced again within that bound.

    Given the biases, each such series is the quadratic programme min (x - y)' V^-1 (x - y) with A x = c, x >= 0. Its
    dual has one multiplier for each year, x = max(0, y + V A' u), and is solved by Newton steps with line search for
    all of these series together.
    """
    short = np.flatnonzero((estimates < 0).any(axis=1))
    if not len(short):
        return estimates
    identities, variances = balance.identities[short], balance.variances[short]
    start = balance.observed[short] - balance.design[short] @ biases
    constants = _constants(balance)[short]
    moved = identities * variances[:, None, :]
    holds = np.abs(identities).sum(axis=2) > 0
    multipliers = np.zeros(constants.shape)

    def cells_at(u: Floats) -> Floats:
        return np.maximum(0.0, start + np.squeeze(u[:, None, :] @ moved, axis=1))

    def dual(u: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = np.where(variances > 0, cells_at(u) ** 2 / np.where(variances > 0, variances, 1.0), 0.0)
        fixed = np.where(variances > 0, 0.0, np.squeeze(u[:, None, :] @ identities, axis=1) * start)
        return squares.sum(axis=1) / 2 + fixed.sum(axis=1) - (u * constants).sum(axis=1)

    scale = np.einsum("stm,stm->st", moved, identities).max(axis=1)
    diagonal = np.arange(constants.shape[1])
    for _ in range(NEWTON_STEPS):
        now = cells_at(multipliers)
        residual = np.where(holds, np.squeeze(identities @ now[:, :, None], axis=2) - constants, 0.0)
        if np.abs(residual).max() < 1e-9:
            break
        hessian = (moved * (now > 0)[:, None, :]) @ identities.transpose(0, 2, 1)
        hessian[:, diagonal, diagonal] += np.where(holds, RIDGE * scale[:, None] + 1e-14, 1.0)
        step = -np.squeeze(np.linalg.solve(hessian, residual[:, :, None]), axis=2)
        length, value = np.ones(len(short)), dual(multipliers)
        for _ in range(40):
            slope = (residual * step).sum(axis=1)
            worse = dual(multipliers + length[:, None] * step) > value + 1e-4 * length * slope + 1e-12 * np.abs(value)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        multipliers = multipliers + length[:, None] * step
    result = estimates.copy()
    result[short] = cells_at(multipliers)
    return result


def _constants(balance: Balance) -> Floats:
    return np.squeeze(balance.identities @ balance.observed[:, :, None], axis=2) - balance.gaps
