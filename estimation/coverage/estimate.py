"""Coverage: how many residents there are for each person whom the sources count, by class, with its errors.

List A is the trimmed list (people with strong signs of residence), known for the whole country; list B is
the survey. In class g the survey's weighted share of people found on A, corrected for linkage error, gives
the dual-system estimate of its residents; over the full list count it gives the factor f_g, one net number
for people missed and people wrongly held (Zhang & Dunne, trimmed dual-system estimation; Ding & Fienberg
1994 for the correction).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimation.account.least_squares import Array
from estimation.coverage.bootstrap import cluster_places, cluster_weights
from estimation.coverage.classes import Cell, CoverageClass, class_name, members, merge_classes
from estimation.coverage.dual_system import LEAST_SEPARATION, chapman, check_separation, true_matches
from estimation.coverage.survey import DIVISIONS, LinkageError
from estimation.keyed_random import generator
from pipeline.errors import UserError
from pipeline.study import CoverageSettings


@dataclass(frozen=True)
class CoverageEstimate:
    """The table `coverage`, and the covariances of the factors' relative errors by pair of classes."""

    table: pl.DataFrame
    covariance: pl.DataFrame


@dataclass(frozen=True)
class _Lists:
    """Both lists by class: list counts, and sums of survey weights by cluster (rows).

    `full` and `trimmed` count the list; `surveyed` and, of them, the `known` (linked to anybody), `listed`
    and `matched` (on the trimmed list) are (clusters, classes). Weights average 1. `landing` is the share of
    all known people who are on the trimmed list, where a false link may land.
    """

    full: Array
    trimmed: Array
    surveyed: Array
    known: Array
    listed: Array
    matched: Array
    landing: float


def estimate_coverage(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    links: LinkageError,
    settings: CoverageSettings,
    seed: int,
) -> CoverageEstimate:
    """Return the coverage factors of a survey's day.

    `counted` (`DIVISIONS`, `count`) is the population that the factors will multiply, `listed` and `surveyed`
    are those of `coverage.survey`, and `known` is the number of people whom survey people may be linked to,
    residents or not. Classes are merged until each has `minimum_matches` matches. Standard errors: sampling
    by the rescaled bootstrap of Rao & Wu (1988) over clusters within strata; linkage by draws of recall and
    false-link rate, and the declared error, each shared by all classes. The three are independent, so their
    covariances add up. Raises `UserError` where nobody was matched or where linkage is too poor.
    """
    check_separation(links)
    links = links.steadied
    classes = _classes(surveyed, settings.minimum_matches)
    lists = _hold_together(counted, listed, surveyed, classes, known)
    clusters = np.ones((1, len(lists.surveyed)))
    point = np.array([links.recall]), np.array([links.false_link_rate])
    factor, covered = (one[0] for one in _factors(lists, clusters, *point))
    resampled = cluster_weights(surveyed, settings.replicates, seed)
    sampling = _relative_covariance(_factors(lists, resampled, *point)[0], factor)
    sampling = _at_least(sampling, _least_variance(lists))
    drawn = _draw_links(links, settings.replicates, seed)
    linkage = _relative_covariance(_factors(lists, clusters, *drawn)[0], factor)
    declared = np.full_like(linkage, settings.declared_error**2)
    covariance = sampling + linkage + declared
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
            "uneven": [unevenness(surveyed, one) for one in classes],
            "listed": np.round(lists.full).astype(np.int64),
            "estimated": factor * lists.full,
            "surveyed": _people(surveyed, classes),
            "matches": _people(surveyed.filter("trimmed"), classes),
            "recall": [links.recall] * len(classes),
            "false_link_rate": [links.false_link_rate] * len(classes),
        }
    ).with_columns(pl.col(pl.Float64).round(9))
    return CoverageEstimate(table, _long(table["coverage_class"], covariance, sampling, linkage, declared))


def unevenness(surveyed: pl.DataFrame, one: CoverageClass) -> float:
    """Return the relative standard deviation of coverage between the single ages of a class, beyond chance.

    One-way analysis of variance of "found on the trimmed list" by sex, age and nationality group (method of
    moments; Cochran 1977, Sampling Techniques, section 8.4): 0 where ages differ no more than by chance.
    """
    inside = surveyed.filter(pl.struct(DIVISIONS).is_in([dict(zip(DIVISIONS, cell, strict=True)) for cell in one]))
    kind = ["sex", "age", "nationality_group"]
    by_kind = inside.group_by(kind).agg(people=pl.len(), found=pl.col("trimmed").sum()).sort(kind)
    people, found = (by_kind[name].to_numpy().astype(float) for name in ("people", "found"))
    total, share = people.sum(), found.sum() / max(people.sum(), 1.0)
    spread = float(np.sum(people * (found / people - share) ** 2)) - (len(people) - 1) * share * (1 - share)
    room = total - float(np.sum(people**2)) / max(total, 1.0)
    return (max(spread, 0.0) / room) ** 0.5 / share if room > 0 and share > 0 else 0.0


def _classes(surveyed: pl.DataFrame, minimum: int) -> list[CoverageClass]:
    matched = surveyed.filter("trimmed")
    if matched.is_empty():
        raise UserError(
            "coverage survey: none of its people is linked to anybody with strong signs of residence, so there is "
            "nothing to estimate coverage from. Look at linkage_quality for the survey."
        )
    return merge_classes(_by_cell(matched), minimum)


def _by_cell(frame: pl.DataFrame) -> dict[Cell, int]:
    return {row[:3]: row[3] for row in frame.group_by(DIVISIONS).len().iter_rows()}


def _people(frame: pl.DataFrame, classes: list[CoverageClass]) -> list[int]:
    counted = _by_cell(frame)
    return [sum(counted.get(cell, 0) for cell in one) for one in classes]


def _hold_together(
    counted: pl.DataFrame, listed: pl.DataFrame, surveyed: pl.DataFrame, classes: list[CoverageClass], known: int
) -> _Lists:
    place, size = {cell: i for i, one in enumerate(classes) for cell in one}, len(classes)
    cluster = cluster_places(surveyed)
    weight = surveyed["weight"].to_numpy() / surveyed["weight"].mean()

    def class_of(frame: pl.DataFrame) -> NDArray[np.int64]:
        return np.array([place[cell] for cell in frame.select(DIVISIONS).iter_rows()], dtype=np.int64)

    def in_survey(kept: Array) -> Array:
        sums = np.zeros((int(cluster.max()) + 1, size))
        np.add.at(sums, (cluster, own), weight * kept)
        return sums

    own = class_of(surveyed)
    return _Lists(
        full=np.bincount(class_of(counted), weights=counted["count"].to_numpy(), minlength=size).astype(float),
        trimmed=np.bincount(class_of(listed.filter("trimmed")), minlength=size).astype(float),
        surveyed=in_survey(np.ones(len(weight))),
        known=in_survey(surveyed["known"].to_numpy()),
        listed=in_survey(surveyed["listed"].to_numpy()),
        matched=in_survey(surveyed["trimmed"].to_numpy()),
        landing=listed.filter("trimmed").height / max(known, 1),
    )


def _factors(lists: _Lists, clusters: Array, recall: Array, false_link_rate: Array) -> tuple[Array, Array]:
    """Return factors and shares of residents on the full list, (replicates, classes).

    `clusters` (replicates, clusters) weighs the clusters; recall a and false-link rate b are by replicate.
    Of the n2 surveyed, K = (known - b n2) / (a - b) are really known; the others are linked falsely at rate
    b, and the share `landing` of those links ends on the trimmed list: M = (m - b landing (n2 - K)) / a. When
    everybody known is on the trimmed list, M = K, which is the form of Ding & Fienberg.
    """
    surveyed, known, listed, matched = (
        np.einsum("rc,cg->rg", clusters, one) for one in (lists.surveyed, lists.known, lists.listed, lists.matched)
    )
    a, b = recall[:, None], np.clip(np.minimum(false_link_rate, recall - LEAST_SEPARATION), 0.0, 1.0)[:, None]
    unknown = np.maximum(surveyed - true_matches(known, surveyed, a, b), 0.0)
    false = b * lists.landing * unknown
    matches = np.maximum((matched - false) / a, 0.0)
    covered = (listed - false) / a / np.maximum(surveyed, 1e-9)
    return chapman(lists.trimmed, surveyed, matches) / np.maximum(lists.full, 1.0), covered


def _relative_covariance(replicates: Array, factor: Array) -> Array:
    relative = replicates / factor
    centred = relative - relative.mean(axis=0)
    return np.einsum("ri,rj->ij", centred, centred) / max(len(centred) - 1, 1)


def _least_variance(lists: _Lists) -> Array:
    """Return the relative variance of each factor in a simple random survey with one more person missed.

    Where the survey happens to miss nobody the bootstrap sees no variance; with p = (m + 1) / (n + 2), the
    mean of a uniform prior, there is (1 - p) / (p n).
    """
    surveyed, matched = lists.surveyed.sum(axis=0), lists.matched.sum(axis=0)
    share = (matched + 1) / (surveyed + 2)
    return (1 - share) / (share * np.maximum(surveyed, 1.0))


def _at_least(covariance: Array, least: Array) -> Array:
    """Return the covariance with its diagonal raised to `least` where it is below."""
    return covariance + np.diag(np.maximum(least - np.diag(covariance), 0.0))


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


def _long(names: pl.Series, covariance: Array, sampling: Array, linkage: Array, declared: Array) -> pl.DataFrame:
    size = len(names)
    return pl.DataFrame(
        {
            "class_l": np.repeat(names.to_numpy(), size),
            "class_r": np.tile(names.to_numpy(), size),
            "covariance": covariance.ravel(),
            "sampling": sampling.ravel(),
            "linkage": linkage.ravel(),
            "declared": declared.ravel(),
        },
        schema_overrides={"class_l": pl.String, "class_r": pl.String},
    ).with_columns(pl.col(pl.Float64).round(12))
