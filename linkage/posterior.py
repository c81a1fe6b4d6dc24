"""From the evidence of a pair to its probability, knowing that nobody is on the spine twice.

A pair's evidence (m over u) says how much better it fits one person than two. A left subject has one partner on
the right with probability s (the share found), any of N alike, or none; so for its proposed pairs j

    P(j) = (s/N) ratio_j / ((1 - s) + (s/N) sum_k ratio_k),

Bayes' theorem with the constraint of one partner (compare M. Larsen, "Hierarchical Bayesian record linkage theory",
Proceedings of the American Statistical Association, 2005). Two equal candidates get at most one half each. s is
the only unknown and is estimated by expectation-maximisation over all left subjects: s = mean of sum_j P(j).
"""

import numpy as np
import polars as pl

MAXIMUM_ITERATIONS = 200
TOLERANCE = 1e-9


def match_probabilities(evidence: pl.DataFrame, subjects: int, candidates: int) -> tuple[pl.DataFrame, float]:
    """Return the pairs with `match_weight` (log2 odds, 6 decimals) and `match_probability` (9), and the share found.

    `evidence` has `subject_id_l`, `evidence` (log2 ratio) and is ordered by `subject_id_l`; `subjects` is the
    number of left subjects looked for, `candidates` (N) that of right subjects they may be.
    """
    if evidence.is_empty() or not subjects:
        empty = evidence.with_columns(pl.lit(0.0).alias("match_weight"), pl.lit(0.0).alias("match_probability"))
        return empty, 0.0
    left = evidence["subject_id_l"].rle_id().to_numpy()
    ratio = np.exp2(np.clip(evidence["evidence"].to_numpy(), -60, 200)) / max(candidates, 1)
    share = 0.5
    for _ in range(MAXIMUM_ITERATIONS):
        together = np.bincount(left, weights=ratio)
        found = share * together / ((1 - share) + share * together)
        before, share = share, float(np.clip(found.sum() / subjects, 1e-6, 1 - 1e-6))
        if abs(share - before) < TOLERANCE:
            break
    share = round(share, 9)
    own = share * ratio
    others = np.maximum(np.bincount(left, weights=own)[left] - own, 0.0)
    weight = np.log2(own) - np.log2((1 - share) + others)
    probability = own / (own + (1 - share) + others)
    return (
        evidence.with_columns(
            pl.Series("match_weight", weight).round(6),
            pl.Series("match_probability", probability).round(9),
        ),
        share,
    )
