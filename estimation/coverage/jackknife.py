"""The sampling error of the coverage survey by leaving out one cluster at a time: a check of the bootstrap.

The delete-one jackknife within strata (JKn): K. M. Wolter, Introduction to Variance Estimation, 2nd edition 2007,
section 4.5. It has no draws, so it differs from the bootstrap by what that leaves to chance, and where a factor is
far from linear in the clusters.
"""

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.coverage.bootstrap import drawn_together
from estimation.coverage.lists import Lists, SurveySums, survey_sums


def without_each_cluster(lists: Lists, surveyed: pl.DataFrame) -> SurveySums:
    """Return the survey without each of its clusters in turn, (clusters, classes), in their order.

    The other n - 1 clusters of the stratum have n / (n - 1) of their weight. A stratum of one cluster is taken
    together with its neighbour, as in the bootstrap; a survey of one cluster is left as it is.
    """
    return survey_sums(lists, lambda figures: totals_without_each(figures, surveyed))


def totals_without_each(of_cluster: Floats, surveyed: pl.DataFrame) -> Floats:
    """Return the totals of `of_cluster` (clusters, figures) without each cluster in turn, in their order."""
    left = np.tile(of_cluster.sum(axis=0), (len(of_cluster), 1))
    for _, rows in drawn_together(surveyed):
        if len(rows) > 1:
            left[rows] += (of_cluster[rows].sum(axis=0) - len(rows) * of_cluster[rows]) / (len(rows) - 1)
    return np.maximum(left, 0.0)  # a difference of equal sums may be just below


def jackknife_covariance(replicates: Floats, surveyed: pl.DataFrame) -> Floats:
    """Return the covariance, (figures, figures), of figures computed without each cluster, (clusters, figures).

    That is the sum over strata of (n - 1) / n times the products of deviations from the mean of the stratum's
    replicates.
    """
    covariance = np.zeros((replicates.shape[1], replicates.shape[1]))
    for _, rows in drawn_together(surveyed):
        deviations = replicates[rows] - replicates[rows].mean(axis=0)
        covariance += (len(rows) - 1) / len(rows) * np.einsum("ri,rj->ij", deviations, deviations)
    return covariance
