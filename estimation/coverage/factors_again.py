"""Factors of the classes of a finished estimate for other people, weights and links: what replicates need."""

import json

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.coverage.classes import CoverageClass
from estimation.coverage.lists import Lists, factors, resampled, sum_by_class, whole_survey
from estimation.coverage.sampling import not_asked, relative_covariance, sampling_covariance
from pipeline.study import KnownTotals


def factors_again(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    coverage: pl.DataFrame,
    clusters: Floats,
    recall: Floats,
    known_totals: KnownTotals | None = None,
) -> Floats:
    """Return the factors of the classes of a table `coverage` for other people, weights and links, (rows, classes).

    `clusters` (rows, clusters) are factors on the weights of clusters, and `recall` (rows) is that of links of which
    none is false. The other arguments are those of `estimate_coverage`; the list of each class is trimmed to the
    depth that the table names.
    """
    lists = _lists(counted, listed, surveyed, known, coverage, known_totals)
    return factors(lists, resampled(lists, clusters), recall, np.zeros(len(recall)))


def sampling_beyond_bootstrap(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    coverage: pl.DataFrame,
    clusters: Floats,
    known_totals: KnownTotals | None = None,
) -> tuple[Floats, Floats]:
    """Return by what a bootstrapped deviation of each class counts, and the relative variance that it lacks.

    They make of the deviations by the weights `clusters` the sampling covariance of `estimate_coverage`: of a finite
    country, and of no class with less variance than a simple random survey has.
    """
    lists = _lists(counted, listed, surveyed, known, coverage, known_totals)
    factor = factors(lists, whole_survey(lists), np.ones(1), np.zeros(1))[0]
    all_right = np.ones(len(clusters))
    bootstrap = relative_covariance(factors(lists, resampled(lists, clusters), all_right, all_right - 1), factor)
    scale = not_asked(lists, factor)
    lacking = np.diag(sampling_covariance(bootstrap, lists, factor)) - scale**2 * np.diag(bootstrap)
    return scale, np.maximum(lacking, 0.0)


def _lists(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    coverage: pl.DataFrame,
    known_totals: KnownTotals | None,
) -> Lists:
    """Return both lists by the classes of a table `coverage`, each trimmed to its depth."""
    trimmed = sum_by_class(counted, listed, surveyed, _classes_of(coverage), known, known_totals)
    return trimmed.at(coverage["trimming_depth"].to_numpy().astype(np.int64))


def _classes_of(coverage: pl.DataFrame) -> list[CoverageClass]:
    """Return the classes of a table `coverage`, in its order."""
    return [tuple(tuple(cell) for cell in json.loads(text)) for text in coverage["members"]]
