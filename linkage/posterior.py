"""The probability that two subjects are one person, given that each has at most one partner in the other source.

A pair's evidence (m over u) says how much better it fits one person than two. Among the matchings of two sources,
each has the weight of the product of the odds of its pairs,

    odds_ij = M / ((n_l − M)(n_r − M)) · ratio_ij,

where n_l and n_r are the subjects on either side and M is the number of people in both. The probability of a pair is
the weight of all matchings that contain it, as a share of the weight of all. It is found by messages between pairs
that compete for a subject, which is exact where they form no cycle (M. Bayati, D. Gamarnik, D. Katz, C. Nair and
P. Tetali 2007, "Simple deterministic approximation algorithms for counting matchings", section 3):

    a_ij = 1 / (1 + Σ_k≠j odds_ik b_ik),    b_ij = 1 / (1 + Σ_k≠i odds_kj a_kj),    P_ij = odds a b / (1 + odds a b).

So two equal candidates of one subject get at most one half each, on either side. M is the only unknown; it is
estimated by expectation-maximisation: M = Σ P.
"""

from dataclasses import dataclass

import numpy as np

MAXIMUM_ITERATIONS = 60
MESSAGES = 12
TOLERANCE = 1e-6
LARGEST = 2.0**120
PRIOR_SUBJECTS = 100.0


@dataclass(frozen=True)
class Scope:
    """The subjects of two sources that may be linked with one another: their numbers on the left and on the right."""

    left: int
    right: int


def match_probabilities(
    left: np.ndarray, right: np.ndarray, evidence: np.ndarray, scope: Scope
) -> tuple[np.ndarray, float]:
    """Return the probability of each candidate pair, and M: see `match_odds`."""
    odds, matched = match_odds(left, right, evidence, scope)
    return odds / (1 + odds), matched


def match_odds(left: np.ndarray, right: np.ndarray, evidence: np.ndarray, scope: Scope) -> tuple[np.ndarray, float]:
    """Return the odds that each candidate pair is one person, and M, the expected number of pairs of one person.

    `left` and `right` are subjects, `evidence` is the log2 ratio of m to u.
    """
    if not len(left):
        return np.zeros(0), 0.0
    one, other = (np.unique(side, return_inverse=True)[1] for side in (left, right))
    ratio = np.exp2(np.clip(evidence, -60, 120))
    most = max(min(scope.left, scope.right) - 0.5, 0.5)
    matched = min(0.5 * min(scope.left, scope.right), most)
    alone = np.zeros(len(left))
    for _ in range(MAXIMUM_ITERATIONS):
        odds = np.minimum(prior_odds(matched, scope) * ratio, LARGEST)
        alone = _matching(one, other, odds)
        before, matched = matched, float(np.clip((alone / (1 + alone)).sum(), 1e-3, most))
        if abs(matched - before) < TOLERANCE * before:
            break
    return alone, matched


def prior_odds(matched: float, scope: Scope) -> float:
    """Return the odds of a pair without any evidence, if `matched` people are in both sources."""
    return matched / ((scope.left - matched) * (scope.right - matched))


def _matching(left: np.ndarray, right: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Return the odds of every edge in a random matching of two sides, each with the weight of its `odds`."""
    from_left = np.ones(len(odds))
    from_right = np.ones(len(odds))
    for _ in range(MESSAGES):
        before = from_left
        from_left = 1 / (1 + _others(left, odds * from_right))
        from_right = 1 / (1 + _others(right, odds * from_left))
        if np.abs(from_left - before).max() < TOLERANCE:
            break
    return odds * from_left * from_right


def _others(side: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return, for every edge, the sum of the values of the other edges of its subject."""
    return np.maximum(np.bincount(side, weights=values)[side] - values, 0.0)


def duplicate_odds(evidence: np.ndarray, subjects: int, stated_share: float) -> np.ndarray:
    """Return the odds of each pair of subjects of one source, in which a person may have several.

    The number of pairs of one person for each subject has the stated share as its prior mean, worth `PRIOR_SUBJECTS`
    subjects, and is estimated by expectation-maximisation. Any of the other `subjects` can be a subject's partner.
    """
    ratio = np.exp2(np.clip(evidence, -60, 120))
    share, odds = stated_share, np.zeros(len(evidence))
    for _ in range(MAXIMUM_ITERATIONS):
        odds = np.minimum(2 * share / max(subjects - 1, 1) * ratio, LARGEST)
        matched = float((odds / (1 + odds)).sum())
        before, share = share, (matched + PRIOR_SUBJECTS * stated_share) / (subjects + PRIOR_SUBJECTS)
        if abs(share - before) < TOLERANCE * before:
            break
    return odds
