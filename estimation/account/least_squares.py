"""Generalised least squares for many series that share a few biases: one exact pass, any total's variance.

Every series s (a birth cohort of one sex and nationality group) has a small state z_s; its observations are
y_s = H z_s + X_s b + e_s, where b are relative biases shared by all series. The information matrix is an
arrow: block diagonal over series, with a border for b. Eliminating the blocks first gives the solution of
the full system exactly (the adjustment of Stone, Champernowne & Meade 1942, Review of Economic Studies 9,
with correlated errors).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular
from scipy.optimize import nnls

Array = NDArray[np.float64]

RIDGE = 1e-12
"""Relative ridge that keeps nearly dependent bounds solvable."""


@dataclass(frozen=True)
class Observations:
    """What is known of the series: `values` y and `variances` of e are (series, m), `biases` X is (series, m, terms).

    `model` H is (m, k), the same for all series; an infinite variance says "not observed". `exists` (series, k)
    is False where a state does not exist (a year before birth): that state is exactly 0.
    `bias_covariance` (terms, terms) is the prior covariance of b and may be singular.
    """

    model: Array
    values: Array
    variances: Array
    biases: Array
    bias_covariance: Array
    exists: NDArray[np.bool_]


@dataclass(frozen=True)
class Solution:
    """States (series, k), their covariance given the biases, and how both hang on the shared biases.

    Cov(z) = block diagonal `within` + `response` `shared` `response`', where `shared` is the posterior
    covariance of independent factors u, b = `loadings` u.
    """

    states: Array
    within: Array
    response: Array
    shared: Array
    factors: Array
    loadings: Array

    @property
    def biases(self) -> Array:
        """The estimated biases b."""
        return np.einsum("ij,j->i", self.loadings, self.factors)

    @property
    def bias_covariance(self) -> Array:
        """The posterior covariance of b."""
        return np.einsum("ij,jk,lk->il", self.loadings, self.shared, self.loadings)

    def variances(self, weights: sparse.csr_array) -> Array:
        """Return the variance of every row of `weights` (rows, series x k) applied to the flattened states."""
        own = (weights @ self._within()).multiply(weights).sum(axis=1)
        reach = self._reach(weights)
        return np.asarray(own).ravel() + np.einsum("ij,jk,ik->i", reach, self.shared, reach)

    def covariance(self, weights: sparse.csr_array, others: sparse.csr_array | None = None) -> Array:
        """Return the covariance matrix of the rows of `weights` with those of `others` (by default themselves)."""
        others = weights if others is None else others
        own = (weights @ self._within() @ others.T).toarray()
        return own + np.einsum("ij,jk,lk->il", self._reach(weights), self.shared, self._reach(others))

    def moved(self, weights: sparse.csr_array, multipliers: Array) -> "Solution":
        """Return the solution moved by Cov(z, weights z) times the `multipliers` of those rows."""
        pull = weights.T @ multipliers
        reach = np.einsum("ij,i->j", self._reach(weights), multipliers)
        towards = np.einsum("ij,j->i", self.shared, reach)
        step = (self._within() @ pull).reshape(self.states.shape)
        step = step + np.einsum("skj,j->sk", self.response, towards)
        return Solution(
            self.states + step, self.within, self.response, self.shared, self.factors - towards, self.loadings
        )

    def _within(self) -> sparse.bsr_array:
        series, k = self.states.shape
        return sparse.bsr_array(
            (self.within, np.arange(series), np.arange(series + 1)), shape=(series * k, series * k)
        )

    def _reach(self, weights: sparse.csr_array) -> Array:
        series, k = self.states.shape
        return np.asarray(weights @ self.response.reshape(series * k, -1))


def solve(seen: Observations) -> Solution:
    """Return the least-squares solution for all series at once.

    With W = diag(1/variance): P = H'WH, C = P^-1, G = C H'WX; the shared factors have precision
    I + X'WX - X'WH G, and z = C H'Wy - G u. Raises `ValueError` where a state that exists is not determined.
    """
    loadings = _root(seen.bias_covariance)
    design = np.einsum("smj,ji->smi", seen.biases, loadings)
    precision = 1.0 / seen.variances
    information = np.einsum("mi,sm,mj->sij", seen.model, precision, seen.model)
    free = seen.exists[:, :, None] & seen.exists[:, None, :]
    # A state that does not exist is pinned: a block of its own that says 0.
    pinned = np.where(free, information, 0.0) + np.where(seen.exists, 0.0, 1.0)[:, :, None] * np.eye(free.shape[1])
    try:
        within = np.where(free, np.linalg.inv(pinned), 0.0)
    except np.linalg.LinAlgError:
        raise ValueError("a series has neither a stock nor the flows that would determine it") from None
    weighted = np.einsum("mi,sm->sim", seen.model, precision)
    known = np.einsum("sim,smj->sij", weighted, design)
    response = np.einsum("sij,sjt->sit", within, known)
    alone = np.einsum("sij,sjm,sm->si", within, weighted, seen.values)
    border = np.einsum("smi,sm,smj->ij", design, precision, design) - np.einsum("ski,skj->ij", known, response)
    pull = np.einsum("smi,sm,sm->i", design, precision, seen.values) - np.einsum("ski,sk->i", known, alone)
    factor = cho_factor(np.eye(len(border)) + border, lower=True)
    shared = cho_solve(factor, np.eye(len(border)))
    factors = cho_solve(factor, pull)
    states = alone - np.einsum("ski,i->sk", response, factors)
    return Solution(states, within, response, shared, factors, loadings)


def bounded(solution: Solution, weights: sparse.csr_array, offsets: Array) -> Solution:
    """Return the nearest solution (in its own covariance) whose `weights z + offsets` are all at least 0.

    The quadratic programme is solved through its dual as non-negative least squares (least distance
    programming; Lawson & Hanson 1974, Solving Least Squares Problems, chapter 23). Rows that fall below 0
    are bound until none is left below, so a solution without negative cells is returned as it is.
    """
    target = np.asarray(weights @ solution.states.ravel()) + offsets
    bound = np.zeros(len(target), dtype=bool)
    best = solution
    for _ in range(len(target)):
        values = np.asarray(weights @ best.states.ravel()) + offsets
        violated = (values < -1e-9) & ~bound
        if not violated.any():
            break
        bound |= violated
        rows = weights[np.flatnonzero(bound)]
        covariance = solution.covariance(rows)
        covariance += np.eye(len(covariance)) * (RIDGE * np.trace(covariance))
        root = np.linalg.cholesky(covariance)
        multipliers, _ = nnls(root.T, -solve_triangular(root, target[bound], lower=True))
        best = solution.moved(rows, multipliers)
    return best


def _root(covariance: Array) -> Array:
    """Return L with L L' = covariance, for a covariance that may be singular."""
    if not len(covariance):
        return covariance
    values, vectors = eigh((covariance + covariance.T) / 2)
    kept = values > RIDGE * max(float(values[-1]), 0.0)
    return vectors[:, kept] * np.sqrt(values[kept])
