"""Dual-system estimates: the size of a population from two lists and the people found on both."""

import numpy as np

from estimation.arrays import Floats

Number = float | Floats


def chapman(first: Number, second: Number, matches: Number) -> Floats:
    """Return (n1+1)(n2+1)/(m+1) - 1 (Chapman 1951): n1 n2 / m, nearly unbiased where matches are few."""
    return (np.asarray(first) + 1) * (np.asarray(second) + 1) / (np.asarray(matches) + 1) - 1


def true_matches(linked: Number, second: Number, recall: Number, false_link_rate: Number) -> Floats:
    """Return the people really on both lists, from the links found: (m - b n2) / (a - b).

    The moment form of Ding & Fienberg (1994, Survey Methodology 20): of M true matches the share a (recall) is
    linked, and of the n2 - M other people the share b is linked falsely.
    """
    false = np.asarray(false_link_rate)
    return (np.asarray(linked) - false * np.asarray(second)) / (np.asarray(recall) - false)
