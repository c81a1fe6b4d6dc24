"""The sampling covariance of coverage factors from replicates of them, however those are made."""

import numpy as np

from estimation.arrays import Floats
from estimation.coverage.lists import Lists

PLAUSIBLE = (0.5, 1.1)
"""Residents for whom a survey's answers stand, as a share of all, where its weights are those of its design."""


def relative_covariance(replicates: Floats, factor: Floats) -> Floats:
    """Return the covariance of the relative errors of `factor` (classes), from its `replicates` drawn at random."""
    relative = replicates / factor
    return mean_products(relative - relative.mean(axis=0)) * len(relative) / max(len(relative) - 1, 1)


def mean_products(errors: Floats) -> Floats:
    """Return the mean over replicates of the products of errors, (classes, classes)."""
    return np.einsum("ri,rj->ij", errors, errors) / len(errors)


def sampling_covariance(replicated: Floats, lists: Lists, factor: Floats) -> Floats:
    """Return the relative covariance of sampling, from that of replicates, `replicated`.

    No class is more certain than a simple random survey with one more person missed, and of a survey of much of the
    country only the rest is uncertain.
    """
    return _of_finite_country(_raise_variances(replicated, _minimum_variances(lists)), lists, factor)


def not_asked(lists: Lists, factor: Floats) -> Floats:
    """Return the root of the share of residents of each class who did not answer, as the weights of the survey say.

    Weights that do not add up to the country are not those of a design: then it is 1, that of a small sample.
    """
    if not _of_a_design(lists, factor):
        return np.ones(len(factor))
    return np.sqrt(1 - np.clip(lists.answered / np.maximum(lists.represented, 1e-9), 0, 1))


def not_answering(lists: Lists, factor: Floats) -> Floats:
    """Return (1 - p) / p by class, where p of those asked answer; 0 where weights are not those of a design."""
    if not _of_a_design(lists, factor):
        return np.zeros(len(factor))
    answering = np.clip(lists.represented / np.maximum(factor * lists.full, 1e-9), 1e-3, 1)
    return (1 - answering) / answering


def _of_a_design(lists: Lists, factor: Floats) -> bool:
    residents = np.maximum(factor * lists.full, 1e-9)
    low, high = PLAUSIBLE
    return bool(low <= lists.represented.sum() / residents.sum() <= high)


def _of_finite_country(sampling: Floats, lists: Lists, factor: Floats) -> Floats:
    """Return the covariance of sampling where the survey asked a share of the country, as the weights say.

    Whoever was asked leaves no doubt about others: the variance is 1 - f times that of a small sample, where f of the
    residents answered. That of a complete survey is left, since some answer and others do not: for N people, of
    whom c are on the list and p answer, (1 - c)(1 - p) / (c p N), that of a dual-system estimate (Chapman 1951).
    Weights that do not add up to the country are not those of a design, and then nothing is taken off.
    """
    if not _of_a_design(lists, factor):
        return sampling
    residents, left = np.maximum(factor * lists.full, 1e-9), not_asked(lists, factor)
    on_list, answering = (np.clip(one / residents, 1e-3, 1) for one in (lists.trimmed, lists.represented))
    complete = (1 - on_list) * (1 - answering) / (on_list * answering * residents)
    return sampling * np.outer(left, left) + np.diag(complete)


def _minimum_variances(lists: Lists) -> Floats:
    """Return the relative variance of each factor in a simple random survey with one more person missed.

    Where the survey happens to miss nobody, the bootstrap shows no variance; with p = (m + 1) / (n + 2), the
    posterior mean under a uniform prior, the variance is (1 - p) / (p n).
    """
    surveyed, matched = (one.sum(axis=(0, 1)) for one in (lists.surveyed, lists.matched))
    share = (matched + 1) / (surveyed + 2)
    return (1 - share) / (share * np.maximum(surveyed, 1.0))


def _raise_variances(covariance: Floats, minimum: Floats) -> Floats:
    """Return the covariance with its diagonal raised to `minimum` where it is below."""
    return covariance + np.diag(np.maximum(minimum - np.diag(covariance), 0.0))
