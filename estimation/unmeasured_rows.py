"""Rows of published tables for periods that are not measured: no estimate, and the status says so."""

from datetime import date

import polars as pl

from estimation.periods import quarters, year_end, year_start

NO_ESTIMATE = {name: pl.lit(None, dtype=pl.Float64) for name in ("estimate", "standard_error", "lower", "upper")}


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
