"""What one source alone says of a figure: its list on a day, its flags of arrival, its departures and removals.

They are what the chain must beat. Nothing is linked, and no rule is applied beyond those that turn records into
evidence: a list counts whom it lists, and a flow whoever has such a record within the year.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from publication.words import TWO_SIDED_95

FLOW_KINDS = {"immigration": ("arrival",), "emigration": ("departure", "deregistration")}
LIST_KINDS = ("registration", "deregistration", "death")
SCHEMA = {"source": pl.String, "measure": pl.String, "period": pl.Date, "estimate": pl.Float64}
MARGIN = "single_source"


def single_sources(evidence: pl.DataFrame, years: Sequence[date], days: Sequence[date]) -> pl.DataFrame:
    """Return `source, measure, period, estimate`: subjects of each source in years (by their last day) and on days.

    `evidence` is the table. On a list whose records say who leaves it, those count whose latest record by the day is
    a registration; of a list that is delivered as snapshots the nearest counts; and whoever has weeks of activity
    counts in the year of them that contains the day.
    """
    kinds = evidence.select("source", "subject_id", "date", "end_date", "value", kind=pl.col("kind").cast(pl.String))
    parts = [pl.DataFrame(schema=SCHEMA)]
    for measure, of_measure in FLOW_KINDS.items():
        rows = kinds.filter(pl.col("kind").is_in(of_measure))
        parts += [
            _counted(
                rows.filter(pl.col("date").is_between(day.replace(year=day.year - 1), day, "right")), measure, day
            )
            for day in years
        ]
    listed = kinds.filter(pl.col("kind").is_in(LIST_KINDS))
    ends = listed.filter(pl.col("kind") == "deregistration")["source"].unique().implode()
    snapshots = listed.filter(~pl.col("source").is_in(ends), pl.col("kind") == "registration")
    active = kinds.filter(pl.col("kind") == "activity", pl.col("value") > 0)
    for day in days:
        latest = (
            listed.filter(pl.col("source").is_in(ends), pl.col("date") <= day)
            .sort("source", "subject_id", "date", "kind")
            .unique(["source", "subject_id"], keep="last", maintain_order=True)
        )
        away = (pl.col("date") - pl.lit(day)).dt.total_days().abs()
        parts += [
            _counted(latest.filter(pl.col("kind") == "registration"), "population", day),
            _counted(snapshots.filter(away == away.min().over("source")), "population", day),
            _counted(active.filter(pl.col("date") <= day, pl.col("end_date") > day), "population", day),
        ]
    return pl.concat(parts).sort("measure", "source", "period")


def _counted(rows: pl.DataFrame, measure: str, day: date) -> pl.DataFrame:
    return (
        rows.group_by("source")
        .agg(estimate=pl.col("subject_id").n_unique().cast(pl.Float64))
        .select("source", measure=pl.lit(measure), period=pl.lit(day), estimate="estimate")
    )


def with_truth(sources: pl.DataFrame, flows: pl.DataFrame, stocks: pl.DataFrame) -> pl.DataFrame:
    """Return the counts that have a truth, with it; `flows` and `stocks` are the scores of published figures."""
    everybody = [pl.col(name) == "all" for name in ("sex", "age_group", "nationality_group")]
    whole_years = (pl.col("period_end") - pl.col("period_start")).dt.total_days() > 300
    truth = pl.concat(
        [
            flows.filter(whole_years, *everybody).select("measure", "truth", period="period_end"),
            stocks.filter(everybody).select("measure", "truth", period="reference_date"),
        ]
    )
    return sources.join(truth, on=["measure", "period"], how="inner", maintain_order="left")


def with_intervals_of_others(counts: pl.DataFrame) -> pl.DataFrame:
    """Return counts of several replicates with intervals of 1.96 root mean square errors of the *other* replicates.

    `counts` has `replicate` and the columns of `with_truth`. A source that occurs in one replicate alone has none.
    """
    key, square = ["source", "measure", "period"], (pl.col("estimate") - pl.col("truth")) ** 2
    others = ((square.sum().over(key) - square) / (pl.len().over(key) - 1)).clip(lower_bound=0).sqrt()
    return counts.filter(pl.len().over(key) > 1).with_columns(
        lower=pl.col("estimate") - TWO_SIDED_95 * others, upper=pl.col("estimate") + TWO_SIDED_95 * others
    )
