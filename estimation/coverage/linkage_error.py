"""How well the coverage survey was linked: recall and false-link rate, and draws of them.

Both are known twice: from a clerical review of some of the survey's people, and from linkage, which expects so many
of its pairs to be missed and so many of its links to be false. The two know nothing of each other.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.coverage.survey import SURVEY
from estimation.keyed_random import generator
from pipeline.errors import UserError
from pipeline.schemas import ALL

OF_NATIONALITY = "nationality_group="
"""How `linkage_quality` names the nationality groups."""
USUAL_FALSE_LINK_RATE = 0.1
"""How high false-link rates usually are, as the standard deviation of a prior around 0: an assumption."""
REVIEWED = ["review_recall", "review_recall_se", "review_false_link_rate", "review_false_link_rate_se"]
EXPECTED = ["recall_estimate", "recall_low", "recall_high"]
"""What linkage says of its own recall, with 95% limits."""
EXPECTED_OF_LINKS = ["subjects_l", "linked", "precision_estimate", "precision_low", "precision_high"]
"""How many survey people are linked, and what linkage says of its own precision, with 95% limits."""
NORMAL = 1.96
LIMITS_OF_RECALL = 3.0
"""Standard errors between the recall that linkage expects and its limits, which allow for what nobody foresees."""
CONTRADICTION = 3
"""If both recalls differ by more of their joint standard errors, that of the review stands: people have looked."""
LEAST_SEPARATION = 0.5
"""If recall less false-link rate is below this, matches say too little of who is really on both lists."""


@dataclass(frozen=True)
class LinkageError:
    """Recall and false-link rate of the links between survey and spine, with their standard errors.

    A false-link rate that is not known has an infinite standard error, until it is `shrunk`. `contradicted` says
    whether the rate of the review stands though linkage expects another one. `of_groups` has the recall of
    nationality groups over that of all, with the standard error that it has beside that of all; 1 if a group is not
    there.
    """

    recall: float
    recall_error: float
    false_link_rate: float
    false_link_error: float
    contradicted: bool = False
    of_groups: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def false_link_rate_is_known(self) -> bool:
        """Whether review or linkage show a false-link rate; if not, `shrunk` gives the prior."""
        return math.isfinite(self.false_link_error)

    def shrunk(self) -> "LinkageError":
        """Return the same with the false-link rate shrunk towards 0, the more the less precise the review is.

        A review of 1,500 people meets only a handful whom no source knows, so its rate may be anything, but never
        below 0: used as it is, it would push every estimate up. Combined with a prior of mean 0 and standard
        deviation `USUAL_FALSE_LINK_RATE`, each is weighted by its precision. A rate that the review cannot show
        (an infinite error) becomes the prior.
        """
        if not self.false_link_rate_is_known:
            return replace(self, false_link_rate=0.0, false_link_error=USUAL_FALSE_LINK_RATE)
        weight = USUAL_FALSE_LINK_RATE**2 / (USUAL_FALSE_LINK_RATE**2 + self.false_link_error**2)
        return replace(
            self, false_link_rate=weight * self.false_link_rate, false_link_error=weight**0.5 * self.false_link_error
        )


def survey_linkage_error(quality: pl.DataFrame, spine: str) -> LinkageError:
    """Return recall and false-link rate of the survey's links with the source `spine` from `linkage_quality`.

    Either is the mean of the review's and of what linkage expects, weighted by their precision (F. A. Graybill
    and R. B. Deal, Combining unbiased estimators, Biometrics 15, 1959); that of linkage has the standard error
    of which its limits are 1.96 to either side on average, and those of recall `LIMITS_OF_RECALL`. Linkage
    expects so many false links among all; they are those of the survey people who are not on the spine, whom a
    review of 1,500 people hardly meets. Where the two contradict each other, the review's stands alone; the
    stage `link` has warned of it where it is recall, and `count` warns where it is the rate (`contradicted`). A
    rate that neither shows is given as 0 with an infinite standard error: not known, which is not the same as
    none. How much better or worse nationality groups are linked than all is what linkage expects of them. Raises
    `UserError` without a clerical review that gives recall and its standard error.
    """
    of_survey = quality.filter(pl.col("source_l") == SURVEY, pl.col("source_r") == spine)
    rows = of_survey.filter(pl.col("group") == ALL).drop_nulls(["review_recall", "review_recall_se"])
    if rows.is_empty():
        raise UserError(
            "coverage survey: its links were not reviewed, or too few of them, so recall and false-link rate are not "
            "known. Add the extract 'review_sample' (a clerical review of survey people) to the study."
        )
    recall, recall_error, rate, error = rows.select(REVIEWED).row(0)
    expected, low, high = rows.select(EXPECTED).row(0)
    if expected is not None:
        recall, recall_error = _combined((recall, recall_error), (expected, (high - low) / (2 * LIMITS_OF_RECALL)))
    reviewed = None if rate is None or error is None else (rate, error)
    of_links = _expected_false_link_rate(recall, *rows.select(EXPECTED_OF_LINKS).row(0))
    known = [one for one in (reviewed, of_links) if one is not None]
    contradicted = len(known) > 1 and _contradict(*known)
    rate, error = reduce(_combined, known) if known else (0.0, math.inf)
    return LinkageError(recall, recall_error, rate, error, contradicted, _recall_of_groups(of_survey))


def _recall_of_groups(quality: pl.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the recall that linkage expects of nationality groups over that of all, with its own standard error.

    The limits of a group contain the error that all share, which is taken off.
    """
    of_all = quality.filter(pl.col("group") == ALL).drop_nulls(EXPECTED).select(EXPECTED)
    if of_all.is_empty() or not of_all["recall_estimate"][0]:
        return {}
    recall, low, high = of_all.row(0)
    shared = (high - low) / (2 * LIMITS_OF_RECALL)
    groups = quality.filter(pl.col("group").str.starts_with(OF_NATIONALITY)).drop_nulls(EXPECTED)
    return {
        name.removeprefix(OF_NATIONALITY): (
            expected / recall,
            max(((most - least) / (2 * LIMITS_OF_RECALL)) ** 2 - shared**2, 0.0) ** 0.5,
        )
        for name, expected, least, most in groups.select("group", *EXPECTED).iter_rows()
    }


def _expected_false_link_rate(
    recall: float, surveyed: int, linked: int, precision: float | None, low: float | None, high: float | None
) -> tuple[float, float] | None:
    """Return the share linked of survey people who are not on the spine, and its standard error, None if unknown.

    Of the links 1 - p are false, and p of them over recall are the survey people who are on the spine. Where these
    are all, nobody is left whose link could be false.
    """
    if precision is None or low is None or high is None or recall <= 0:
        return None
    unknown = surveyed - precision * linked / recall
    if unknown < 1:
        return None
    times = linked / unknown
    return min((1 - precision) * times, 1.0), (high - low) / (2 * NORMAL) * times


def _combined(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Return the mean of two estimates with their standard errors, weighted by precision; a certain one stands.

    If they contradict each other, that is `one`.
    """
    (value, error), (value_of_other, error_of_other) = one, other
    if _contradict(one, other):
        return one
    if min(error, error_of_other) <= 0:
        return one if error <= error_of_other else other
    weight = error_of_other**2 / (error**2 + error_of_other**2)
    return weight * value + (1 - weight) * value_of_other, weight**0.5 * error


def _contradict(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Return whether two estimates with their standard errors differ by more than chance would have it."""
    (value, error), (value_of_other, error_of_other) = one, other
    return abs(value - value_of_other) > CONTRADICTION * math.hypot(error, error_of_other)


def check_separation(links: LinkageError) -> None:
    """Raise `UserError` where linkage is too poor for its correction to mean anything.

    That is so when recall less false-link rate is below `LEAST_SEPARATION` by more than two standard errors; of a
    rate that is not known, the least that it can be counts, 0.
    """
    separation = links.recall - links.false_link_rate
    rate_error = links.false_link_error if links.false_link_rate_is_known else 0.0
    error = (links.recall_error**2 + rate_error**2) ** 0.5
    if separation + 2 * error < LEAST_SEPARATION:
        raise UserError(
            f"coverage survey: recall {links.recall:.3f} less false-link rate {links.false_link_rate:.3f} is below "
            f"{LEAST_SEPARATION}: too few of the links are right to estimate coverage. Look at linkage_quality "
            "for the survey, improve its identifiers or its model, then run again."
        )


def draw_linkage_errors(links: LinkageError, replicates: int, seed: int) -> tuple[Floats, Floats]:
    """Return draws of recall and false-link rate: beta distributions with the review's means and errors.

    No beta distribution lies so near to 0 or 1 as some of these (a rate of 0 with an error): there draws are normal,
    reflected at 0 and 1, so that their mean square distance from the estimate is still the error's square. With
    half of them cut off at 0, as many as say nothing, an error would count at seven tenths of itself.
    """
    random = generator(seed, "coverage: clerical review")
    return (
        _draw_share(random, links.recall, links.recall_error, replicates),
        _draw_share(random, links.false_link_rate, links.false_link_error, replicates),
    )


def _draw_share(random: np.random.Generator, mean: float, error: float, size: int) -> Floats:
    largest_variance = mean * (1 - mean)
    if error <= 0:
        return np.full(size, mean)
    if error**2 >= largest_variance:
        reflected = 1 - np.abs(1 - np.abs(mean + error * random.standard_normal(size)))
        return np.clip(reflected, 0.0, 1.0)
    concentration = largest_variance / error**2 - 1
    return random.beta(mean * concentration, (1 - mean) * concentration, size)
