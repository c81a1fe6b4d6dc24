"""Precision and recall from the number of links that a record has, before it is decided which of them holds.

A record of the left source has one right link if its person is in the right source and was found, and false ones
besides: a Bernoulli plus a Poisson number. With the share π of records that have their right link and λ false ones a
record, the mean number of links is π + λ and no link is found with probability (1 − π) e^−λ. The two are solved
for π and λ, so that the share of right ones among the links is known without any weight or label (A. Dasylva and A.
Goussanou 2021, "Estimating the false negatives due to blocking in record linkage", Survey Methodology 47, section 3;
of one class of records). It takes no account of two records in the right source that are one person, and does not
know who is in both sources: what it finds is recall times coverage.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

FEWEST_RECORDS = 100


@dataclass(frozen=True)
class LinkCounts:
    """What numbers of links say: `links` in all, the share of right ones, its standard error, and `found` people."""

    links: int
    precision: float
    precision_se: float
    found: float


def count_links(per_record: np.ndarray, records: int) -> LinkCounts | None:
    """Return what the numbers of links of those records that have any say about all `records`.

    None with fewer than `FEWEST_RECORDS` records with links.
    """
    if len(per_record) < FEWEST_RECORDS:
        return None
    links, none = int(per_record.sum()), records - len(per_record)
    mean, share = links / records, none / records
    false = _false_links(mean, share)
    # a share of none and a mean vary together: the error is found by moving both
    squares = float((per_record.astype(float) ** 2).sum()) / records
    covariance = np.array([[squares - mean**2, -mean * share], [-mean * share, share * (1 - share)]]) / records
    step = 1e-5
    slope = np.array([
        (_false_links(mean + step, share) - _false_links(mean - step, share)) / (2 * step),
        (_false_links(mean, min(share + step, 1.0)) - _false_links(mean, max(share - step, 0.0)))
        / (min(share + step, 1.0) - max(share - step, 0.0)),
    ])  # fmt: skip
    of_ratio = slope / mean - np.array([false / mean**2, 0.0])
    error = float(np.sqrt(max(of_ratio @ covariance @ of_ratio, 0.0)))
    return LinkCounts(links, 1 - false / mean, error, (mean - false) * records)


def _false_links(mean: float, none: float) -> float:
    """Return λ: the root of (1 − (mean − λ)) e^−λ = none between 0 and the mean, or the nearest end."""

    def excess(false: float) -> float:
        return (1 - (mean - false)) * float(np.exp(-false)) - none

    low, high = max(mean - 1, 0.0), mean
    if excess(low) >= 0:
        return low
    return float(brentq(excess, low, high)) if excess(high) > 0 else high
