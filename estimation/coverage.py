"""Coverage: how many residents there are for each person whom the sources count, by class, with its errors.

List A is the trimmed list (people with strong signs of residence), known for the whole country; list B is
the survey. In class g the survey's weighted share of people found on A, corrected for linkage error, gives
the dual-system estimate of its residents; over the full list count it gives the factor f_g, one net number
for people missed and people wrongly held (Zhang & Dunne, trimmed dual-system estimation; Ding & Fienberg
1994 for the correction).

The survey's own answers decide who belongs to a class. People on both lists show how those of list class j
spread over survey classes g, so the trimmed list is first moved: n_g = sum_j n_j m_jg / m_j.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimation.bootstrap import cluster_places, cluster_weights
from estimation.coverage_classes import Cell, CoverageClass, class_name, members, merge_classes
from estimation.draws import generator
from estimation.dual_system import chapman, check_separation, true_matches
from estimation.least_squares import Array
from estimation.survey import LinkageError
from pipeline.errors import UserError
from pipeline.study import CoverageSettings

OWN = ["sex", "age_group", "nationality_group"]
ON_LIST = ["list_sex", "list_age_group", "list_nationality_group"]


@dataclass(frozen=True)
class CoverageEstimate:
    """The table `coverage`, and the covariances of the factors' relative errors by pair of classes."""

    table: pl.DataFrame
    covariance: pl.DataFrame


@dataclass(frozen=True)
class _Lists:
    """Both lists by class: list counts, and sums of survey weights by cluster (rows) where they are needed.

    `surveyed`, `strong`, `linked` are (clusters, classes) by the survey's class, `crossed` (clusters, list
    class, survey class) the matches; weights average 1.
    """

    full: Array
    trimmed: Array
    surveyed: Array
    strong: Array
    linked: Array
    crossed: Array


def estimate_coverage(
    listed: pl.DataFrame, surveyed: pl.DataFrame, links: LinkageError, settings: CoverageSettings, seed: int
) -> CoverageEstimate:
    """Return the coverage factors of a survey's day.

    `listed` and `surveyed` are those of `estimation.survey`. Classes are merged until each has
    `minimum_matches` matches, by the survey's class and by the list's. Standard errors: sampling by the
    rescaled bootstrap of Rao & Wu (1988) over clusters within strata, linkage by draws of recall and
    false-link rate that all classes share; they are independent, so their covariances add up. Raises
    `UserError` where nobody was matched or where linkage is too poor.
    """
    check_separation(links.recall, links.false_link_rate)
    classes = _classes(surveyed, settings.minimum_matches)
    lists = _hold_together(listed, surveyed, classes)
    clusters = np.ones((1, len(lists.surveyed)))
    point = np.array([links.recall]), np.array([links.false_link_rate])
    factor, covered = (one[0] for one in _factors(lists, clusters, *point))
    resampled = cluster_weights(surveyed, settings.replicates, seed)
    sampling = _relative_covariance(_factors(lists, resampled, *point)[0], factor)
    drawn = _draw_links(links, settings.replicates, seed)
    linkage = _relative_covariance(_factors(lists, clusters, *drawn)[0], factor)
    covariance = sampling + linkage
    table = pl.DataFrame(
        {
            "survey_date": [settings.reference_date] * len(classes),
            "coverage_class": [class_name(one) for one in classes],
            "members": [members(one) for one in classes],
            "factor": factor,
            "standard_error": factor * np.sqrt(np.diag(covariance)),
            "standard_error_sampling": factor * np.sqrt(np.diag(sampling)),
            "standard_error_linkage": factor * np.sqrt(np.diag(linkage)),
            "missed": np.clip(1 - covered, 0, 1),
            "erroneous": np.clip(1 - covered * factor, 0, 1),
            "listed": lists.full.astype(np.int64),
            "estimated": factor * lists.full,
            "surveyed": _people(surveyed, OWN, classes),
            "matches": _people(surveyed.filter("strong"), OWN, classes),
            "recall": [links.recall] * len(classes),
            "false_link_rate": [links.false_link_rate] * len(classes),
        }
    ).with_columns(pl.col(pl.Float64).round(9))
    return CoverageEstimate(table, _long(table["coverage_class"], covariance, sampling, linkage))


def _classes(surveyed: pl.DataFrame, minimum: int) -> list[CoverageClass]:
    matched = surveyed.filter("strong")
    if matched.is_empty():
        raise UserError(
            "coverage survey: none of its people is linked to anybody with strong signs of residence, so there is "
            "nothing to estimate coverage from. Look at linkage_quality for the survey."
        )
    own, on_list = _by_cell(matched, OWN), _by_cell(matched, ON_LIST)
    return merge_classes({cell: min(own.get(cell, 0), on_list.get(cell, 0)) for cell in own}, minimum)


def _by_cell(frame: pl.DataFrame, columns: list[str]) -> dict[Cell, int]:
    return {row[:3]: row[3] for row in frame.group_by(columns).len().iter_rows()}


def _people(frame: pl.DataFrame, columns: list[str], classes: list[CoverageClass]) -> list[int]:
    counted = _by_cell(frame, columns)
    return [sum(counted.get(cell, 0) for cell in one) for one in classes]


def _hold_together(listed: pl.DataFrame, surveyed: pl.DataFrame, classes: list[CoverageClass]) -> _Lists:
    place = {cell: i for i, one in enumerate(classes) for cell in one}

    def class_of(frame: pl.DataFrame, columns: list[str]) -> NDArray[np.int64]:
        return np.array([place.get(cell, 0) for cell in frame.select(columns).iter_rows()], dtype=np.int64)

    size = len(classes)
    on_list, strong = class_of(listed, OWN), listed["strong"].to_numpy()
    cluster = cluster_places(surveyed)
    own, theirs = class_of(surveyed, OWN), class_of(surveyed, ON_LIST)
    weight = surveyed["weight"].to_numpy() / surveyed["weight"].mean()
    matched, linked = surveyed["strong"].to_numpy(), surveyed["linked"].to_numpy()

    def by_cluster(weights: Array) -> Array:
        sums = np.zeros((int(cluster.max()) + 1, size))
        np.add.at(sums, (cluster, own), weights)
        return sums

    crossed = np.zeros((int(cluster.max()) + 1, size, size))
    np.add.at(crossed, (cluster[matched], theirs[matched], own[matched]), weight[matched])
    return _Lists(
        full=np.bincount(on_list, minlength=size).astype(float),
        trimmed=np.bincount(on_list[strong], minlength=size).astype(float),
        surveyed=by_cluster(weight),
        strong=by_cluster(weight * matched),
        linked=by_cluster(weight * linked),
        crossed=crossed,
    )


def _factors(lists: _Lists, clusters: Array, recall: Array, false_link_rate: Array) -> tuple[Array, Array]:
    """Return factors and shares of residents on the full list, (replicates, classes).

    `clusters` (replicates, clusters) weighs the clusters; recall and false-link rate are by replicate.
    """
    surveyed, strong, linked = (
        np.einsum("rc,cg->rg", clusters, one) for one in (lists.surveyed, lists.strong, lists.linked)
    )
    crossed = np.einsum("rc,cjg->rjg", clusters, lists.crossed)
    from_class = crossed.sum(axis=2, keepdims=True)
    stay = np.broadcast_to(np.eye(len(lists.full)), crossed.shape)
    moves = np.where(from_class > 0, crossed / np.where(from_class > 0, from_class, 1.0), stay)
    trimmed = np.einsum("j,rjg->rg", lists.trimmed, moves)
    a, b = recall[:, None], false_link_rate[:, None]
    matches = np.maximum(true_matches(strong, surveyed, a, b), 0.0)
    covered = true_matches(linked, surveyed, a, b) / np.maximum(surveyed, 1e-9)
    return chapman(trimmed, surveyed, matches) / np.maximum(lists.full, 1.0), covered


def _relative_covariance(replicates: Array, factor: Array) -> Array:
    relative = replicates / factor
    centred = relative - relative.mean(axis=0)
    return np.einsum("ri,rj->ij", centred, centred) / max(len(centred) - 1, 1)


def _draw_links(links: LinkageError, replicates: int, seed: int) -> tuple[Array, Array]:
    """Return draws of recall and false-link rate: beta distributions with the review's means and errors."""
    draw = generator(seed, "coverage: clerical review")
    return (
        _draw_share(draw, links.recall, links.recall_error, replicates),
        _draw_share(draw, links.false_link_rate, links.false_link_error, replicates),
    )


def _draw_share(draw: np.random.Generator, mean: float, error: float, size: int) -> Array:
    room = mean * (1 - mean)
    if error <= 0:
        return np.full(size, mean)
    if error**2 >= room:  # a share at 0 or 1: no beta distribution has this mean and error
        return np.clip(mean + error * draw.standard_normal(size), 0.0, 1.0)
    strength = room / error**2 - 1
    return draw.beta(mean * strength, (1 - mean) * strength, size)


def _long(names: pl.Series, covariance: Array, sampling: Array, linkage: Array) -> pl.DataFrame:
    size = len(names)
    return pl.DataFrame(
        {
            "class_l": np.repeat(names.to_numpy(), size),
            "class_r": np.tile(names.to_numpy(), size),
            "covariance": covariance.ravel(),
            "sampling": sampling.ravel(),
            "linkage": linkage.ravel(),
        },
        schema_overrides={"class_l": pl.String, "class_r": pl.String},
    ).with_columns(pl.col(pl.Float64).round(12))
