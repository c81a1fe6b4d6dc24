"""First estimates of a year beside what last year's ratio would have said, over vintages of one country.

The ratio is what a statistician has without a model: of last year, the cases that were known on the same day a year
ago and the estimate of today are known, and their ratio is taken for this year too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import polars as pl

from estimation.cells import GROSS_FLOWS
from estimation.exact_sums import exact_sum
from estimation.interval_score import PARTS, interval_score_parts
from publication.words import TWO_SIDED_95

KEY = ["measure", "period"]
NET = "net"


@dataclass(frozen=True)
class Vintage:
    """What one run says of flows of whole years: `estimates` (`KEY, estimate, lower, upper, truth`) and `cases`.

    `cases` has `KEY` of gross flows and the `cases` that rules found by the data date, decided or not yet: each
    counts one, however likely it is.
    """

    estimates: pl.DataFrame
    cases: pl.DataFrame


def known_cases(counts: pl.DataFrame) -> pl.DataFrame:
    """Return the `cases` of a `Vintage` from the table `counts` of its run."""
    measure = pl.col("measure").cast(pl.String)
    return (
        counts.filter(pl.col("period").cast(pl.String) == "year", measure.is_in(GROSS_FLOWS))
        .group_by(measure, period="time")
        .agg(cases=(pl.col("certain") + pl.col("unfinished")).sum())
        .sort(KEY)
    )


def first_estimates(vintages: Mapping[date, Vintage]) -> pl.DataFrame:
    """Return the first estimate of each year that a later vintage revised, and the forecast by last year's ratio.

    Vintages are a year apart; the first serves the ratio of the second only, and the last one has the final figures.
    Columns: `KEY, estimate, lower, upper, truth, by_ratio, final`. Of a gross flow, `by_ratio` is the cases known of
    the year, times what is estimated of the year before for each case that was known of it a year ago; of net
    migration it is the difference of both.
    """
    days = sorted(vintages)
    final = vintages[days[-1]].estimates.select(*KEY, final="estimate")
    found = []
    for before, day in pairwise(days[:-1]):
        now = vintages[day]
        this_year = now.estimates["period"].max()
        of_year = now.estimates.filter(period=this_year)
        last_year = now.cases.filter(pl.col("period") < this_year)["period"].max()
        ratio = (
            now.estimates.filter(period=last_year)
            .join(vintages[before].cases.filter(period=last_year), on=KEY)
            .select("measure", ratio=pl.col("estimate") / pl.col("cases"))
        )
        gross = now.cases.filter(period=this_year).join(ratio, on="measure").select(
            *KEY, by_ratio=pl.col("cases") * pl.col("ratio")
        )  # fmt: skip
        sign = pl.when(pl.col("measure") == GROSS_FLOWS[0]).then(1.0).otherwise(-1.0)
        net = gross.group_by("period").agg(by_ratio=exact_sum(pl.col("by_ratio") * sign))
        forecast = pl.concat([gross, net.select(measure=pl.lit(NET), period="period", by_ratio="by_ratio")])
        found.append(of_year.join(forecast, on=KEY).join(final, on=KEY))
    return pl.concat(found).sort(KEY)


def compared(first: pl.DataFrame) -> pl.DataFrame:
    """Return for each scenario and measure, and all measures together, how first estimates compare with the ratio.

    `first` has the rows of `first_estimates` with `scenario` and `country`. Columns: `scenario, measure, estimates`,
    the mean absolute revisions `revision` and `revision_by_ratio`, and `hold_final`, the share of first intervals
    that hold the final figure; `score` and `score_by_ratio`, mean weighted interval scores against the truth, with
    an interval of 1.96 root mean square errors of *other* countries around the forecast by the ratio (null with one
    country).
    """
    of_kind = ["scenario", *KEY]
    square = (pl.col("by_ratio") - pl.col("truth")) ** 2
    others = ((square.sum().over(of_kind) - square) / (pl.len().over(of_kind) - 1)).clip(lower_bound=0).sqrt()
    own = first.with_columns(interval_score_parts()).with_columns(score=pl.sum_horizontal(PARTS)).drop(PARTS)
    by_ratio = (
        first.with_columns(estimate="by_ratio", reach=pl.when(pl.len().over(of_kind) > 1).then(TWO_SIDED_95 * others))
        .with_columns(lower=pl.col("estimate") - pl.col("reach"), upper=pl.col("estimate") + pl.col("reach"))
        .with_columns(interval_score_parts())
        .select(score_by_ratio=sum(pl.col(name) for name in PARTS))
    )
    judged = pl.concat([own, by_ratio], how="horizontal").with_columns(
        revision=(pl.col("final") - pl.col("estimate")).abs(),
        revision_by_ratio=(pl.col("final") - pl.col("by_ratio")).abs(),
        hold_final=pl.col("final").is_between(pl.col("lower"), pl.col("upper")).cast(pl.Float64),
    )
    figures = ("revision", "revision_by_ratio", "hold_final", "score", "score_by_ratio")
    means = [pl.len().alias("estimates"), *(pl.col(name).mean().round(4) for name in figures)]
    by_measure = judged.group_by("scenario", "measure", maintain_order=True).agg(means)
    of_all = judged.group_by("scenario", maintain_order=True).agg(means).with_columns(measure=pl.lit("all"))
    return pl.concat([by_measure, of_all.select(by_measure.columns)]).sort("scenario", maintain_order=True)
