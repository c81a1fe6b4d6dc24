"""Dual-system estimates: the size of a population from two lists and the people found on both."""

import numpy as np
from numpy.typing import NDArray

from estimation.coverage.survey import LinkageError
from pipeline.errors import UserError

Number = float | NDArray[np.float64]

LEAST_SEPARATION = 0.5
"""Below this recall less false-link rate, matches say too little of who is really on both lists."""


def chapman(first: Number, second: Number, matches: Number) -> NDArray[np.float64]:
    """Return (n1+1)(n2+1)/(m+1) - 1 (Chapman 1951): n1 n2 / m, nearly unbiased where matches are few."""
    return (np.asarray(first) + 1) * (np.asarray(second) + 1) / (np.asarray(matches) + 1) - 1


def chapman_variance(first: float, second: float, matches: float) -> float:
    """Return the variance of Chapman's estimate under simple random capture (Seber 1970): no design, no linkage."""
    return (first + 1) * (second + 1) * (first - matches) * (second - matches) / ((matches + 1) ** 2 * (matches + 2))


def true_matches(linked: Number, second: Number, recall: Number, false_link_rate: Number) -> NDArray[np.float64]:
    """Return the people really on both lists, from the links found: (m - b n2) / (a - b).

    The moment form of Ding & Fienberg (1994, Survey Methodology 20): of M true matches the recall a is
    linked, and of the n2 - M others the share b is linked to somebody all the same.
    """
    false = np.asarray(false_link_rate)
    return (np.asarray(linked) - false * np.asarray(second)) / (np.asarray(recall) - false)


def check_separation(links: LinkageError) -> None:
    """Raise `UserError` where linkage is too poor for the correction to mean anything.

    That is so when recall less false-link rate is below `LEAST_SEPARATION` by more than two standard errors.
    """
    room = links.recall - links.false_link_rate
    error = (links.recall_error**2 + links.false_link_error**2) ** 0.5
    if room + 2 * error < LEAST_SEPARATION:
        raise UserError(
            f"coverage survey: recall {links.recall:.3f} less false-link rate {links.false_link_rate:.3f} is below "
            f"{LEAST_SEPARATION}: too few of the links are right to estimate coverage. Look at linkage_quality "
            "for the survey, improve its identifiers or its model, then run again."
        )
