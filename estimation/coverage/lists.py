"""The list and the survey by coverage class, and the factors that they give.

List A is the list trimmed to some depth, for the whole country; list B is the survey, whose people are kept by
cluster, so that a factor can be computed again from clusters drawn anew or left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import polars as pl

from estimation.arrays import Floats, Integers
from estimation.cells import DIVISIONS
from estimation.coverage.bootstrap import cluster_index
from estimation.coverage.calibrated_weights import Calibration, kinds_of_people
from estimation.coverage.classes import Cell, CoverageClass
from estimation.coverage.dual_system import chapman, true_matches
from estimation.coverage.linkage_error import LEAST_SEPARATION
from estimation.exact_sums import exact_sum
from pipeline.schemas import TRIMMING_DEPTHS
from pipeline.study import KnownTotals

USUAL_DEPTH = 1
"""The depth of the trimmed list without another survey: signs of residence on both sides of the day."""


@dataclass(frozen=True)
class Lists:
    """Both lists by class: list counts, and sums of survey weights by cluster.

    `full` counts the list, and `trimmed` the people of the trimmed list, by their probabilities of being residents,
    each person once, with the standard error `trimmed_error` for those who may be there twice;
    `surveyed` and, of them, the `known` (linked to any person), `matched` (on the trimmed list, as many as each
    stands for there) and by how much they are `counted`, with the `squares` of that, are (clusters, kinds, classes),
    where people of a kind are alike in the known totals of a `calibration` (without one, all are of one kind).
    Weights average 1. `share_on_trimmed_list` (classes) is that of all known people: the share of false links that
    are to a person on the trimmed list. `answered` are the people who answered, `represented` the residents for whom
    they stand by the survey's design. `recall_of_class` is the recall of links of a class over that of all.
    """

    full: Floats
    trimmed: Floats
    surveyed: Floats
    known: Floats
    matched: Floats
    counted: Floats
    squares: Floats
    answered: Floats
    represented: Floats
    share_on_trimmed_list: Floats
    trimmed_error: Floats
    recall_of_class: Floats
    calibration: Calibration | None = None


@dataclass(frozen=True)
class TrimmedLists:
    """The list trimmed to every depth, by class: `trimmed`, its error, `matches` (people), (depths, classes).

    `untrimmed` has what does not depend on the depth, `matched` is (depths, clusters, kinds, classes), and
    `share_of_known` (depths) is the share of all known people on each list.
    """

    untrimmed: Lists
    trimmed: Floats
    trimmed_error: Floats
    matched: Floats
    matches: Integers
    share_of_known: Floats

    def depths(self, depth: int, minimum_matches: int) -> Integers:
        """Return how deep the list of each class is trimmed, if not further than it has matches for.

        Beyond `USUAL_DEPTH` a class with fewer than `minimum_matches` stays at the last depth that has them.
        """
        enough = (self.matches >= minimum_matches) | (np.arange(len(self.matches)) <= USUAL_DEPTH)[:, None]
        deepest = np.cumprod(enough, axis=0).sum(axis=0) - 1
        return np.minimum(depth, deepest)

    def at(self, depths: Integers) -> Lists:
        """Return both lists, that of each class trimmed to its depth in `depths`."""
        classes = np.arange(len(depths))
        return replace(
            self.untrimmed,
            trimmed=self.trimmed[depths, classes],
            trimmed_error=self.trimmed_error[depths, classes],
            matched=np.ascontiguousarray(self.matched[depths, :, :, classes].transpose(1, 2, 0)),
            share_on_trimmed_list=self.share_of_known[depths],
        )


def on_trimmed_list(depth: int | pl.Expr) -> pl.Expr:
    """Return whether people listed, or surveyed and `listed`, are on the list trimmed to a depth."""
    return pl.col("trimming_depth") >= depth


def sum_by_class(
    counted: pl.DataFrame,
    listed: pl.DataFrame,
    surveyed: pl.DataFrame,
    classes: list[CoverageClass],
    known: int,
    known_totals: KnownTotals | None = None,
    recall_of_groups: Mapping[str, float] | None = None,
) -> TrimmedLists:
    """Return both lists by class, the first at every depth; the survey's weights are calibrated to known totals.

    `counted` (`DIVISIONS`, `count`) is the population that the factors will multiply, `listed` and `surveyed` are
    those of `coverage.survey`, and `known` is the number of people to whom survey people may be linked.
    `recall_of_groups` is the recall of links of nationality groups over that of all, 1 where a group is not there.
    """
    size, cluster = len(classes), cluster_index(surveyed)
    kind, members = np.zeros(surveyed.height, dtype=np.int64), np.zeros((1, 0))
    if known_totals is not None:
        kind, members = kinds_of_people(surveyed, known_totals)
    share = surveyed["share"].to_numpy()
    design = surveyed["weight"].to_numpy() * share
    weight = design * share.sum() / design.sum()

    def in_survey(kept: Floats) -> Floats:
        sums = np.zeros((int(cluster.max()) + 1, len(members), size))
        np.add.at(sums, (cluster, kind, own), weight * kept)
        return sums

    def in_classes(of: Integers, number: Floats) -> Floats:
        return np.bincount(of, weights=number, minlength=size).astype(float)

    own, of_list = (class_index(frame, classes) for frame in (surveyed, listed))
    depths = range(len(TRIMMING_DEPTHS))
    on_lists = [listed.select(on_trimmed_list(one)).to_series() for one in depths]
    found = [surveyed.select(pl.col("listed") & on_trimmed_list(one)).to_series() for one in depths]
    trimmed, trimmed_error = (
        np.array([in_classes(of_list, residents.to_numpy() * one.to_numpy()) for one in on_lists])
        for residents in (listed["share"] * listed["probability"] * listed[of] for of in ("people", "people_error"))
    )
    matched = np.array([in_survey(one.to_numpy() * surveyed["people"].to_numpy()) for one in found])
    by_kind = np.zeros((int(cluster.max()) + 1, len(members)))
    np.add.at(by_kind, (cluster, kind), design)
    share_of_known = np.array([round(listed["share"].filter(one).sum()) / max(known, 1) for one in on_lists])
    untrimmed = Lists(
        full=in_classes(class_index(counted, classes), counted["count"].to_numpy()),
        trimmed=trimmed[0],
        surveyed=in_survey(np.ones(len(weight))),
        known=in_survey(surveyed["known"].to_numpy()),
        matched=matched[0],
        counted=in_survey(surveyed["counted"].to_numpy()),
        squares=in_survey(surveyed["counted"].to_numpy() ** 2),
        answered=in_classes(own, share),
        represented=in_classes(own, surveyed["weight"].to_numpy() * share),
        share_on_trimmed_list=np.full(size, share_of_known[0]),
        trimmed_error=trimmed_error[0],
        recall_of_class=_recall_of_classes(surveyed, classes, recall_of_groups or {}),
        calibration=None if known_totals is None else Calibration(known_totals, members, by_kind),
    )
    matches = np.array([people_by_class(surveyed.filter(one), classes) for one in found], dtype=np.int64)
    return TrimmedLists(untrimmed, trimmed, trimmed_error, matched, matches, share_of_known)


def shares_of_group(surveyed: pl.DataFrame, classes: list[CoverageClass], group: str) -> Floats:
    """Return the share of the people surveyed in each class who are of a nationality group; 0 where nobody is."""
    people = (surveyed["weight"] * surveyed["share"]).to_numpy()
    is_group = (surveyed["nationality_group"].cast(pl.String) == group).to_numpy()
    index, size = class_index(surveyed, classes), len(classes)
    of_group, of_all = (np.bincount(index, weights=one, minlength=size) for one in (people * is_group, people))
    return of_group / np.maximum(of_all, 1e-9)


def _recall_of_classes(
    surveyed: pl.DataFrame, classes: list[CoverageClass], of_groups: Mapping[str, float]
) -> Floats:
    """Return the mean in each class of the recall of nationality groups over that of all."""
    found = np.ones(len(classes))
    for group, recall in of_groups.items():
        found += shares_of_group(surveyed, classes, group) * (recall - 1)
    return found


def class_index(frame: pl.DataFrame, classes: list[CoverageClass]) -> Integers:
    """Return the position of the class of each row of `DIVISIONS`."""
    index = {cell: i for i, one in enumerate(classes) for cell in one}
    return np.array([index[cell] for cell in frame.select(DIVISIONS).iter_rows()], dtype=np.int64)


def people_by_cell(frame: pl.DataFrame) -> dict[Cell, float]:
    """Return how many people of `DIVISIONS` and `share` are in each cell."""
    return {row[:3]: row[3] for row in frame.group_by(DIVISIONS).agg(exact_sum(pl.col("share"))).iter_rows()}


def people_by_class(frame: pl.DataFrame, classes: list[CoverageClass]) -> list[int]:
    """Return how many people of `DIVISIONS` and `share` are in each class, to the nearest whole number."""
    counted = people_by_cell(frame)
    return [round(sum(counted.get(cell, 0.0) for cell in one)) for one in classes]


@dataclass(frozen=True)
class SurveySums:
    """Sums of survey weights by replicate and class, (replicates, classes): `surveyed`, and of them those linked."""

    surveyed: Floats
    known: Floats
    matched: Floats
    counted: Floats
    squares: Floats


def resampled(lists: Lists, clusters: Floats) -> SurveySums:
    """Return the survey with its clusters weighted by `clusters`, (replicates, clusters)."""
    return survey_sums(lists, lambda figures: np.einsum("rc,cf->rf", clusters, figures))


def survey_sums(lists: Lists, weighted: Callable[[Floats], Floats]) -> SurveySums:
    """Return the sums of replicates of the survey, each calibrated to the known totals if there are any.

    `weighted` turns figures of clusters, (clusters, figures), into their sums by replicate, (replicates, figures).
    """
    by_name = {one.name: getattr(lists, one.name) for one in fields(SurveySums)}
    if lists.calibration is None:
        return SurveySums(**{name: weighted(one[:, 0]) for name, one in by_name.items()})
    factors = lists.calibration.factors(weighted)

    def calibrated(of_clusters: Floats) -> Floats:
        by_kind = weighted(of_clusters.reshape(len(of_clusters), -1)).reshape(-1, *of_clusters.shape[1:])
        return np.einsum("rk,rkg->rg", factors, by_kind)

    return SurveySums(**{name: calibrated(one) for name, one in by_name.items()})


def whole_survey(lists: Lists) -> SurveySums:
    """Return the survey as it is, as one replicate."""
    return resampled(lists, np.ones((1, len(lists.surveyed))))


def factors(lists: Lists, survey: SurveySums, recall: Floats, false_link_rate: Floats) -> Floats:
    """Return the factors of classes, (replicates, classes).

    `survey` has replicates, or recall a and false-link rate b have them, or both. Of n2 surveyed, K are known to some
    source; a known person is linked to the right one with probability a, the n2 - K others are linked to somebody
    with probability b, and that somebody is any known person alike. So of the links to a list that contains the share
    s of all known people, and M of the surveyed,

        E(links to the list) = a M + b s (n2 - K).

    For the list of all known people s = 1 and M = K, which gives K = (k - b n2) / (a - b) from the k people linked:
    the moment form of Y. Ding & S. E. Fienberg (1994, Survey Methodology 20), with the false links of L. Di
    Consiglio & T. Tuoto (2015, J. Official Statistics 31). Then M = (m - b s (n2 - K)) / a for the trimmed list
    within it, with its own s and the m links to it. The recall of a class is that of all times `recall_of_class`.
    """
    a = recall[:, None] * lists.recall_of_class
    false = false_links(lists, survey, recall, false_link_rate)
    matches = np.maximum((survey.matched - lists.share_on_trimmed_list * false) / a, 0.0)
    return chapman(lists.trimmed, survey.surveyed, matches) / np.maximum(lists.full, 1.0)


def false_links(lists: Lists, survey: SurveySums, recall: Floats, false_link_rate: Floats) -> Floats:
    """Return the survey people whose link is false, b (n2 - K), (replicates, classes); see `factors`."""
    a = recall[:, None] * lists.recall_of_class
    b = np.clip(np.minimum(false_link_rate, recall - LEAST_SEPARATION), 0.0, 1.0)[:, None]
    return b * np.maximum(survey.surveyed - true_matches(survey.known, survey.surveyed, a, b), 0.0)
