"""Coverage factors by class: residents per person whom the sources count, with the errors of the factors.

List A is the trimmed list (people with signs of residence on both sides of the day), for the whole country; list B is
the survey. In class g the survey's weighted share of people found on A, corrected for linkage error, gives
the dual-system estimate of its residents; divided by the full list count it gives the factor f_g, one net number
for people missed and people wrongly listed (Zhang & Dunne, trimmed dual-system estimation; Ding & Fienberg
1994 for the correction).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.cells import DIVISIONS
from estimation.coverage.ages import coverage_of_ages
from estimation.coverage.bootstrap import cluster_weights
from estimation.coverage.classes import CoverageClass, class_name, members, merge_classes
from estimation.coverage.dependence import dependence_sensitivity, missed_by_both
from estimation.coverage.jackknife import jackknife_covariance, without_each_cluster
from estimation.coverage.linkage_error import LinkageError, check_separation, draw_linkage_errors
from estimation.coverage.list_errors import list_errors
from estimation.coverage.lists import (
    USUAL_DEPTH,
    factors,
    on_trimmed_list,
    people_by_cell,
    people_by_class,
    resampled,
    shares_of_group,
    sum_by_class,
    whole_survey,
)
from estimation.coverage.sampling import mean_products, relative_covariance, sampling_covariance
from estimation.coverage.trimming_curve import Draws, trimming_curve
from estimation.exact_sums import exact_sum
from pipeline.errors import UserError
from pipeline.schemas import AGE_GROUPS
from pipeline.study import CoverageSettings

UNSURE_OF_CORRECTION = 0.3
"""Standard error of what a calibration takes off the list for people who have left, as a share of it."""


@dataclass(frozen=True)
class CoverageEstimate:
    """The table `coverage`, and what goes with it.

    `covariance` has the covariances of the factors' relative errors by pair of classes; `ages`, `dependence` and
    `curve` are the tables `coverage_ages`, `dependence_sensitivity` and `trimming_curve`.
    """

    table: pl.DataFrame
    covariance: pl.DataFrame
    ages: pl.DataFrame
    dependence: pl.DataFrame
    curve: pl.DataFrame


def estimate_coverage(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    known: int,
    links: LinkageError,
    settings: CoverageSettings,
    seed: int,
    depth: int = USUAL_DEPTH,
) -> CoverageEstimate:
    """Return the coverage factors of a survey's day.

    `counted` (`DIVISIONS`, `age`, `count`, `squares`) is the population that the factors will multiply, `listed` and
    `surveyed` are those of `coverage.survey` (people count in each group by their `share`), and `known` is the
    number of people to whom survey people may be linked, residents or not. The list is trimmed to `depth`. Classes
    are merged until each has `minimum_matches` matches at the usual depth. Standard errors: sampling by the rescaled
    bootstrap of Rao & Wu (1988) over clusters within strata, with that of the jackknife as a check; linkage by draws
    of recall and false-link rate, which all classes share, with the errors of the recall of each nationality group
    and of who is listed twice; and three declared errors, each shared by all classes: one for all alike, one for
    children, and one for dependence of the lists (`coverage.dependence`). All are independent, so their covariances
    add up. Raises `UserError` where no one was matched or where linkage is too poor.
    """
    check_separation(links)
    links = links.shrunk()
    classes = _classes(surveyed, settings.minimum_matches)
    recall_of_groups = {group: recall for group, (recall, _) in links.of_groups.items()}
    trimmed = sum_by_class(
        counted, listed, surveyed, classes, known, settings.known_totals, recall_of_groups
    )  # fmt: skip
    depths = trimmed.depths(depth, settings.minimum_matches)
    lists = trimmed.at(depths)
    survey, point = whole_survey(lists), (np.array([links.recall]), np.array([links.false_link_rate]))
    factor = factors(lists, survey, *point)[0]
    clusters = cluster_weights(surveyed, settings.replicates, seed)
    replicated = relative_covariance(factors(lists, resampled(lists, clusters), *point), factor)
    without_one = factors(lists, without_each_cluster(lists, surveyed), *point) / factor
    sampling, jackknife = (
        sampling_covariance(one, lists, factor) for one in (replicated, jackknife_covariance(without_one, surveyed))
    )
    drawn = draw_linkage_errors(links, settings.replicates, seed)
    twice = lists.trimmed_error / np.maximum(lists.trimmed, 1e-9)
    linkage = mean_products(factors(lists, survey, *drawn) / factor - 1) + np.outer(twice, twice)
    for group, (_, error) in links.of_groups.items():
        own = shares_of_group(surveyed, classes, group) * error
        linkage += np.outer(own, own)
    left = _share_of_children(counted, classes) * _error_of_children(listed, classes, settings.children_error)
    declared = settings.declared_error**2 + np.outer(left, left)
    both = missed_by_both(lists, factor) * settings.list_dependence
    dependence = np.outer(both, both)
    covariance = sampling + linkage + declared + dependence
    errors = list_errors(lists, factor, counted, classes, known, links.recall, links.false_link_rate)
    table = pl.DataFrame(
        {
            "survey_date": [settings.reference_date] * len(classes),
            "coverage_class": [class_name(one) for one in classes],
            "members": [members(one) for one in classes],
            "factor": factor,
            "standard_error": factor * np.sqrt(np.diag(covariance)),
            "standard_error_sampling": factor * np.sqrt(np.diag(sampling)),
            "standard_error_jackknife": factor * np.sqrt(np.diag(jackknife)),
            "standard_error_linkage": factor * np.sqrt(np.diag(linkage)),
            "standard_error_dependence": factor * np.sqrt(np.diag(dependence)),
            "share_missed": errors.missed,
            "share_erroneous": errors.erroneous,
            "list_variance": errors.variance,
            "listed": np.round(lists.full).astype(np.int64),
            "estimated": factor * lists.full,
            "surveyed": people_by_class(surveyed, classes),
            "trimming_depth": depths.astype(np.int32),
            "matches": trimmed.matches[depths, np.arange(len(classes))],
            "recall": links.recall * lists.recall_of_class,
            "false_link_rate": [links.false_link_rate] * len(classes),
        }
    ).with_columns(pl.col(pl.Float64).round(9))
    parts = {"covariance": covariance, "sampling": sampling, "linkage": linkage, "declared": declared}
    covariances = _long_covariance(table["coverage_class"], {**parts, "dependence": dependence})
    curve = trimming_curve(
        settings.reference_date, counted, listed, surveyed, classes, trimmed, Draws(clusters, *point, *drawn),
        settings.minimum_matches, depth,
    )  # fmt: skip
    moved = dependence_sensitivity(table, counted, missed_by_both(lists, factor))
    ages = coverage_of_ages(surveyed, counted, listed, table)
    return CoverageEstimate(table, covariances, ages, moved, curve)


def _classes(surveyed: pl.DataFrame, minimum: int) -> list[CoverageClass]:
    matched = surveyed.filter("listed", on_trimmed_list(USUAL_DEPTH))
    if matched.is_empty():
        raise UserError(
            "coverage survey: none of its people is linked to a person on the trimmed list, so coverage "
            "cannot be estimated. Look at linkage_quality for the survey."
        )
    return merge_classes(people_by_cell(matched), minimum)


def _error_of_children(listed: pl.DataFrame, classes: list[CoverageClass], declared: float) -> Floats:
    """Return the relative standard error of the listed children of each class: some left with their family.

    It is the one that is declared of children who are listed for certain. Where a calibration gave them a probability
    p of living here, the list is corrected for the others, 1 - p of it, and `UNSURE_OF_CORRECTION` of that is the
    error.
    """
    p, share = pl.col("probability"), pl.col("share")
    error = pl.when(p == 1).then(declared).otherwise((1 - p) * UNSURE_OF_CORRECTION)
    children = listed.filter(on_trimmed_list(USUAL_DEPTH), pl.col("age_group") == AGE_GROUPS[0])
    sums = children.group_by(DIVISIONS).agg(exact_sum(share), error=exact_sum(share * error))
    of_cell = {row[:3]: row[3:] for row in sums.iter_rows()}
    people, errors = (
        np.array([sum(of_cell[cell][i] for cell in one if cell in of_cell) for one in classes]) for i in range(2)
    )
    return np.where(people > 0, errors / np.maximum(people, 1e-9), declared)


def _share_of_children(counted: pl.DataFrame, classes: list[CoverageClass]) -> Floats:
    """Return the share of children among the people of each class; 0 where nobody is."""
    sums = counted.group_by(DIVISIONS).agg(exact_sum(pl.col("count")))
    of_cell = {row[:3]: row[3] for row in sums.iter_rows()}
    people, children = (
        np.array([sum(of_cell.get(cell, 0.0) for cell in one if cell[1] in ages) for one in classes])
        for ages in (AGE_GROUPS, AGE_GROUPS[:1])
    )
    return children / np.maximum(people, 1e-9)


def _long_covariance(names: pl.Series, parts: Mapping[str, Floats]) -> pl.DataFrame:
    size = len(names)
    pairs = {"class_l": np.repeat(names.to_numpy(), size), "class_r": np.tile(names.to_numpy(), size)}
    return pl.DataFrame(
        {**pairs, **{name: matrix.ravel() for name, matrix in parts.items()}},
        schema_overrides={"class_l": pl.String, "class_r": pl.String},
    ).with_columns(pl.col(pl.Float64).round(12))
