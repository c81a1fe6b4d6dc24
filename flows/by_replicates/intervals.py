"""The table `replicate_intervals`: each figure's interval by replicates beside that which the run publishes."""

from pathlib import Path
from typing import Any

import polars as pl

from estimation.by_replicates.drawn_factors import DECLARED, NOT_VARIED, SAMPLING
from estimation.by_replicates.drawn_people import CLASSIFICATION, NATIONALITY, NOT_YET_KNOWN
from estimation.by_replicates.replicate_figures import KEY
from estimation.by_replicates.rubin import nested_variance
from estimation.published_tables import Z95
from flows.by_replicates.replicated_run import ReplicatedRun
from pipeline.schemas import ALL
from pipeline.tables import read_table
from publication.row_selection import as_text, measured, yearly

PARTS = {
    CLASSIFICATION: "variance_classification",
    NATIONALITY: "variance_nationality",
    NOT_YET_KNOWN: "variance_not_yet_known",
    SAMPLING: "variance_sampling",
    NOT_VARIED: "variance_links_not_varied",
    DECLARED: "variance_declared",
}
"""What is frozen, and the column of what it gives to the variance."""
CLOSE = 0.15
"""By which share two half-widths may differ and still agree: three standard errors of that of 200 replicates."""


def replicate_intervals(found: ReplicatedRun, account: Path) -> pl.DataFrame:
    """Return the table `replicate_intervals`; `account` is the folder of the tables `flows` and `stocks`.

    Columns: `KEY`; `estimate` and `half_width` as published; `mean` of the replicates, `half_width_replicates` and
    the `ratio` of the two half-widths; and the variance by replicates in parts. `variance_links` is that between
    draws of links, `variance_cells` that of errors of single cells, which no replicate draws. The others are
    variances of what changes if one source is frozen at its expectation, the rest as drawn; they are not made to
    add up.
    """
    whole = found.figures[""]
    variance = nested_variance(whole, found.draw, found.within)
    own = found.keys.with_columns(
        mean=pl.Series(whole.mean(axis=0)),
        half_width_replicates=pl.Series(Z95 * variance.total**0.5),
        variance_links=pl.Series(variance.links),
        variance_cells=pl.Series(variance.within),
        **{column: pl.Series((whole - found.figures[name]).var(axis=0, ddof=1)) for name, column in PARTS.items()},
    )
    half = pl.col("half_width")
    return (
        own.join(_published(account), on=KEY, how="left", maintain_order="left")
        .with_columns(ratio=pl.when(half > 0).then(pl.col("half_width_replicates") / half))
        .select(
            *KEY, "estimate", "half_width", "mean", "half_width_replicates", "ratio", "variance_links",
            *PARTS.values(), "variance_cells",
        )
        .with_columns(pl.col(pl.Float64).round(6))
    )  # fmt: skip


def headline(table: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of all nationality groups together."""
    return table.filter(pl.col("nationality_group") == ALL)


def agreement(table: pl.DataFrame) -> dict[str, Any]:
    """Return of how many headline figures the half-widths agree, and the least and the largest ratio."""
    ratio = headline(table)["ratio"].drop_nulls()
    return {
        "figures": len(ratio),
        "within_15_percent": int((abs(ratio - 1) <= CLOSE).sum()),
        "least_ratio": ratio.min(),
        "median_ratio": ratio.median(),
        "largest_ratio": ratio.max(),
    }


def _published(account: Path) -> pl.DataFrame:
    """Return `KEY, estimate, half_width` of the published figures of years and days, of both sexes and all ages."""
    flows, stocks = (measured(as_text(read_table(account / f"{name}.parquet"))) for name in ("flows", "stocks"))
    both = [yearly(flows).with_columns(period="period_end"), stocks.with_columns(period="reference_date")]
    return pl.concat(
        one.filter(pl.col("sex") == ALL, pl.col("age_group") == ALL, pl.col("area") == ALL).select(
            *KEY, "estimate", half_width=Z95 * pl.col("standard_error")
        )
        for one in both
    )
