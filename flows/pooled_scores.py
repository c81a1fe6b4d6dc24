"""Scores of replicates, pooled: how far estimates are from the truth on average, and how often intervals contain it.

The mean error over replicates is the bias of a figure, the root of the mean square its total error. The share of
intervals that contain the truth has a Clopper-Pearson interval (Clopper and Pearson, 1934, Biometrika 26), exact for
the small number of replicates.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl
from scipy.special import betaincinv

from estimation.cells import DIVISIONS
from estimation.interval_score import PARTS, interval_score_parts
from estimation.score import margin_of
from flows.single_sources import MARGIN, with_intervals_of_others
from pipeline.schemas import ALL
from publication.scores import Scores
from publication.words import TWO_SIDED_95

COLUMNS = (
    "measure", "margin", "group", "period", "replicates",
    "estimate", "truth", "bias", "relative_bias", "rmse",
    "coverage", "coverage_lower", "coverage_upper", "mean_half_width",
    "interval_score", "dispersion", "too_high", "too_low",
    "precision", "recall", "true", "hits", "misses", "false", "brier",
)  # fmt: skip
"""What each pooled figure has; null where it has no meaning."""
COMPARED = tuple(name for name in COLUMNS if name not in ("interval_score", *PARTS))
"""Those that a page compares with an earlier validation, which may be older than the others."""
KEY = ["measure", "margin", "group", "period"]


def pool(replicates: Sequence[Scores]) -> pl.DataFrame:
    """Return the pooled scores of replicates: one row per figure, with `COLUMNS`, in a fixed order.

    `estimate`, `truth` and `mean_half_width` are means over replicates, `bias` the mean of estimate less truth,
    `relative_bias` that over the mean truth; `interval_score` is the mean weighted interval score and `dispersion,
    too_high, too_low` its parts; `true`, `hits`, `misses` and `false` are sums, `brier` is a mean. A hit
    of a class is a case that was found within the score's tolerance, in its own year or in another.
    """
    twice = [one.counted_twice for one in replicates if one.counted_twice.height]
    by_definition = [one.definitions for one in replicates if one.definitions.height]
    parts = [
        pool_figures([(one.flows, one.stocks) for one in replicates]),
        _single_sources(replicates),
        _links(pl.concat([one.links for one in replicates])),
        _figures(pl.concat([part for one in replicates for part in _link_estimates(one)])),
        _classes(pl.concat([one.classes for one in replicates])),
        *([_definitions(pl.concat(by_definition))] if by_definition else []),
        *([_counted_twice(pl.concat(twice))] if twice else []),
    ]
    rounded = pl.concat(parts, how="diagonal_relaxed").with_columns(pl.selectors.float().round(6) + 0.0)
    return rounded.select(COLUMNS).sort(KEY)


def pool_figures(scored: Sequence[tuple[pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame:
    """Return the pooled scores of published flows and stocks of replicates: `KEY` and what `pool` has of figures."""
    return _figures(scored_figures(scored))


def scored_figures(scored: Sequence[tuple[pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame:
    """Return one row per figure and `replicate` (a number): `KEY`, `estimate, lower, upper, truth, inside, error`.

    `scored` has the scores of flows and stocks of each replicate. Also `half_width` and the parts of the weighted
    interval score.
    """
    return pl.concat(
        [
            part.with_columns(replicate=pl.lit(number))
            for number, (flows, stocks) in enumerate(scored)
            for part in (_flows(flows), _stocks(stocks))
        ]
    )


def records(pooled: pl.DataFrame) -> list[dict[str, Any]]:
    """Return pooled scores as JSON-ready records, all with all keys."""
    return pooled.to_dicts()


def _flows(flows: pl.DataFrame) -> pl.DataFrame:
    short = (pl.col("period_end") - pl.col("period_start")).dt.total_days() < 100
    margin = pl.when(short).then(pl.lit("quarter")).otherwise(margin_of())
    return _cells(flows, margin, _period("period_start", "period_end"))


def _stocks(stocks: pl.DataFrame) -> pl.DataFrame:
    return _cells(stocks, margin_of(), pl.col("reference_date").dt.to_string("%Y-%m-%d"))


def _cells(scored: pl.DataFrame, margin: pl.Expr, period: pl.Expr) -> pl.DataFrame:
    """Return the figures of one replicate that were measured: `KEY` and what is pooled."""
    named = [pl.when(pl.col(name) != ALL).then(pl.col(name)) for name in DIVISIONS]
    group = pl.concat_str(named, separator="|", ignore_nulls=True)
    return (
        scored.drop_nulls(["estimate", "truth"])
        .select(
            "measure",
            margin.alias("margin"),
            pl.when(group == "").then(pl.lit(ALL)).otherwise(group).alias("group"),
            period.alias("period"),
            "estimate",
            "lower",
            "upper",
            "truth",
        )
        .with_columns(_judged())
    )


def _period(start: str, end: str) -> pl.Expr:
    return pl.format("{}/{}", pl.col(start).dt.to_string("%Y-%m-%d"), pl.col(end).dt.to_string("%Y-%m-%d"))


def _figures(cells: pl.DataFrame) -> pl.DataFrame:
    pooled = cells.group_by(KEY, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("replicates"),
        pl.col("estimate", "truth").mean(),
        pl.col("inside").sum().cast(pl.Int64),
        bias=pl.col("error").mean(),
        rmse=(pl.col("error") ** 2).mean().sqrt(),
        mean_half_width=pl.col("half_width").mean(),
        **{name: pl.col(name).mean() for name in PARTS},
    )
    lower, upper = share_interval(pooled["inside"], pooled["replicates"])
    return pooled.with_columns(
        relative_bias=pl.when(pl.col("truth") != 0).then(pl.col("bias") / pl.col("truth").abs()),
        interval_score=pl.sum_horizontal(PARTS),
        coverage=pl.col("inside") / pl.col("replicates"),
        coverage_lower=lower,
        coverage_upper=upper,
    )


def share_interval(inside: pl.Series, of: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the 95% Clopper-Pearson interval of the shares `inside / of`; 0 or 1 where none or all are."""
    k, n = inside.to_numpy(), of.to_numpy()
    lower = pl.Series(betaincinv(k, n - k + 1, 0.025)).fill_nan(0.0)
    upper = pl.Series(betaincinv(k + 1, n - k, 0.975)).fill_nan(1.0)
    return lower, upper


def _links(links: pl.DataFrame) -> pl.DataFrame:
    return (
        links.group_by(
            measure=pl.lit("links"),
            margin=pl.format("{}-{}", "source_l", "source_r"),
            group="group",
            maintain_order=True,
        )
        .agg(
            replicates=pl.len().cast(pl.Int64),
            true=pl.col("true_pairs").sum().cast(pl.Float64),
            hits=pl.col("correct").sum().cast(pl.Float64),
            false=(pl.col("linked_pairs") - pl.col("correct")).sum().cast(pl.Float64),
        )
        .with_columns(period=pl.lit(None, dtype=pl.String), misses=pl.col("true") - pl.col("hits"))
        .with_columns(_precision_and_recall())
        .filter(pl.col("true") + pl.col("hits") + pl.col("false") > 0)
    )


def _link_estimates(scores: Scores) -> list[pl.DataFrame]:
    """Return the estimates of the quality of links of one replicate, beside the truth, as figures with intervals."""
    margin = pl.format("{}-{}", "source_l", "source_r").alias("margin")
    rates = [
        scores.links.drop_nulls([rate, f"{rate}_estimate"])
        .select(
            pl.lit(f"link_{rate}").alias("measure"),
            margin,
            "group",
            pl.lit(None, pl.String).alias("period"),
            pl.col(f"{rate}_estimate").alias("estimate"),
            pl.col(rate).alias("truth"),
            pl.col(f"{rate}_low").alias("lower"),
            pl.col(f"{rate}_high").alias("upper"),
        )
        .with_columns(_judged())
        for rate in ("precision", "recall")
    ]
    half_width = TWO_SIDED_95 * pl.col("se")
    errors = [
        scores.link_errors.select(
            pl.lit("link_errors").alias("measure"), pl.lit(name).alias("margin"),
            pl.when(pl.col("nationality_group") == ALL).then(pl.lit(ALL)).otherwise(_group_of_residents())
            .alias("group"),
            pl.lit(None, pl.String).alias("period"),
            pl.col(name).alias("estimate"), pl.col(f"true_{name}").cast(pl.Float64).alias("truth"),
            pl.col(f"{name}_se").alias("se"),
        ).with_columns(lower=pl.col("estimate") - half_width, upper=pl.col("estimate") + half_width)
        .drop("se").with_columns(_judged())
        for name in ("counted_twice", "joined")
        if scores.link_errors.height
    ]  # fmt: skip
    return [*rates, *errors]


def _single_sources(replicates: Sequence[Scores]) -> pl.DataFrame:
    """Return what each source alone says of totals, pooled as figures are: the margin is `single_source`."""
    counts = [
        one.single_sources.with_columns(replicate=pl.lit(number))
        for number, one in enumerate(replicates)
        if one.single_sources.height
    ]
    if not counts:
        return pl.DataFrame()
    end = pl.col("period").dt.to_string("%Y-%m-%d")
    start = pl.col("period").dt.offset_by("-1y").dt.offset_by("1d").dt.to_string("%Y-%m-%d")
    is_stock = pl.col("measure") == "population"
    cells = with_intervals_of_others(pl.concat(counts)).with_columns(
        margin=pl.lit(MARGIN), group="source",
        period=pl.when(is_stock).then(end).otherwise(pl.format("{}/{}", start, end)),
    )  # fmt: skip
    return _figures(cells.with_columns(_judged()))


def _judged() -> list[pl.Expr]:
    """Return what is pooled of rows with `estimate, lower, upper, truth`."""
    estimate, lower, upper, truth = (pl.col(name) for name in ("estimate", "lower", "upper", "truth"))
    return [
        truth.is_between(lower, upper).alias("inside"),
        *interval_score_parts(),
        (estimate - truth).alias("error"),
        ((upper - lower) / 2).alias("half_width"),
    ]


def _counted_twice(residents: pl.DataFrame) -> pl.DataFrame:
    """Pool residents counted more than once (`false`) and once (`hits`), over all days."""
    return (
        residents.group_by(
            measure=pl.lit("counted_twice"),
            margin=pl.lit("residents"),
            group=_group_of_residents(),
            maintain_order=True,
        )
        .agg(
            replicates=pl.col("reference_date").len().cast(pl.Int64) // pl.col("reference_date").n_unique(),
            true=pl.col("people").sum().cast(pl.Float64),
            false=pl.col("twice").sum().cast(pl.Float64),
        )
        .with_columns(
            period=pl.lit(None, dtype=pl.String),
            hits=pl.col("true") - pl.col("false"),
            misses=pl.lit(None, pl.Float64),
        )
        .with_columns(precision=pl.col("hits") / pl.col("true"))
    )


def _group_of_residents() -> pl.Expr:
    return pl.format("nationality_group={}", "nationality_group")


def _precision_and_recall() -> list[pl.Expr]:
    hits = pl.col("hits")
    found = hits + pl.col("false")
    return [
        pl.when(found > 0).then(hits / found).alias("precision"),
        pl.when(pl.col("true") > 0).then(hits / pl.col("true")).alias("recall"),
    ]


def _classes(classes: pl.DataFrame) -> pl.DataFrame:
    """Pool the classes of migrations, whose `time` is the end of a year, and of residents, where it is a day."""
    return _found(classes, measure=pl.lit("classes"), margin=pl.col("measure"), group=pl.lit(ALL))


def _definitions(definitions: pl.DataFrame) -> pl.DataFrame:
    """Pool the classes of migrations under every definition: the margin is `DEFINITION-DIRECTION`."""
    of_all = pl.col("nationality_group") == ALL
    return _found(
        definitions,
        measure=pl.lit("definitions"),
        margin=pl.format("{}-{}", "definition", "measure"),
        group=pl.when(of_all).then(pl.lit(ALL)).otherwise(_group_of_residents()),
    )


def _found(classes: pl.DataFrame, **key: pl.Expr) -> pl.DataFrame:
    """Pool what was found, missed and false of a measure, margin and group by year or day."""
    of_flow = pl.col("measure") != "population"
    start = pl.col("time").dt.offset_by("-1y").dt.offset_by("1d")
    period = (
        pl.when(of_flow)
        .then(pl.format("{}/{}", start.dt.to_string("%Y-%m-%d"), pl.col("time").dt.to_string("%Y-%m-%d")))
        .otherwise(pl.col("time").dt.to_string("%Y-%m-%d"))
    )
    found = pl.col("hits") + pl.col("misdated")
    return (
        classes.with_columns(hits=found.cast(pl.Float64))
        .group_by(**key, period=period, maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("replicates"),
            pl.col("true", "hits", "misses", "false").cast(pl.Float64).sum(),
            pl.col("brier").mean(),
        )
        .with_columns(_precision_and_recall())
    )


def year_of(period: str) -> date:
    """Return the last day of a period: `YYYY-MM-DD/YYYY-MM-DD`, or one day."""
    return date.fromisoformat(period.rpartition("/")[2])
