"""How published figures were revised: the same period, as runs of several data dates estimated it.

A revision has three parts: new data, new models (of linkage, and settings of estimation), and new rules. How figures
of one age were revised says within which range a provisional one is likely to be.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl
from scipy.special import stdtrit

from flows.variants.estimates import KEY
from pipeline.errors import UserError
from pipeline.study import Study


def by_data_date(studies: list[Study]) -> dict[date, Study]:
    """Return studies by their data dates, in order; raises `UserError` for two of one date."""
    found: dict[date, Study] = {}
    for study in studies:
        if study.data_date in found:
            raise UserError(
                f"{study.path} and {found[study.data_date].path}: both have the data date {study.data_date}. "
                "A replay needs one study a date."
            )
        found[study.data_date] = study
    return dict(sorted(found.items()))


def revisions(estimates: Mapping[date, pl.DataFrame]) -> pl.DataFrame:
    """Return how each figure was revised from run to run; `estimates` are those of runs by their data dates.

    They have `measure, period, group, estimate` (`flows.variants.estimates.published_estimates`).

    Columns: `measure, period, group, data_date, estimate, first, revision`. `first` is the earliest estimate of that
    figure, `revision` what the estimate exceeds it by. Rows are in order; a figure that only one run has is there
    too, with a revision of zero.
    """
    tables = [one.with_columns(data_date=pl.lit(day)) for day, one in sorted(estimates.items())]
    return (
        pl.concat(tables)
        .sort("data_date", maintain_order=True)
        .with_columns(first=pl.col("estimate").first().over(KEY))
        .with_columns(revision=(pl.col("estimate") - pl.col("first")).round(6))
        .sort(*KEY, "data_date", maintain_order=True)
        .select(*KEY, "data_date", "estimate", "first", "revision")
    )


def mean_revisions(table: pl.DataFrame, group: str) -> pl.DataFrame:
    """Return `measure, figures, mean_revision, mean_absolute_revision` of a group, from first to latest estimates.

    Of figures that several runs have; the two means are those by which revisions are commonly described.
    """
    last = table.filter(pl.col("group") == group).group_by(KEY, maintain_order=True).agg(
        pl.col("revision").last(), runs=pl.len()
    )  # fmt: skip
    return last.filter(pl.col("runs") > 1).group_by("measure", maintain_order=True).agg(
        pl.len().alias("figures"),
        mean_revision=pl.col("revision").mean().round(3),
        mean_absolute_revision=pl.col("revision").abs().mean().round(3),
    )  # fmt: skip


SPLIT = ("new_data", "new_model", "new_rules")
"""What a revision from one vintage to the next consists of, in the order in which the parts are changed."""
LEVEL = 0.90
FEWEST = 3
"""Revisions of figures of the same age below which nothing is said of later ones."""
MONTH = 30.4375
"""Days in a month, on average."""


def split(before: pl.DataFrame, with_data: pl.DataFrame, with_model: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return how each figure that two vintages have was revised: `KEY` and `SPLIT`, which add up to the revision.

    All are estimates (`KEY`, `estimate`): of the earlier vintage; of the later one's data by the earlier one's models
    and rules; of them by the earlier one's rules alone; and of the later vintage. Each part is what changes when one
    more thing is taken from the later vintage (data first, rules last), so a part that both vintages share is 0.
    """
    steps = [before, with_data, with_model, now]
    joined = steps[0].rename({"estimate": "step_0"})
    for number, step in enumerate(steps[1:], start=1):
        joined = joined.join(step.rename({"estimate": f"step_{number}"}), on=KEY, how="inner", maintain_order="left")
    parts = [
        (pl.col(f"step_{number + 1}") - pl.col(f"step_{number}")).round(6).alias(name)
        for number, name in enumerate(SPLIT)
    ]
    return joined.select(*KEY, *parts)


def with_split(table: pl.DataFrame, splits: Mapping[date, pl.DataFrame]) -> pl.DataFrame:
    """Return the table of `revisions` with the split of each revision from the vintage before; `splits` are by date.

    The first estimate of a figure has none.
    """
    if not splits:
        return table.with_columns(pl.lit(None, pl.Float64).alias(name) for name in SPLIT)
    parts = pl.concat([one.with_columns(data_date=pl.lit(day)) for day, one in sorted(splits.items())])
    return table.join(parts, on=[*KEY, "data_date"], how="left", maintain_order="left")


def with_status(table: pl.DataFrame) -> pl.DataFrame:
    """Return `revisions` with the status of final figures that an earlier vintage estimated otherwise: `revised`.

    A run by itself knows no earlier ones and calls them final.
    """
    is_revised = (pl.col("status") == "final") & (pl.col("revision") != 0)
    return table.with_columns(status=pl.when(is_revised).then(pl.lit("revised")).otherwise(pl.col("status")))


def later_revisions(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return how estimates of one age changed until the last vintage that has the figure.

    `tables` are those of `revisions`, of one country each. Columns: `measure, group, months` (from the end of the
    period to the data date), `change`: relative to the estimate, of net migration in people. A last estimate has not
    been revised yet, and is left out.
    """
    parts = []
    for table in tables:
        last = table.with_columns(
            last=pl.col("estimate").last().over(KEY), last_date=pl.col("data_date").max().over(KEY)
        ).filter(pl.col("data_date") < pl.col("last_date"), pl.col("estimate") != 0)
        change = pl.col("last") - pl.col("estimate")
        relative = pl.when(pl.col("measure") == "net").then(change).otherwise(change / pl.col("estimate"))
        parts.append(last.select("measure", "group", months=_months(), change=relative))
    return pl.concat(parts)


def revision_ranges(later: pl.DataFrame) -> pl.DataFrame:
    """Return `measure, group, months, revisions, lowest, highest`: where 90% of later revisions are expected to fall.

    It is the prediction interval of one more value after n: mean -+ t s sqrt(1 + 1/n), with t of n - 1 degrees of
    freedom (D. C. Hahn & W. Q. Meeker, Statistical Intervals, 1991, section 4.7), which is wide where few are known.
    With fewer than `FEWEST` revisions of that age both ends are null.
    """
    number = pl.len().cast(pl.Int64)
    found = (
        later.group_by("measure", "group", "months", maintain_order=True)
        .agg(revisions=number, mean=pl.col("change").mean(), spread=pl.col("change").std())
        .sort("measure", "group", "months")
    )
    n = found["revisions"].to_numpy().astype(float)
    reach = pl.Series(stdtrit(np.maximum(n - 1, 1), (1 + LEVEL) / 2) * np.sqrt(1 + 1 / n)) * found["spread"]
    enough = pl.col("revisions") >= FEWEST
    return found.with_columns(reach=reach).select(
        "measure", "group", "months", "revisions",
        lowest=pl.when(enough).then(pl.col("mean") - pl.col("reach")).round(6),
        highest=pl.when(enough).then(pl.col("mean") + pl.col("reach")).round(6),
    )  # fmt: skip


def provisional_ranges(latest: pl.DataFrame, ranges: pl.DataFrame) -> pl.DataFrame:
    """Return every provisional figure of the latest vintage with the range of its later estimates.

    `latest` has `KEY`, `data_date, estimate, status`. Columns: `KEY, data_date, estimate, months, revisions, lower,
    upper`; no ends, and 0 revisions, where too few figures of that age have been revised.
    """
    provisional = latest.filter(pl.col("status") == "provisional").with_columns(months=_months())
    joined = provisional.join(ranges, on=["measure", "group", "months"], how="left", maintain_order="left")
    is_net, estimate = pl.col("measure") == "net", pl.col("estimate")

    def end(name: str) -> pl.Expr:
        return pl.when(is_net).then(estimate + pl.col(name)).otherwise(estimate * (1 + pl.col(name))).round(6)

    return joined.select(
        *KEY, "data_date", "estimate", "months", pl.col("revisions").fill_null(0),
        lower=end("lowest"), upper=end("highest"),
    )  # fmt: skip


def _months() -> pl.Expr:
    days = (pl.col("data_date") - pl.col("period")).dt.total_days()
    return (days / MONTH).round().cast(pl.Int64)
