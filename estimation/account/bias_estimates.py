"""Estimates the shared biases of all areas at once, and, on request, how large biases of each kind are.

The information matrix of all biases is an arrow: one block for the terms of each area and a border for the terms that
areas share. Eliminating the blocks first solves the whole system exactly, at a cost that is linear in the areas. The
scale of each kind of term is found by EM for its posterior mode (Dempster, Laird & Rubin 1977, Journal of the Royal
Statistical Society B 39): it needs only the evidence of the areas, never their cells.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from estimation.account.balancing import Evidence
from estimation.account.bias_terms import BiasTerms
from estimation.arrays import Floats, Integers

PRIOR_WEIGHT = 2.0
"""Terms that the declared scale is worth when the scale of a kind is estimated."""
EM_STEPS = 200
EM_TOLERANCE = 1e-4
"""EM ends when no scale changes by more than this share of itself."""
ROOT_TOLERANCE = 1e-12


@dataclass(frozen=True)
class TermLayout:
    """Which terms belong to each area alone, and which are shared: indices into the terms."""

    own: tuple[Integers, ...]
    shared: Integers

    @classmethod
    def of(cls, terms: BiasTerms, areas: list[str]) -> "TermLayout":
        """Return the layout of terms for areas in order; terms of a single area are all shared."""
        homes = terms.own_area() if len(areas) > 1 else [None] * len(terms.names)
        by_area: dict[str | None, list[int]] = {}
        for index, area in enumerate(homes):
            by_area.setdefault(area, []).append(index)
        return cls(
            tuple(np.array(by_area.get(area, []), dtype=np.int64) for area in areas),
            np.array(by_area.get(None, []), dtype=np.int64),
        )

    def of_area(self, area: int) -> Integers:
        """Return the terms that matter in an area: its own, then the shared ones."""
        return np.concatenate([self.own[area], self.shared])


@dataclass(frozen=True)
class AreaPosterior:
    """The posterior of an area's own biases, scaled by their sds: given the shared factors u, mean `start` - `on` u.

    `root` R has R R' = their covariance given u.
    """

    start: Floats
    on: Floats
    root: Floats


@dataclass(frozen=True)
class BiasEstimates:
    """Biases of all terms: `estimates`, prior and posterior variances, and what exact variances of sums need.

    `adjustments` are biases over their standard deviations before the data were seen, N(0, 1) if all is as declared.

    Biases of an area are sds times scaled ones; shared biases are `loadings` times factors, whose posterior
    covariance is R R' with R = `shared_root`.
    """

    estimates: Floats
    prior_variances: Floats
    posterior_variances: Floats
    adjustments: Floats
    sds: Floats
    layout: TermLayout
    areas: tuple[AreaPosterior, ...]
    loadings: Floats
    shared_root: Floats

    def roots(self, area: int, response: Floats) -> tuple[Floats, Floats]:
        """Return rows r, s for rows of responses to an area's terms, (rows, its terms).

        The biases give the row the variance r r' + s s'. What areas share is in s: rows of several areas add up
        their s before it is squared, and their r r' after.
        """
        posterior, own = self.areas[area], len(self.layout.own[area])
        scaled = response[:, :own] * self.sds[self.layout.own[area]]
        return scaled @ posterior.root, (response[:, own:] @ self.loadings - scaled @ posterior.on) @ self.shared_root


@dataclass(frozen=True)
class _Prior:
    """Standard deviations of the terms, and a root of the covariance of the shared ones."""

    sds: Floats
    loadings: Floats

    @cached_property
    def shared_variances(self) -> Floats:
        return (self.loadings**2).sum(axis=1)


def estimate_biases(
    terms: BiasTerms, layout: TermLayout, evidence: list[Evidence], *, em: bool
) -> tuple[BiasEstimates, Floats]:
    """Return the biases of all terms, and the scale of each term: estimated over declared sd, 1 where it is kept.

    The scale of a kind is estimated if it has several terms; correlated terms keep their covariance. Adjustments are
    those of the declared scales: one broken source would enlarge the scale of its kind, and so hide.
    """
    scales = np.ones(len(terms.names))
    declared = found = _posterior(terms, layout, evidence, _prior(terms, layout, scales))
    if not em:
        return found, scales
    kinds = scaled_kinds(terms)
    for _ in range(EM_STEPS):
        before = scales.copy()
        for members in kinds:
            squares = (found.estimates[members] ** 2 + found.posterior_variances[members]) / terms.sds[members] ** 2
            weight = len(members) + PRIOR_WEIGHT
            scales[members] = np.sqrt((squares.sum() + PRIOR_WEIGHT) / weight)
        found = _posterior(terms, layout, evidence, _prior(terms, layout, scales))
        if (np.abs(scales - before) <= EM_TOLERANCE * before).all():
            break
    return replace(found, adjustments=declared.adjustments), scales


def scaled_kinds(terms: BiasTerms) -> list[Integers]:
    """Return the terms of every kind whose scale is estimated: several or assumed, uncorrelated, sd above 0."""
    kinds = terms.kinds()["kind"].to_numpy() if terms.names else np.zeros(0, dtype=np.int64)
    free = ~terms.correlated & (terms.sds > 0)
    groups = [np.flatnonzero((kinds == kind) & free) for kind in np.unique(kinds)]
    return [members for members in groups if len(members) > 1 or terms.assumed[members].any()]


def _prior(terms: BiasTerms, layout: TermLayout, scales: Floats) -> _Prior:
    sds = terms.sds * scales
    shared = layout.shared
    covariance = np.diag(sds[shared] ** 2)
    tied = np.flatnonzero(terms.correlated[shared])
    covariance[np.ix_(tied, tied)] = terms.covariance
    return _Prior(sds, _root(covariance))


def _posterior(terms: BiasTerms, layout: TermLayout, evidence: list[Evidence], prior: _Prior) -> BiasEstimates:
    """Return the posterior of all biases given their prior: blocks of areas first, then the shared factors."""
    loadings = prior.loadings
    factors = loadings.shape[1]
    information, score = np.eye(factors), np.zeros(factors)
    areas = []
    for own, one in zip(layout.own, evidence, strict=True):
        k, sds = len(own), prior.sds[own]
        block = np.eye(k) + sds[:, None] * one.information[:k, :k] * sds
        border = sds[:, None] * (one.information[:k, k:] @ loadings)
        cholesky = cho_factor(block, lower=True) if k else None
        solved = (
            cho_solve(cholesky, np.column_stack([sds * one.score[:k], border])) if k else np.zeros((0, factors + 1))
        )
        areas.append(AreaPosterior(solved[:, 0], solved[:, 1:], _inverse_root(block)))
        information += loadings.T @ one.information[k:, k:] @ loadings - border.T @ solved[:, 1:]
        score += loadings.T @ one.score[k:] - border.T @ solved[:, 0]
    covariance = np.linalg.inv(information)
    shared = covariance @ score
    estimates, posterior = np.zeros(len(terms.names)), np.zeros(len(terms.names))
    estimates[layout.shared] = loadings @ shared
    posterior[layout.shared] = ((loadings @ covariance) * loadings).sum(axis=1)
    variances = prior.sds**2
    variances[layout.shared] = prior.shared_variances
    for own, area in zip(layout.own, areas, strict=True):
        estimates[own] = prior.sds[own] * (area.start - area.on @ shared)
        spread = (area.root**2).sum(axis=1) + ((area.on @ covariance) * area.on).sum(axis=1)
        posterior[own] = prior.sds[own] ** 2 * spread
    return BiasEstimates(
        estimates, variances, posterior, _standardised(estimates, variances - posterior, variances), prior.sds,
        layout, tuple(areas), loadings, _inverse_root(information),
    )  # fmt: skip


def _standardised(estimates: Floats, explained: Floats, variances: Floats) -> Floats:
    """Return estimates over their prior standard deviations, 0 for a term of which the account says nothing."""
    possible = explained > ROOT_TOLERANCE * np.maximum(variances, ROOT_TOLERANCE)
    return np.where(possible, estimates / np.sqrt(np.where(possible, explained, 1.0)), 0.0)


def _inverse_root(matrix: Floats) -> Floats:
    """Return R with R R' = the inverse of a positive definite matrix."""
    return np.asarray(np.linalg.inv(np.linalg.cholesky(matrix)).T, dtype=np.float64)


def _root(covariance: Floats) -> Floats:
    """Return L with L L' = covariance, for a covariance that may be singular."""
    if not len(covariance):
        return covariance
    if not (covariance - np.diag(np.diag(covariance))).any():
        return np.diag(np.sqrt(np.diag(covariance)))
    values, vectors = eigh((covariance + covariance.T) / 2)
    kept = values > ROOT_TOLERANCE * max(float(values[-1]), 0.0)
    return vectors[:, kept] * np.sqrt(values[kept])
