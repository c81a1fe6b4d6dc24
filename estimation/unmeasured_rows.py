"""Rows of published tables for periods that are not measured: no estimate, and the status says so."""

from datetime import date

import polars as pl

from estimation.cells import GROSS_FLOWS, marginal_keys
from estimation.periods import quarters, year_end, year_start
from pipeline.schemas import ALL

NO_ESTIMATE = {name: pl.lit(None, dtype=pl.Float64) for name in ("estimate", "standard_error", "lower", "upper")}


def unmeasured_flows(years: tuple[int, ...]) -> pl.DataFrame:
    """Return the rows of `flows` of `years` (ending 30 June) and their quarters, none of them with an estimate."""
    keys = marginal_keys()
    spans = [
        pl.concat([
            keys.with_columns(period_start=pl.lit(year_start(year)), period_end=pl.lit(year_end(year))),
            *(keys.tail(1).with_columns(period_start=pl.lit(first), period_end=pl.lit(last))
              for first, last in quarters(year)),
        ])
        for year in years
    ]  # fmt: skip
    measures = pl.DataFrame({"measure": [*GROSS_FLOWS, "net"]})
    return _unmeasured(pl.concat(spans).join(measures, how="cross").with_columns(area=pl.lit(ALL)))


def unmeasured_stocks(years: tuple[int, ...]) -> pl.DataFrame:
    """Return the rows of `stocks` on 30 June of `years`, none of them with an estimate."""
    days = [marginal_keys().with_columns(reference_date=pl.lit(year_end(year))) for year in years]
    return _unmeasured(pl.concat(days).with_columns(measure=pl.lit("population"), area=pl.lit(ALL)))


def with_unmeasured_flows(flows: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return `flows` with rows for those of `years` (ending 30 June), and their quarters, that it does not have."""
    measured = set(flows["period_end"])
    for year in years:
        if year_end(year) not in measured:
            span = [(year_start(year), year_end(year))]
            flows = pl.concat(
                [flows, *_like(flows, _is_of_a_year(), span), *_like(flows, ~_is_of_a_year(), quarters(year))]
            )
    return flows


def with_unmeasured_stocks(stocks: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """Return `stocks` with rows for 30 June of those of `years` that it does not have."""
    day = "reference_date"
    template, measured = stocks.filter(pl.col(day) == pl.col(day).max()), set(stocks[day])
    missing = [
        _unmeasured(template).with_columns(pl.lit(year_end(year)).alias(day))
        for year in years
        if year_end(year) not in measured
    ]
    return pl.concat([stocks, *missing])


def _like(flows: pl.DataFrame, kind: pl.Expr, spans: list[tuple[date, date]]) -> list[pl.DataFrame]:
    """Return the rows of one period of a kind, for each of the spans, without estimates."""
    rows = flows.filter(kind)
    template = _unmeasured(rows.filter(pl.col("period_end") == pl.col("period_end").max()))
    return [template.with_columns(period_start=pl.lit(first), period_end=pl.lit(last)) for first, last in spans]


def _unmeasured(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(**NO_ESTIMATE, status=pl.lit("not measured"), reliability=pl.lit(None, pl.String))


def _is_of_a_year() -> pl.Expr:
    return (pl.col("period_end") - pl.col("period_start")).dt.total_days() > 300
