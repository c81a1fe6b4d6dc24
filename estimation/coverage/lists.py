"""The list and the survey by coverage class, and the factors that they give.

List A is the trimmed list, for the whole country; list B is the survey, whose people are kept by cluster, so that a
factor can be computed again from clusters drawn anew or left out.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from estimation.cells import DIVISIONS
from estimation.coverage.bootstrap import cluster_index
from estimation.coverage.classes import CoverageClass
from estimation.coverage.dual_system import chapman, true_matches
from estimation.coverage.linkage_error import LEAST_SEPARATION


@dataclass(frozen=True)
class Lists:
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


def sum_by_class(
    counted: pl.DataFrame, listed: pl.DataFrame, surveyed: pl.DataFrame, classes: list[CoverageClass], known: int
) -> Lists:
    """Return both lists by class.

    `counted` (`DIVISIONS`, `count`) is the population that the factors will multiply, `listed` and `surveyed` are
    those of `coverage.survey`, and `known` is the number of people to whom survey people may be linked.
    """
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
    return Lists(
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


@dataclass(frozen=True)
class SurveySums:
    """Sums of survey weights by replicate and class, (replicates, classes): `surveyed`, and of them those linked."""

    surveyed: Floats
    known: Floats
    listed: Floats
    matched: Floats


def resampled(lists: Lists, clusters: Floats) -> SurveySums:
    """Return the survey with its clusters weighted by `clusters`, (replicates, clusters)."""
    return SurveySums(
        *(np.einsum("rc,cg->rg", clusters, one) for one in (lists.surveyed, lists.known, lists.listed, lists.matched))
    )


def whole_survey(lists: Lists) -> SurveySums:
    """Return the survey as it is, as one replicate."""
    return resampled(lists, np.ones((1, len(lists.surveyed))))


def factors(lists: Lists, survey: SurveySums, recall: Floats, false_link_rate: Floats) -> tuple[Floats, Floats]:
    """Return factors and shares of residents on the full list, (replicates, classes).

    `survey` has replicates, or recall a and false-link rate b have them, or both. Of n2 surveyed, K are known to some
    source; a known person is linked to the right one with probability a, the n2 - K others are linked to somebody
    with probability b, and that somebody is any known person alike. So of the links to a list that contains the share
    s of all known people, and M of the surveyed,

        E(links to the list) = a M + b s (n2 - K).

    For the list of all known people s = 1 and M = K, which gives K = (k - b n2) / (a - b) from the k people linked:
    the moment form of Y. Ding & S. E. Fienberg (1994, Survey Methodology 20), with the false links of L. Di
    Consiglio & T. Tuoto (2015, J. Official Statistics 31). Then M = (m - b s (n2 - K)) / a for any list within it,
    each with its own s: with m the links to the trimmed list for the estimate of residents, with those to the full
    list for the share of residents on it.
    """
    surveyed = survey.surveyed
    a, b = recall[:, None], np.clip(np.minimum(false_link_rate, recall - LEAST_SEPARATION), 0.0, 1.0)[:, None]
    false = b * np.maximum(surveyed - true_matches(survey.known, surveyed, a, b), 0.0)
    matches = np.maximum((survey.matched - lists.share_on_trimmed_list * false) / a, 0.0)
    covered = (survey.listed - lists.share_on_list * false) / a / np.maximum(surveyed, 1e-9)
    return chapman(lists.trimmed, surveyed, matches) / np.maximum(lists.full, 1.0), covered
