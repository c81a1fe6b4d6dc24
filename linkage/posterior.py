"""The probability that two records are one person, given that nobody is on the spine twice.

A pair's evidence (m over u) says how much better it fits one person than two. A left subject has one partner on
the right with probability s (the share found), any of N equally likely, or none; so for its candidate pairs j

    P(j) = (s/N) ratio_j / ((1 - s) + (s/N) sum_k ratio_k),

Bayes' theorem with the constraint of one partner (compare M. Larsen, "Hierarchical Bayesian record linkage theory",
Proceedings of the American Statistical Association, 2005). Two equal candidates get at most one half each. s is
the only unknown and is estimated by expectation-maximisation over all left subjects: s = mean of sum_j P(j).
"""

import numpy as np
import polars as pl

MAXIMUM_ITERATIONS = 200
TOLERANCE = 1e-9
MINIMUM_SHARE = 1e-6


def share_found(evidence: pl.DataFrame, subjects: int, candidates: int) -> float:
    """Return s, the share of left subjects who have a partner among the candidate pairs (9 decimals).

    `evidence` has `subject_id_l`, `evidence` (log2 ratio) and is ordered by `subject_id_l`; `subjects` is the
    number of left subjects in scope, `candidates` (N) that of right subjects they may be.
    """
    if evidence.is_empty():
        return 0.0
    left, ratio = _ratios(evidence, candidates)
    together = np.bincount(left, weights=ratio)
    share = 0.5
    for _ in range(MAXIMUM_ITERATIONS):
        found = share * together / ((1 - share) + share * together)
        before, share = share, float(np.clip(found.sum() / subjects, MINIMUM_SHARE, 1 - MINIMUM_SHARE))
        if abs(share - before) < TOLERANCE:
            break
    return round(share, 9)


def match_probabilities(evidence: pl.DataFrame, share: float, candidates: int) -> pl.DataFrame:
    """Return the pairs with `match_weight` (log2 odds, 6 decimals) and `match_probability` (9 decimals).

    `evidence` and `candidates` are those of `share_found`, `share` is its result.
    """
    left, ratio = _ratios(evidence, candidates)
    own = np.maximum(share, MINIMUM_SHARE) * ratio
    others = np.maximum(np.bincount(left, weights=own)[left] - own, 0.0)
    neither = (1 - share) + others
    return evidence.with_columns(
        pl.Series("match_weight", np.log2(own / neither)).round(6),
        pl.Series("match_probability", own / (own + neither)).round(9),
    )


def _ratios(evidence: pl.DataFrame, candidates: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each pair's left subject and its ratio over N, kept within the range of a float."""
    ratio = np.exp2(np.clip(evidence["evidence"].to_numpy(), -60, 200))
    return evidence["subject_id_l"].rle_id().to_numpy().astype(np.int64), ratio / max(candidates, 1)
