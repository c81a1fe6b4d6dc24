"""How a year of migrations divides into its quarters, and how far each quarter is known."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.exact_sums import exact_sum
from estimation.not_final import variance_not_decided
from estimation.periods import quarters
from pipeline.study import FlowErrors


@dataclass(frozen=True)
class QuarterShares:
    """How the migrations of a year divide into its quarters; arrays are of the four quarters.

    `division` is the variance of each quarter's share that comes from cases in another quarter than their own. `own`
    are the variances, in migrations, of what is open in each quarter, by what it comes from: `unfinished` stays, what
    is `late`, and what is declared of cases `not_known` yet. They are part of the year's variance.
    """

    shares: Floats
    division: Floats
    unfinished: Floats
    late: Floats
    not_known: Floats

    @property
    def own(self) -> Floats:
        """The variance of what is open in each quarter."""
        return self.unfinished + self.late + self.not_known

    def variances(self, total: float, variance: float) -> Floats:
        """Return the variances of the quarters of a year, of which `total` and `variance` are known.

        What is open errs in its own quarter, and makes the year err by as much; the rest of what the year errs by is
        divided as its migrations are. The open variance is at most the year's.
        """
        most, own = self.counted_of_open(variance), self.own
        return self.shares**2 * (variance - most * own.sum()) + most * own + total**2 * self.division

    def counted_of_open(self, variance: float) -> float:
        """Return which part of the open variance a year of some `variance` has: all, if it is no more than that."""
        of_all = float(self.own.sum())
        return min(1.0, variance / of_all) if of_all > 0 else 0.0


def quarter_shares(counts: pl.DataFrame, measure: str, year: int, flow_errors: FlowErrors) -> QuarterShares:
    """Return how a year divides into quarters: by their counts; a year without migrations is divided evenly.

    The count x of a quarter has the variance V = w x + r^2 x^2, w misdated for each migration and r the relative
    error of a season. Quarters err independently: by s = x / n, the variance of a share is ((1 - s)^2 V + s^2 V of
    the others) / n^2; of V = w x alone that is w s (1 - s) / n, as of a multinomial. What is declared of the cases
    of the year that are not known yet is in its quarters as their unfinished stays are.
    """
    ends = [end for _, end in quarters(year)]
    of_measure = pl.col("measure").cast(pl.String) == measure
    rows = counts.filter(of_measure, pl.col("period") == "quarter", pl.col("time").is_in(ends))
    names = ("count", "variance_late", "variance_unfinished")
    sums = rows.group_by("time").agg(exact_sum(pl.col(name)).alias(name) for name in names)
    found = pl.DataFrame({"time": ends}).join(sums, on="time", how="left", maintain_order="left").fill_null(0.0)
    count, of_late, open_cases = (found[name].to_numpy() for name in names)
    total, doubt = float(count.sum()), np.zeros(4)
    if open_cases.sum() > 0:
        declared = variance_not_decided(counts, measure, ends[-1], flow_errors.of_open_cases(measure))
        doubt = declared * open_cases / open_cases.sum()
    if total <= 0:
        return QuarterShares(np.full(4, 0.25), np.full(4, 0.25 * 0.75), *np.zeros((3, 4)))
    shares = count / total
    misdated = flow_errors.of_quarters(measure) * count + (flow_errors.season * count) ** 2
    division = ((1 - shares) ** 2 * misdated + shares**2 * (misdated.sum() - misdated)) / max(total, 1.0) ** 2
    return QuarterShares(shares, division, np.maximum(open_cases - of_late, 0.0), of_late, doubt)
