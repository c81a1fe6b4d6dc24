"""Coverage factors by class: residents per person whom the sources count, with the errors of the factors.

List A is the trimmed list (people with signs of residence on both sides of the day), for the whole country; list B is
the survey. In class g the survey's weighted share of people found on A, corrected for linkage error, gives
the dual-system estimate of its residents; divided by the full list count it gives the factor f_g, one net number
for people missed and people wrongly listed (Zhang & Dunne, trimmed dual-system estimation; Ding & Fienberg
1994 for the correction).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from estimation.cells import DIVISIONS
from estimation.coverage.ages import coverage_of_ages
from estimation.coverage.bootstrap import cluster_index, cluster_weights
from estimation.coverage.classes import Cell, CoverageClass, class_name, members, merge_classes
from estimation.coverage.dual_system import chapman, true_matches
from estimation.coverage.linkage_error import LEAST_SEPARATION, LinkageError, check_separation, draw_linkage_errors
from estimation.exact_sums import exact_sum
from pipeline.errors import UserError
from pipeline.schemas import AGE_GROUPS
from pipeline.study import CoverageSettings


@dataclass(frozen=True)
class CoverageEstimate:
    """The table `coverage`, the covariances of the factors' relative errors by pair of classes, and single ages."""

    table: pl.DataFrame
    covariance: pl.DataFrame
    ages: pl.DataFrame


@dataclass(frozen=True)
class _Lists:
    """Both lists by class: list counts, and sums of survey weights by cluster.

    `full` and `trimmed` count the list; `surveyed` and, of them, the `known` (linked to any person), `listed`
    and `matched` (on the trimmed list) are (clusters, classes). Weights average 1. `share_on_list` and
    `share_on_trimmed_list` are those of all known people: the shares of false links that are to a person on the
    full list and on the trimmed list. `answered` are the people who answered, and `represented` the residents
    for whom they stand by the survey's design.
    """

    full: Floats
    trimmed: Floats
    surveyed: Floats
    known: Floats
    listed: Floats
    matched: Floats
    answered: Floats
    represented: Floats
    share_on_list: float
    share_on_trimmed_list: float


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
    are those of `coverage.survey` (people count in each group by their `share`), and `known` is the number of people
    to whom survey people may be linked, residents or not. Classes are merged until each has `minimum_matches`
    matches. Standard errors: sampling by the rescaled bootstrap of Rao & Wu (1988) over clusters within strata;
    linkage by draws of recall and false-link rate, and three declared errors, each shared by all classes: one for all
    alike, one for children, and one for dependence of the lists (`_dependence`). All are independent, so their
    covariances add up.
    Raises `UserError` where no one was matched or where linkage is too poor.
    """
    check_separation(links)
    links = links.shrunk()
    classes = _classes(surveyed, settings.minimum_matches)
    lists = _sum_by_class(counted, listed, surveyed, classes, known)
    clusters = np.ones((1, len(lists.surveyed)))
    point = np.array([links.recall]), np.array([links.false_link_rate])
    factor, covered = (one[0] for one in _factors(lists, clusters, *point))
    resampled = cluster_weights(surveyed, settings.replicates, seed)
    sampling = _relative_covariance(_factors(lists, resampled, *point)[0], factor)
    sampling = _of_finite_country(_raise_variances(sampling, _minimum_variances(lists)), lists, factor)
    drawn = draw_linkage_errors(links, settings.replicates, seed)
    linkage = _mean_products(_factors(lists, clusters, *drawn)[0] / factor - 1)
    left = settings.children_error * _share_of_children(counted, classes)
    declared = settings.declared_error**2 + np.outer(left, left)
    missed_by_both = _dependence(lists, factor) * settings.list_dependence
    dependence = np.outer(missed_by_both, missed_by_both)
    covariance = sampling + linkage + declared + dependence
    table = pl.DataFrame(
        {
            "survey_date": [settings.reference_date] * len(classes),
            "coverage_class": [class_name(one) for one in classes],
            "members": [members(one) for one in classes],
            "factor": factor,
            "standard_error": factor * np.sqrt(np.diag(covariance)),
            "standard_error_sampling": factor * np.sqrt(np.diag(sampling)),
            "standard_error_linkage": factor * np.sqrt(np.diag(linkage)),
            "standard_error_dependence": factor * np.sqrt(np.diag(dependence)),
            "share_missed": np.clip(1 - covered, 0, 1),
            "share_erroneous": np.clip(1 - covered * factor, 0, 1),
            "listed": np.round(lists.full).astype(np.int64),
            "estimated": factor * lists.full,
            "surveyed": _people(surveyed, classes),
            "matches": _people(surveyed.filter("trimmed"), classes),
            "recall": [links.recall] * len(classes),
            "false_link_rate": [links.false_link_rate] * len(classes),
        }
    ).with_columns(pl.col(pl.Float64).round(9))
    parts = {"covariance": covariance, "sampling": sampling, "linkage": linkage, "declared": declared}
    covariances = _long_covariance(table["coverage_class"], {**parts, "dependence": dependence})
    return CoverageEstimate(table, covariances, coverage_of_ages(surveyed, table))


PLAUSIBLE = (0.5, 1.1)
"""Residents for whom a survey's answers stand, as a share of all, where its weights are those of its design."""


def _of_finite_country(sampling: Floats, lists: _Lists, factor: Floats) -> Floats:
    """Return the covariance of sampling where the survey asked a share of the country, as the weights say.

    Whoever was asked leaves no doubt about others: the variance is 1 - f times that of a small sample, where f of the
    residents answered. That of a complete survey is left, since some answer and others do not: for N people, of
    whom c are on the list and p answer, (1 - c)(1 - p) / (c p N), that of a dual-system estimate (Chapman 1951).
    Weights that do not add up to the country are not those of a design, and then nothing is taken off.
    """
    residents = np.maximum(factor * lists.full, 1e-9)
    low, high = PLAUSIBLE
    if not low <= lists.represented.sum() / residents.sum() <= high:
        return sampling
    left = np.sqrt(1 - np.clip(lists.answered / np.maximum(lists.represented, 1e-9), 0, 1))
    on_list, answering = (np.clip(one / residents, 1e-3, 1) for one in (lists.trimmed, lists.represented))
    complete = (1 - on_list) * (1 - answering) / (on_list * answering * residents)
    return sampling * np.outer(left, left) + np.diag(complete)


def _dependence(lists: _Lists, factor: Floats) -> Floats:
    """Return by how much each factor rises, relatively, for a rise of the log odds ratio of both lists from 0.

    Of N residents the share c is on the trimmed list, and the share p answers; if both are independent, N (1 - c)(1 -
    p) are missed by both. In a table of two by two with the odds ratio t, and the same other cells, they are t times
    as many, so the derivative of log N at t = 1 is (1 - c)(1 - p).
    """
    residents = np.maximum(factor * lists.full, 1e-9)
    on_list, answering = (np.clip(one / residents, 0, 1) for one in (lists.trimmed, lists.represented))
    return (1 - on_list) * (1 - answering)


def _classes(surveyed: pl.DataFrame, minimum: int) -> list[CoverageClass]:
    matched = surveyed.filter("trimmed")
    if matched.is_empty():
        raise UserError(
            "coverage survey: none of its people is linked to a person on the trimmed list, so coverage "
            "cannot be estimated. Look at linkage_quality for the survey."
        )
    return merge_classes(_by_cell(matched), minimum)


def _by_cell(frame: pl.DataFrame) -> dict[Cell, float]:
    return {row[:3]: row[3] for row in frame.group_by(DIVISIONS).agg(exact_sum(pl.col("share"))).iter_rows()}


def _share_of_children(counted: pl.DataFrame, classes: list[CoverageClass]) -> Floats:
    """Return the share of children among the people of each class; 0 where nobody is."""
    sums = counted.group_by(DIVISIONS).agg(exact_sum(pl.col("count")))
    of_cell = {row[:3]: row[3] for row in sums.iter_rows()}
    people, children = (
        np.array([sum(of_cell.get(cell, 0.0) for cell in one if cell[1] in ages) for one in classes])
        for ages in (AGE_GROUPS, AGE_GROUPS[:1])
    )
    return children / np.maximum(people, 1e-9)


def _people(frame: pl.DataFrame, classes: list[CoverageClass]) -> list[int]:
    counted = _by_cell(frame)
    return [round(sum(counted.get(cell, 0.0) for cell in one)) for one in classes]


def _sum_by_class(
    counted: pl.DataFrame, listed: pl.DataFrame, surveyed: pl.DataFrame, classes: list[CoverageClass], known: int
) -> _Lists:
    index, size = {cell: i for i, one in enumerate(classes) for cell in one}, len(classes)
    cluster = cluster_index(surveyed)
    share = surveyed["share"].to_numpy()
    weight = surveyed["weight"].to_numpy() * share
    weight = weight * share.sum() / weight.sum()
    on_list = listed.filter("trimmed")

    def class_of(frame: pl.DataFrame) -> Integers:
        return np.array([index[cell] for cell in frame.select(DIVISIONS).iter_rows()], dtype=np.int64)

    def in_survey(kept: Floats) -> Floats:
        sums = np.zeros((int(cluster.max()) + 1, size))
        np.add.at(sums, (cluster, own), weight * kept)
        return sums

    own = class_of(surveyed)
    return _Lists(
        full=np.bincount(class_of(counted), weights=counted["count"].to_numpy(), minlength=size).astype(float),
        trimmed=np.bincount(class_of(on_list), weights=on_list["share"].to_numpy(), minlength=size).astype(float),
        surveyed=in_survey(np.ones(len(weight))),
        known=in_survey(surveyed["known"].to_numpy()),
        listed=in_survey(surveyed["listed"].to_numpy()),
        matched=in_survey(surveyed["trimmed"].to_numpy()),
        answered=np.bincount(own, weights=share, minlength=size).astype(float),
        represented=np.bincount(own, weights=surveyed["weight"].to_numpy() * share, minlength=size).astype(float),
        share_on_list=round(listed["share"].sum()) / max(known, 1),
        share_on_trimmed_list=round(on_list["share"].sum()) / max(known, 1),
    )


def _factors(lists: _Lists, clusters: Floats, recall: Floats, false_link_rate: Floats) -> tuple[Floats, Floats]:
    """Return factors and shares of residents on the full list, (replicates, classes).

    `clusters` (replicates, clusters) are weights of the clusters; recall a and false-link rate b are by replicate.
    Of n2 surveyed, K are known to some source; a known person is linked to the right one with probability a,
    the n2 - K others are linked to somebody with probability b, and that somebody is any known person alike. So of
    the links to a list that contains the share s of all known people, and M of the surveyed,

        E(links to the list) = a M + b s (n2 - K).

    For the list of all known people s = 1 and M = K, which gives K = (k - b n2) / (a - b) from the k people linked:
    the moment form of Y. Ding & S. E. Fienberg (1994, Survey Methodology 20), with the false links of L. Di
    Consiglio & T. Tuoto (2015, J. Official Statistics 31). Then M = (m - b s (n2 - K)) / a for any list within it,
    each with its own s: with m the links to the trimmed list for the estimate of residents, with those to the full
    list for the share of residents on it.
    """
    surveyed, known, listed, matched = (
        np.einsum("rc,cg->rg", clusters, one) for one in (lists.surveyed, lists.known, lists.listed, lists.matched)
    )
    a, b = recall[:, None], np.clip(np.minimum(false_link_rate, recall - LEAST_SEPARATION), 0.0, 1.0)[:, None]
    false = b * np.maximum(surveyed - true_matches(known, surveyed, a, b), 0.0)
    matches = np.maximum((matched - lists.share_on_trimmed_list * false) / a, 0.0)
    covered = (listed - lists.share_on_list * false) / a / np.maximum(surveyed, 1e-9)
    return chapman(lists.trimmed, surveyed, matches) / np.maximum(lists.full, 1.0), covered


def _relative_covariance(replicates: Floats, factor: Floats) -> Floats:
    relative = replicates / factor
    return _mean_products(relative - relative.mean(axis=0)) * len(relative) / max(len(relative) - 1, 1)


def _mean_products(errors: Floats) -> Floats:
    return np.einsum("ri,rj->ij", errors, errors) / len(errors)


def _minimum_variances(lists: _Lists) -> Floats:
    """Return the relative variance of each factor in a simple random survey with one more person missed.

    Where the survey happens to miss nobody, the bootstrap shows no variance; with p = (m + 1) / (n + 2), the
    posterior mean under a uniform prior, the variance is (1 - p) / (p n).
    """
    surveyed, matched = lists.surveyed.sum(axis=0), lists.matched.sum(axis=0)
    share = (matched + 1) / (surveyed + 2)
    return (1 - share) / (share * np.maximum(surveyed, 1.0))


def _raise_variances(covariance: Floats, minimum: Floats) -> Floats:
    """Return the covariance with its diagonal raised to `minimum` where it is below."""
    return covariance + np.diag(np.maximum(minimum - np.diag(covariance), 0.0))


def _long_covariance(names: pl.Series, parts: Mapping[str, Floats]) -> pl.DataFrame:
    size = len(names)
    pairs = {"class_l": np.repeat(names.to_numpy(), size), "class_r": np.tile(names.to_numpy(), size)}
    return pl.DataFrame(
        {**pairs, **{name: matrix.ravel() for name, matrix in parts.items()}},
        schema_overrides={"class_l": pl.String, "class_r": pl.String},
    ).with_columns(pl.col(pl.Float64).round(12))


def factors_again(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    coverage: pl.DataFrame,
    clusters: Floats,
    recall: Floats,
) -> Floats:
    """Return the factors of the classes of a table `coverage` for other people, weights and links, (rows, classes).

    `clusters` (rows, clusters) are factors on the weights of clusters, and `recall` (rows) is that of links of which
    none is false. The other arguments are those of `estimate_coverage`.
    """
    lists = _sum_by_class(counted, listed, surveyed, _classes_of(coverage), known)
    return _factors(lists, clusters, recall, np.zeros(len(recall)))[0]


def sampling_beyond_bootstrap(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    coverage: pl.DataFrame,
    clusters: Floats,
) -> tuple[Floats, Floats]:
    """Return by what a bootstrapped deviation of each class counts, and the relative variance that it lacks.

    They make of the deviations by the weights `clusters` the sampling covariance of `estimate_coverage`: of a finite
    country, and of no class with less variance than a simple random survey has.
    """
    lists = _sum_by_class(counted, listed, surveyed, _classes_of(coverage), known)
    factor = _factors(lists, np.ones((1, clusters.shape[1])), np.ones(1), np.zeros(1))[0][0]
    none = np.zeros(len(clusters))
    bootstrap = _relative_covariance(_factors(lists, clusters, none + 1, none)[0], factor)
    raised = _raise_variances(bootstrap, _minimum_variances(lists)) - bootstrap
    empty = np.zeros_like(raised)
    complete = np.diag(_of_finite_country(empty, lists, factor))
    share = np.diag(_of_finite_country(empty + 1, lists, factor)) - complete
    return np.sqrt(np.maximum(share, 0.0)), np.diag(_of_finite_country(raised, lists, factor))


def _classes_of(coverage: pl.DataFrame) -> list[CoverageClass]:
    """Return the classes of a table `coverage`, in its order."""
    return [tuple(tuple(cell) for cell in json.loads(text)) for text in coverage["members"]]
