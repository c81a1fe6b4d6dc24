"""When a count is too large to be chance: sampling theory, and a declared tolerance for real change.

Every check counts the rows that are odd in one way. A delivery without a fault has a usual share of them, so that
the count is binomial with that share at most; a count beyond the quantile of that distribution is a fault, unless its
share is too small to matter. The quantile is that of `FAMILY_WISE`, divided by the number of comparisons that a
delivery undergoes (Bonferroni: it holds however the comparisons depend on one another).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from scipy.stats import beta, binom, poisson

from pipeline.ingest.contracts import SourceContract

FAMILY_WISE = 0.005
"""Probability of any false alarm in a delivery whose true shares are all as large as what is tolerated."""
CHECKS_OF_A_COLUMN = 16
"""Comparisons that one column undergoes, at most."""
CHECKS_OF_AN_EXTRACT = 8


@dataclass(frozen=True)
class Tolerance:
    """What is tolerated of rows that are odd in one way: their usual share, and the least share that matters.

    In a small file the first decides, in a large one the second.
    """

    usual: float
    least: float


@dataclass(frozen=True)
class Thresholds:
    """The probability (`level`) below which one comparison is no chance."""

    level: float

    @classmethod
    def of(cls, contracts: Iterable[SourceContract]) -> Self:
        """Return the thresholds for a delivery of all extracts of some contracts."""
        extracts = [extract for contract in contracts for extract in contract.extracts.values()]
        columns = sum(len(extract.columns) for extract in extracts)
        return cls(FAMILY_WISE / (CHECKS_OF_A_COLUMN * columns + CHECKS_OF_AN_EXTRACT * len(extracts)))

    def too_many(self, count: int, of: int, tolerated: Tolerance | float) -> bool:
        """Return whether so many of a number of rows are more than a usual share explains, and enough to matter."""
        if not isinstance(tolerated, Tolerance):
            tolerated = Tolerance(tolerated, tolerated)
        return count > tolerated.least * of and float(binom.sf(count - 1, of, tolerated.usual)) < self.level

    def too_few(self, count: int, expected: float) -> bool:
        """Return whether a count is smaller than chance makes of an expected number."""
        return count < expected and float(poisson.cdf(count, expected)) < self.level

    def largest_share(self, count: int, of: int) -> float:
        """Return the largest share of which so few rows of a sample are no surprise (Clopper and Pearson 1934)."""
        return 1.0 if count >= of else float(beta.isf(self.level, count + 1, of - count))
