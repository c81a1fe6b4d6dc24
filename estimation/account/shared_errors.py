"""The errors that cells of the account share: coverage factors within a class, flow sources within a year."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from estimation.account.bias_terms import TERM_TYPES
from estimation.nationality_error import Term
from pipeline.schemas import AGE_GROUP_STARTS, AGE_GROUPS
from pipeline.study import FlowErrors, Periods
from pipeline.tables import write_text

OLDEST_AGE = 130
AGE_RANGES = dict(
    zip(
        AGE_GROUPS,
        zip(AGE_GROUP_STARTS, [*(one - 1 for one in AGE_GROUP_STARTS[1:]), OLDEST_AGE], strict=True),
        strict=True,
    )
)
"""First and last age of every age group."""


def write_bias_terms(
    periods: Periods,
    flow_errors: FlowErrors,
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
    nationality: tuple[Sequence[Term], pl.DataFrame],
    out: Path,
) -> None:
    """Write `bias_terms.csv` and `bias_covariance.csv` of an account.

    There is one term for the factor of every coverage class in all years, and one for each flow measure and
    year. Children born in the account's years are compared with exact births; what that shows of the factor is
    true of infants and not of the rest of their class, so their factor's error is a term of its own. `nationality`
    has the terms of `nationality_terms` and the covariances of their pairs.
    """
    pairs = covariance.select("class_l", "class_r", "covariance")
    sds = {left: round(value**0.5, 9) for left, right, value in pairs.iter_rows() if left == right}
    terms: list[tuple] = [
        row
        for name, text in coverage.sort("coverage_class").select("coverage_class", "members").iter_rows()
        for sex, age, group in json.loads(text)
        for row in _factor_terms(name, (sex, age, group), sds[name], periods.stock_years)
    ]
    terms += [
        (f"{measure} {year}", measure, None, None, None, None, year, error)
        for measure, error in sorted(flow_errors.model_dump().items())
        for year in periods.flow_years
    ]
    terms += nationality[0]
    write_text(pl.DataFrame(terms, schema=TERM_TYPES, orient="row").write_csv(), out / "bias_terms.csv")
    term, other = ("coverage " + pl.col(name) for name in ("class_l", "class_r"))
    distinct = pairs.filter(pl.col("class_l") < pl.col("class_r")).sort("class_l", "class_r")
    all_pairs = pl.concat([distinct.select(term.alias("term"), other.alias("other"), "covariance"), nationality[1]])
    write_text(all_pairs.write_csv(), out / "bias_covariance.csv")


def _factor_terms(
    name: str, cell: tuple[str, str, str], sd: float, years: tuple[int, ...]
) -> Iterator[tuple[str, str, str, str, int, int, int | None, float]]:
    """Yield the scope of a class's factor in one cell: those born before the first stock, and those born since."""
    sex, age, group = cell
    start, end = AGE_RANGES[age]
    if start > years[-1] - years[0]:
        yield f"coverage {name}", "population", sex, group, start, end, None, sd
        return
    for year in years:
        born_since = year - years[0]  # younger than this at the end of `year`
        if start < born_since:
            yield f"births, {name}", "population", sex, group, start, min(end, born_since - 1), year, sd
        if end >= born_since:
            yield f"coverage {name}", "population", sex, group, max(start, born_since), end, year, sd
