"""The weighted interval score of a figure: how wide its interval is, and how far the truth lies above or below.

For an estimate m with the interval from l to u of level 1 - a, and the truth y, it is

    ( |y - m| / 2 + (a / 2) (u - l) + max(l - y, 0) + max(y - u, 0) ) / 1.5

(Bracher, Ray, Gneiting & Reich 2021, PLOS Computational Biology 17, equation 2 with one interval; the interval score
of Gneiting & Raftery 2007, JASA 102, section 6.2). It is in units of the figure, smaller is better, and nobody gains
by an interval that is wider or narrower than they believe.
"""

import polars as pl

LEVEL = 0.95
PARTS = ("dispersion", "too_high", "too_low")
"""What the score consists of: width, estimates above the truth, estimates below it."""


def interval_score_parts() -> list[pl.Expr]:
    """Return the parts of the score of rows with `estimate, lower, upper, truth`; the score is their sum."""
    estimate, lower, upper, truth = (pl.col(name) for name in ("estimate", "lower", "upper", "truth"))
    above, below = estimate - truth, truth - estimate
    return [
        ((1 - LEVEL) / 2 * (upper - lower) / 1.5).alias("dispersion"),
        ((above.clip(0) / 2 + (lower - truth).clip(0)) / 1.5).alias("too_high"),
        ((below.clip(0) / 2 + (truth - upper).clip(0)) / 1.5).alias("too_low"),
    ]
