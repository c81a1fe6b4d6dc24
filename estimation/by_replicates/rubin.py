"""Variance by replicates in two stages: several replicates of every draw of links.

Replicates are completed by drawing what is missing (D. Rubin 1987, Multiple Imputation for Nonresponse in Surveys,
section 3.1: total = within + (1 + 1/R) between), here in nests: with M draws of links, and N replicates of each, the
total is W + (1 + 1/M) L + (1 + 1/(M N)) S (Z. Shen 2000, Nested Multiple Imputation, thesis, Harvard; O. Harel 2007,
Statistical Methodology 4), where W is the variance that replicates do not draw, L that of links and S that of all
else, from the analysis of variance in one way.
"""

from dataclasses import dataclass

import numpy as np

from estimation.arrays import Floats, Integers


@dataclass(frozen=True)
class NestedVariance:
    """The parts of the variance of each figure, and their `total`."""

    within: Floats
    links: Floats
    rest: Floats
    total: Floats


def nested_variance(values: Floats, draw: Integers, within: Floats) -> NestedVariance:
    """Return the variance of each figure from its `values` (replicates, figures), each of a `draw` of links.

    `within` (figures) is the variance that no replicate draws. A part of links that comes out below 0 is 0, and all
    replicates then tell of the rest (the restricted maximum of likelihood where draws have equally many). There are
    at least two draws, and a draw of at least two.
    """
    draws, nest, sizes = np.unique(draw, return_inverse=True, return_counts=True)
    number, nests = len(values), len(draws)
    means = np.zeros((nests, values.shape[1]))
    np.add.at(means, nest, values)
    means /= sizes[:, None]
    mean = values.mean(axis=0)
    inside = ((values - means[nest]) ** 2).sum(axis=0)
    outside = (sizes[:, None] * (means - mean) ** 2).sum(axis=0)
    rest = inside / (number - nests)
    effective = (number - (sizes**2).sum() / number) / (nests - 1)
    links = (outside / (nests - 1) - rest) / effective
    rest = np.where(links < 0, (inside + outside) / (number - 1), rest)
    links = np.maximum(links, 0.0)
    total = within + (1 + 1 / nests) * links + (1 + 1 / number) * rest
    return NestedVariance(within, links, rest, total)
