"""How many people of each stratum are decided upon, so that a given number of decisions says most.

The next decision goes where it takes most off the variance: the greedy choice, which is the best one because each
further decision in a stratum takes off less (B. Fox 1966). Neyman's allocation (1934) takes the share of errors for
known and would leave a stratum without a decision if none is expected there. The variance is therefore that of
Jeffreys' posterior at the expected share e of errors, as wide as the interval that will be reported:

    p = (n e + ½) / (n + 1),   V = N² p (1 − p) / (n + 2) · (N − n) / (N − 1).
"""

import numpy as np

LEAST = 2
"""Decisions in each stratum at least, or all of its people."""
MOST_DOUBTFUL = 0.5


def least_decisions(size: np.ndarray) -> np.ndarray:
    """Return how many decisions each stratum of some `size` needs."""
    return np.minimum(size, LEAST)


def allocate(size: np.ndarray, doubt: np.ndarray, importance: np.ndarray, decisions: int) -> np.ndarray:
    """Return the number of decisions in each stratum, `decisions` in all or as many as there are people.

    `size` has people, `doubt` the expected share of errors, `importance` what an error of the stratum counts. At
    least `least_decisions` are in each stratum, even if these are more.
    """
    drawn = least_decisions(size)
    gain = _gain(size, doubt, importance, drawn)
    for _ in range(min(decisions, int(size.sum())) - int(drawn.sum())):
        best = int(np.argmax(gain))
        drawn[best] += 1
        gain[best] = _gain(*(of[best : best + 1] for of in (size, doubt, importance, drawn)))[0]
    return drawn


def _gain(size: np.ndarray, doubt: np.ndarray, importance: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return how much the next decision of each stratum takes off the variance: -1 where nobody is left."""
    less = _variance(size, doubt, drawn) - _variance(size, doubt, drawn + 1)
    return np.where(drawn < size, importance**2 * less, -1.0)


def _variance(size: np.ndarray, doubt: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    share = (drawn * np.minimum(doubt, MOST_DOUBTFUL) + 0.5) / (drawn + 1)
    left = np.maximum(size - drawn, 0) / np.maximum(size - 1, 1)
    return size.astype(np.float64) ** 2 * share * (1 - share) / (drawn + 2) * left
