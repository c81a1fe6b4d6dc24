"""Precision and recall by a stratified sample of clerical decisions, with intervals that hold for few errors.

In stratum h of N people n are decided upon, and of these w are linked wrongly and m could have been linked and were
not (a person linked with somebody else may be both). With L people linked in all,

    W = Σ N w / n,   M = Σ N m / n,   precision = (L − W) / L,   recall = (L − W) / (L − W + M).

Errors are rare, so a normal interval would be empty where none was found. The share of each stratum has the interval
of Jeffreys instead (L. Brown, T. Cai and A. DasGupta 2001), for as many decisions as would say as much if the stratum
were endless (n (N − 1) / (N − n): L. Kish 1965), and the intervals are combined by the method of variance estimates
recovery: of a sum, by G. Zou and A. Donner (2008), of a ratio by A. Donner and G. Zou (2012). That W and M come from
the same decisions is neglected there, because it is M that is uncertain beside L − W.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate and its limits of 95%."""

    estimate: float
    low: float
    high: float


def jeffreys(errors: np.ndarray, decided: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of the share of errors in strata of some `size`, of which so many were `decided` upon."""
    left = size - decided
    endless = np.where(left > 0, decided * (size - 1) / np.maximum(left, 1), 1.0)
    seen = errors * endless / decided
    low = np.where(errors > 0, betaincinv(seen + 0.5, endless - seen + 0.5, (1 - LEVEL) / 2), 0.0)
    high = np.where(errors < decided, betaincinv(seen + 0.5, endless - seen + 0.5, (1 + LEVEL) / 2), 1.0)
    share = errors / decided
    # whoever is decided upon in full is known, and no limit lies on the wrong side of the share itself
    return np.where(left > 0, np.minimum(low, share), share), np.where(left > 0, np.maximum(high, share), share)


def total(errors: np.ndarray, decided: np.ndarray, size: np.ndarray) -> Interval:
    """Return the number of errors among all people of the strata."""
    share = errors / decided
    low, high = jeffreys(errors, decided, size)
    estimate = float((size * share).sum())
    below = float(np.sqrt(((size * (share - low)) ** 2).sum()))
    above = float(np.sqrt(((size * (high - share)) ** 2).sum()))
    return Interval(estimate, max(estimate - below, 0.0), min(estimate + above, float(size.sum())))


def ratio(top: Interval, bottom: Interval) -> Interval:
    """Return the ratio of two independent numbers; `bottom` must be certain to be above zero."""
    both = top.estimate * bottom.estimate

    def limit(of_top: float, of_bottom: float, sign: int) -> float:
        square = of_bottom * (2 * bottom.estimate - of_bottom)
        inside = both**2 - of_top * (2 * top.estimate - of_top) * square
        return (both + sign * float(np.sqrt(max(inside, 0.0)))) / square

    return Interval(
        top.estimate / bottom.estimate, max(limit(top.low, bottom.high, -1), 0.0), limit(top.high, bottom.low, 1)
    )


@dataclass(frozen=True)
class Decided:
    """What decisions say of the links of two sources; precision and recall are None where nobody is linked."""

    decisions: int
    precision: Interval | None
    recall: Interval | None


def decided_quality(
    wrong: np.ndarray, missed: np.ndarray, decided: np.ndarray, size: np.ndarray, linked: int
) -> Decided:
    """Return precision and recall: numbers of each stratum, all with decisions, and of people `linked` in all."""
    decisions = int(decided.sum())
    of_wrong, of_missed = total(wrong, decided, size), total(missed, decided, size)
    right = Interval(linked - of_wrong.estimate, linked - of_wrong.high, linked - of_wrong.low)
    precision = (
        Interval(*(one / linked for one in (right.estimate, max(right.low, 0.0), right.high))) if linked else None
    )
    if right.low <= 0:  # nothing is known of a recall of people of whom none may be right
        return Decided(decisions, precision, None)
    odds = ratio(of_missed, right)
    return Decided(decisions, precision, Interval(*(1 / (1 + one) for one in (odds.estimate, odds.high, odds.low))))
