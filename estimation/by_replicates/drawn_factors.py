"""Coverage factors of one replicate: the survey's clusters drawn again, the links of a draw, and declared errors.

Links of survey people with the list are those of the draw, and nobody is corrected for what the draw varies. What no
draw of links contains, pairs of one person that no rule proposed, is corrected once: by
expected recall, with the error that linkage states of it. A recall above 1 stands for links that are wrong in a way
that no draw varies.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.by_replicates.counted_again import SurveyLists
from estimation.coverage.bootstrap import cluster_weights
from estimation.coverage.factors_again import sampling_beyond_bootstrap
from estimation.coverage.linkage_error import LEAST_SEPARATION
from estimation.keyed_random import generator

SAMPLING, NOT_VARIED, DECLARED = "sampling of the survey", "links that no draw varies", "declared errors"


@dataclass(frozen=True)
class LinksNotVaried:
    """The share of survey people on the spine whose pair no rule proposed, and the standard error of that share."""

    share: float
    error: float


@dataclass(frozen=True)
class FactorDraws:
    """What replicates of coverage factors have in common.

    `coverage` is the table of the run, `weights` (replicates, clusters) are factors on the survey's weights. `scale`
    and `variance` (classes) come from `sampling_beyond_bootstrap`. `declared` (classes, errors) is a root of the
    covariance of declared errors, relative to the factors.
    """

    coverage: pl.DataFrame
    weights: Floats
    scale: Floats
    variance: Floats
    declared: Floats
    not_varied: LinksNotVaried
    seed: int

    @classmethod
    def of(
        cls,
        lists: SurveyLists,
        coverage: pl.DataFrame,
        covariance: pl.DataFrame,
        not_varied: LinksNotVaried,
        replicates: int,
        seed: int,
    ) -> "FactorDraws":
        """Return the draws of a run, whose `lists` are those of its best links."""
        weights = cluster_weights(lists.surveyed, replicates, seed)
        scale, variance = sampling_beyond_bootstrap(
            lists.counted, lists.listed, lists.surveyed, lists.known, coverage, weights, lists.known_totals
        )
        declared = _root(_matrix(covariance, coverage, "declared") + _matrix(covariance, coverage, "dependence"))
        return cls(coverage, weights, scale, variance, declared, not_varied, seed)

    def of_replicate(self, lists: SurveyLists, replicate: int) -> dict[str, Floats]:
        """Return the factors of one replicate by what is frozen in them: `""` (nothing), or one of three errors."""
        fixed = 1 - self.not_varied.share
        error = self.not_varied.error * self._normals(replicate, NOT_VARIED, 1)[0]
        recall = np.maximum(fixed - error, LEAST_SEPARATION)
        weights = np.vstack([self.weights[replicate], np.ones(self.weights.shape[1])])
        by_recall = [lists.factors(self.coverage, weights, np.full(2, one)) for one in (recall, fixed)]
        (sampled, whole), (sampled_at_fixed, whole_at_fixed) = by_recall
        more = self._normals(replicate, SAMPLING, len(self.variance)) * np.sqrt(self.variance)
        declared = 1 + self.declared @ self._normals(replicate, DECLARED, self.declared.shape[1])
        drawn = whole + self.scale * (sampled - whole) + more * whole
        at_fixed = whole_at_fixed + self.scale * (sampled_at_fixed - whole_at_fixed) + more * whole_at_fixed
        return {
            "": drawn * declared,
            SAMPLING: whole * declared,
            NOT_VARIED: at_fixed * declared,
            DECLARED: drawn,
        }

    def _normals(self, replicate: int, stream: str, size: int) -> Floats:
        return generator(self.seed, f"replicate {replicate}: coverage, {stream}").standard_normal(size)


def _matrix(covariance: pl.DataFrame, coverage: pl.DataFrame, name: str) -> Floats:
    """Return a part of the covariance of classes, (classes, classes), in the order of `coverage`."""
    order = pl.DataFrame({"class_l": coverage["coverage_class"]}).join(
        pl.DataFrame({"class_r": coverage["coverage_class"]}), how="cross", maintain_order="left_right"
    )
    found = order.join(covariance, on=["class_l", "class_r"], how="left", maintain_order="left")
    return found[name].fill_null(0.0).to_numpy().reshape(coverage.height, coverage.height)


def _root(covariance: Floats) -> Floats:
    """Return L with L L' = a covariance that may be singular."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return vectors * np.sqrt(np.maximum(values, 0.0))
