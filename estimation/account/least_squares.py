"""Generalised least squares: adjusts many series at once that share a few biases, with the variance of any total.

Every series s (a birth cohort of one sex and nationality group) has a small state z_s; its observations are
y_s = H z_s + X_s b + e_s, where b are relative biases shared by all series. The information matrix is an
arrow: block diagonal over series, with a border for b. Eliminating the blocks first gives the solution of
the full system exactly (the adjustment of Stone, Champernowne & Meade 1942, Review of Economic Studies 9,
with correlated errors). Written by hand because general solvers would need the dense covariance of all cells.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular
from scipy.optimize import nnls

from estimation.arrays import Booleans, Floats

RIDGE = 1e-12
"""Relative ridge that keeps nearly dependent bounds solvable."""


@dataclass(frozen=True)
class Observations:
    """What is observed: `values` y and `variances` of e are (series, m), the `biases` design X (series, m, terms).

    `model` H is (m, k), the same for all series; an infinite variance means "not observed". `exists` (series, k)
    is False where a state does not exist (a year before birth): that state is exactly 0.
    `bias_covariance` (terms, terms) is the prior covariance of b and may be singular.
    """

    model: Floats
    values: Floats
    variances: Floats
    biases: Floats
    bias_covariance: Floats
    exists: Booleans


@dataclass(frozen=True)
class Solution:
    """States (series, k), their covariance given the biases, and how they depend on the shared biases.

    The biases are b = `loadings` u, with `factors` u that are independent a priori. Cov(z) = block diagonal
    `blocks` + `response` `factor_covariance` `response`', where the factor covariance is the posterior one.
    """

    states: Floats
    blocks: Floats
    response: Floats
    factor_covariance: Floats
    factors: Floats
    loadings: Floats

    @property
    def biases(self) -> Floats:
        """The estimated biases b."""
        return np.einsum("ij,j->i", self.loadings, self.factors)

    @property
    def bias_covariance(self) -> Floats:
        """The posterior covariance of b."""
        return np.einsum("ij,jk,lk->il", self.loadings, self.factor_covariance, self.loadings)

    def variances(self, weights: sparse.csr_array) -> Floats:
        """Return the variance of every row of `weights` (rows, series x k) applied to the flattened states."""
        own = (weights @ self._block_diagonal()).multiply(weights).sum(axis=1)
        response = self._response_of(weights)
        return np.asarray(own).ravel() + np.einsum("ij,jk,ik->i", response, self.factor_covariance, response)

    def covariance(self, weights: sparse.csr_array, others: sparse.csr_array | None = None) -> Floats:
        """Return the covariance matrix of the rows of `weights` with those of `others` (by default themselves)."""
        others = weights if others is None else others
        own = (weights @ self._block_diagonal() @ others.T).toarray()
        left, right = self._response_of(weights), self._response_of(others)
        return own + np.einsum("ij,jk,lk->il", left, self.factor_covariance, right)

    def shifted(self, weights: sparse.csr_array, multipliers: Floats) -> "Solution":
        """Return the solution shifted by Cov(z, weights z) times the `multipliers` of those rows."""
        direction = weights.T @ multipliers
        response = np.einsum("ij,i->j", self._response_of(weights), multipliers)
        factor_step = np.einsum("ij,j->i", self.factor_covariance, response)
        step = (self._block_diagonal() @ direction).reshape(self.states.shape)
        step = step + np.einsum("skj,j->sk", self.response, factor_step)
        return replace(self, states=self.states + step, factors=self.factors - factor_step)

    def _block_diagonal(self) -> sparse.bsr_array:
        series, k = self.states.shape
        return sparse.bsr_array(
            (self.blocks, np.arange(series), np.arange(series + 1)), shape=(series * k, series * k)
        )

    def _response_of(self, weights: sparse.csr_array) -> Floats:
        """Return how the rows of `weights` depend on the factors, (rows, factors)."""
        series, k = self.states.shape
        return np.asarray(weights @ self.response.reshape(series * k, -1))


def solve(observed: Observations) -> Solution:
    """Return the least-squares solution for all series at once.

    With W = diag(1/variance): P = H'WH, C = P^-1 (`blocks`), G = C H'WX (`response`); the factors u have
    precision I + X'WX - X'WH G, and z = C H'Wy - G u. Raises `ValueError` where a state that exists is not
    determined.
    """
    loadings = _root(observed.bias_covariance)
    design = np.einsum("smj,ji->smi", observed.biases, loadings)
    precision = 1.0 / observed.variances
    information = np.einsum("mi,sm,mj->sij", observed.model, precision, observed.model)
    both_exist = observed.exists[:, :, None] & observed.exists[:, None, :]
    # A state that does not exist is pinned: a block of its own whose solution is 0.
    pins = np.where(observed.exists, 0.0, 1.0)[:, :, None] * np.eye(both_exist.shape[1])
    try:
        blocks = np.where(both_exist, np.linalg.inv(np.where(both_exist, information, 0.0) + pins), 0.0)
    except np.linalg.LinAlgError:
        raise ValueError("a series has neither a stock nor the flows that would determine it") from None
    weighted = np.einsum("mi,sm->sim", observed.model, precision)
    cross = np.einsum("sim,smj->sij", weighted, design)
    response = np.einsum("sij,sjt->sit", blocks, cross)
    without_biases = np.einsum("sij,sjm,sm->si", blocks, weighted, observed.values)
    border = np.einsum("smi,sm,smj->ij", design, precision, design) - np.einsum("ski,skj->ij", cross, response)
    score = np.einsum("smi,sm,sm->i", design, precision, observed.values) - np.einsum(
        "ski,sk->i", cross, without_biases
    )
    cholesky = cho_factor(np.eye(len(border)) + border, lower=True)
    factor_covariance = cho_solve(cholesky, np.eye(len(border)))
    factors = cho_solve(cholesky, score)
    states = without_biases - np.einsum("ski,i->sk", response, factors)
    return Solution(states, blocks, response, factor_covariance, factors, loadings)


def bounded(solution: Solution, weights: sparse.csr_array, offsets: Floats) -> Solution:
    """Return the nearest solution (in its own covariance) whose `weights z + offsets` are all at least 0.

    The quadratic programme is solved through its dual as non-negative least squares (least distance
    programming; Lawson & Hanson 1974, Solving Least Squares Problems, chapter 23). Rows that fall below 0
    are bound until none is left below; a solution without negative cells is returned unchanged.
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
        best = solution.shifted(rows, multipliers)
    return best


def _root(covariance: Floats) -> Floats:
    """Return L with L L' = covariance, for a covariance that may be singular."""
    if not len(covariance):
        return covariance
    values, vectors = eigh((covariance + covariance.T) / 2)
    kept = values > RIDGE * max(float(values[-1]), 0.0)
    return vectors[:, kept] * np.sqrt(values[kept])
