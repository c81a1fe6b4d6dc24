"""Coverage factors by class: residents per person whom the sources count, with the errors of the factors.

List A is the trimmed list (people with signs of residence on both sides of the day), for the whole country; list B is
the survey. In class g the survey's weighted share of people found on A, corrected for linkage error, gives
the dual-system estimate of its residents; divided by the full list count it gives the factor f_g, one net number
for people missed and people wrongly listed (Zhang & Dunne, trimmed dual-system estimation; Ding & Fienberg
1994 for the correction).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from estimation.cells import DIVISIONS
from estimation.coverage.bootstrap import cluster_index, cluster_weights
from estimation.coverage.classes import Cell, CoverageClass, class_name, members, merge_classes
from estimation.coverage.dual_system import chapman, true_matches
from estimation.coverage.linkage_error import LEAST_SEPARATION, LinkageError, check_separation, draw_linkage_errors
from estimation.exact_sums import exact_sum
from pipeline.errors import UserError
from pipeline.study import CoverageSettings


@dataclass(frozen=True)
class CoverageEstimate:
    """The table `coverage`, and the covariances of the factors' relative errors by pair of classes."""

    table: pl.DataFrame
    covariance: pl.DataFrame


@dataclass(frozen=True)
class _Lists:
    """Both lists by class: list counts, and sums of survey weights by cluster.

    `full` and `trimmed` count the list; `surveyed` and, of them, the `known` (linked to any person), `listed`
    and `matched` (on the trimmed list) are (clusters, classes). Weights average 1. `share_on_list` and
    `share_on_trimmed_list` are those of all known people: the shares of false links that are to a person on the
    full list and on the trimmed list.
    """

    full: Floats
    trimmed: Floats
    surveyed: Floats
    known: Floats
    listed: Floats
    matched: Floats
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
    linkage by draws of recall and false-link rate, and the declared error, each shared by all classes. The three are
    independent, so their covariances add up. Raises `UserError` where no one was matched or where linkage is too
    poor.
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
    sampling = _raise_variances(sampling, _minimum_variances(lists))
    drawn = draw_linkage_errors(links, settings.replicates, seed)
    linkage = _mean_products(_factors(lists, clusters, *drawn)[0] / factor - 1)
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
            "share_missed": np.clip(1 - covered, 0, 1),
            "share_erroneous": np.clip(1 - covered * factor, 0, 1),
            "relative_sd_between_ages": [unevenness(surveyed, one) for one in classes],
            "listed": np.round(lists.full).astype(np.int64),
            "estimated": factor * lists.full,
            "surveyed": _people(surveyed, classes),
            "matches": _people(surveyed.filter("trimmed"), classes),
            "recall": [links.recall] * len(classes),
            "false_link_rate": [links.false_link_rate] * len(classes),
        }
    ).with_columns(pl.col(pl.Float64).round(9))
    return CoverageEstimate(table, _long_covariance(table["coverage_class"], covariance, sampling, linkage, declared))


def unevenness(surveyed: pl.DataFrame, one: CoverageClass) -> float:
    """Return the relative standard deviation of coverage between the single ages of a class, beyond chance.

    One-way analysis of variance of "found on the trimmed list" by sex, age and nationality group (method of
    moments; Cochran 1977, Sampling Techniques, section 8.4): 0 where ages differ no more than by chance. People count
    by their share q in a group; sum q^2 / sum q of them vary by chance as one whole person does.
    """
    in_class = surveyed.filter(pl.struct(DIVISIONS).is_in([dict(zip(DIVISIONS, cell, strict=True)) for cell in one]))
    cell = ["sex", "age", "nationality_group"]
    q = pl.col("share")
    by_age = in_class.group_by(cell).agg(
        people=exact_sum(q), found=exact_sum(q.filter("trimmed")), squares=exact_sum(q**2)
    )
    by_age = by_age.filter(pl.col("people") > 0).sort(cell)
    people, found, squares = (by_age[name].to_numpy().astype(float) for name in ("people", "found", "squares"))
    total, share = people.sum(), found.sum() / max(people.sum(), 1.0)
    chance = float(np.sum(squares / people)) - float(squares.sum()) / max(total, 1e-9)
    excess = float(np.sum(people * (found / people - share) ** 2)) - chance * share * (1 - share)
    coefficient = total - float(np.sum(people**2)) / max(total, 1.0)
    return (max(excess, 0.0) / coefficient) ** 0.5 / share if coefficient > 0 and share > 0 else 0.0


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


def _long_covariance(
    names: pl.Series, covariance: Floats, sampling: Floats, linkage: Floats, declared: Floats
) -> pl.DataFrame:
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
