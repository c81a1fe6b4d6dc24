"""Scores of migrations and residents against the truth, which cannot be gamed: what counts is the probability given.

A true case counts as found with the probability that the run gave to it, and the rest of 1 is missed; false are the
probabilities that no true case uses up. So a small probability for everybody finds next to nothing. The Brier score
(G. W. Brier, Verification of forecasts expressed in terms of probability, 1950) and the log score (I. J. Good,
Rational decisions, 1952) are proper: on average they are smallest for whoever states what they believe.
"""

import polars as pl

from rules.truth_comparison import year_ending

PROBABILITY_FLOOR = 0.001
"""The log score keeps probabilities this far from 0 and 1: a true case that was excluded costs 6.9, not infinity."""


def score_classes(compared: pl.DataFrame, late: pl.DataFrame, *divisions: str) -> pl.DataFrame:
    """Return one row per measure and year or day: `measure, time, true, estimated`, and how far they agree.

    `compared` is the result of `compare_migrations` or `compare_residents`, `late` the table `late_migrations`; with
    `divisions`, columns of both, there is a row for each of their values, in columns that come first.
    `hits`, `misdated` (found within the tolerance, but in another year) and `misses` add up to `true`; `false` counts
    estimated cases that serve no true one; `estimated` is the sum of probabilities, and of the late cases that are
    expected. `brier` is the mean, over the true cases and the false ones, of the squared difference between the
    probability and what happened (1 or 0), `log_score` the mean of -ln of the probability given to what happened;
    both are null where there is neither.
    """
    key = [*divisions, "measure", "time"]
    happened = pl.col("is_true").cast(pl.Float64)
    right = pl.when("is_true").then(pl.col("probability")).otherwise(1 - pl.col("probability"))
    surprise = -right.clip(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR).log()
    agreement = compared.group_by(key).agg(
        true=pl.col("is_true").sum().cast(pl.Int64),
        **{name: _exact_sum(pl.col(name)) for name in ("hits", "misdated", "misses", "false")},
        brier=(_exact_sum((happened - pl.col("probability")) ** 2) / pl.len()).round(6),
        log_score=(_exact_sum(surprise) / pl.len()).round(6),
    )
    expected = late.select(
        *divisions,
        measure=pl.col("direction").cast(pl.String),
        time=year_ending("date"),
        probability=pl.col("probability") * pl.col("factor"),
    )
    estimated = (
        pl.concat(
            [
                compared.drop_nulls("estimated_time").select(
                    *divisions, "measure", "probability", time="estimated_time"
                ),
                expected.select(*divisions, "measure", "probability", "time"),
            ]
        )
        .group_by(key)
        .agg(estimated=_exact_sum(pl.col("probability")))
    )
    amounts = ["true", "estimated", "hits", "misdated", "misses", "false"]
    return (
        agreement.join(estimated, on=key, how="full", coalesce=True)
        .with_columns(pl.col(amounts).fill_null(0))
        .select(*key, *amounts, "brier", "log_score")
        .sort(key)
    )


def _exact_sum(value: pl.Expr) -> pl.Expr:
    """Return the sum of a column, in millionths so that the order of rows has no effect."""
    return ((value * 1e6).round().cast(pl.Int64).sum() / 1e6).round(6)
