"""The errors that cells of the account share: coverage factors within a class, flow sources within a year."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from estimation.account.bias_terms import TERM_TYPES
from estimation.account.error_parts import PARTS_OF_TERMS
from estimation.account.factor_errors import covariance_by_source, of_infants_by_source, pairs_of_factors
from estimation.cells import GROSS_FLOWS, cells_of_classes
from estimation.interval_sources import NATIONALITY, not_known_yet, of_children, of_group, of_year
from estimation.nationality_error import Term
from pipeline.schemas import AGE_GROUP_STARTS, AGE_GROUPS, NATIONALITY_GROUPS
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


@dataclass(frozen=True)
class SharedErrors:
    """What is known of errors that cells share: the tables `coverage` and `coverage_covariance`, and those of flows.

    `not_final` has the share of cases that are `not_decided`, by measure, year and nationality group; `nationality`
    has the terms of `nationality_terms` and the covariances of their pairs. Where several surveys give factors of
    years, `covariance` is that of classes and years, with `year_l` and `year_r`.
    `declared_error` is the declared relative standard error of all factors together.
    """

    coverage: pl.DataFrame
    covariance: pl.DataFrame
    flows: FlowErrors
    not_final: Mapping[tuple[str, int, str], float]
    nationality: tuple[Sequence[Term], pl.DataFrame]
    declared_error: float = 0.0


def write_bias_terms(periods: Periods, shared: SharedErrors, out: Path) -> pl.DataFrame:
    """Write `bias_terms.csv` and `bias_covariance.csv` of an account, and return the `terms` of its `ErrorParts`.

    There is one term for the factor of every coverage class in all years (in each, where factors are of years), one
    for each flow measure and year, one for each flow measure and nationality group, and for its children, in all
    years, and one for the group in a year that is not final. Children born in the account's years are compared with
    exact births; what that shows of the factor is true of infants and not of the rest of their class, so their
    factor's error is a term of its own.
    """
    pairs = pairs_of_factors(shared.covariance).select("term", "other", "covariance")
    sds = {left: round(value**0.5, 9) for left, right, value in pairs.iter_rows() if left == right}
    by_year = "year_l" in shared.covariance.columns
    own = shared.coverage.select("coverage_class", pl.col("standard_error") / pl.col("factor"))
    of_infants = {name: round(error, 9) if by_year else sds[f"coverage {name}"] for name, error in own.iter_rows()}
    sds |= {f"births, {name}": sd for name, sd in of_infants.items()}
    terms: list[tuple] = [
        (*row, sds[row[0]])
        for name, *cell in cells_of_classes(shared.coverage.sort("coverage_class")).iter_rows()
        for row in _factor_scopes(name, cell, periods.stock_years, by_year=by_year)
    ]
    of_flows = list(_flow_terms(periods, shared))
    terms += [row for _, row in of_flows]
    terms += shared.nationality[0]
    write_text(pl.DataFrame(terms, schema=TERM_TYPES, orient="row").write_csv(), out / "bias_terms.csv")
    named = pl.col("term", "other").is_in(list({row[0] for row in terms}))  # others cover no cell
    distinct = pairs.filter(named, pl.col("term") < pl.col("other")).sort("term", "other")
    write_text(pl.concat([distinct, shared.nationality[1]]).write_csv(), out / "bias_covariance.csv")
    return pl.concat(
        [
            covariance_by_source(shared.covariance, shared.declared_error),
            of_infants_by_source(shared.coverage, shared.covariance, shared.declared_error),
            _alone([(source, row[0], row[-1]) for source, row in of_flows]),
            _alone([(NATIONALITY, row[0], row[-1]) for row in shared.nationality[0]]),
            _both_orders(shared.nationality[1], NATIONALITY),
        ]
    )


def _alone(terms: Sequence[tuple[str, str, float]]) -> pl.DataFrame:
    """Return the variances of terms, given as source, term and standard deviation, each of one source."""
    rows = [(term, term, source, sd**2) for source, term, sd in terms]
    return pl.DataFrame(rows, schema=PARTS_OF_TERMS, orient="row")


def _both_orders(pairs: pl.DataFrame, source: str) -> pl.DataFrame:
    named = pairs.select("term", "other", pl.lit(source).alias("error_source"), "covariance")
    return pl.concat([named, named.with_columns(term="other", other="term")])


def _flow_terms(periods: Periods, shared: SharedErrors) -> Iterator[tuple[str, tuple]]:
    """Yield the terms of flows, each with its source of error.

    They are by measure and year, nationality group, children, and group in years that are not final.
    """
    errors, oldest_child = shared.flows, AGE_RANGES[AGE_GROUPS[0]][1]
    for measure in sorted(GROSS_FLOWS):
        for year in periods.flow_years:
            error = errors.of_year(measure)
            yield of_year(measure), (f"{measure} {year}", measure, None, None, None, None, year, error)
        for group in NATIONALITY_GROUPS:
            yield of_group(measure), (f"{measure} {group}", measure, None, group, None, None, None, errors.by_group)
        children = (f"{measure} of children", measure, None, None, 0, oldest_child, None, errors.children)
        yield of_children(measure), children
    for (measure, year, group), share in sorted(shared.not_final.items()):
        if year in periods.flow_years:
            error = round(share * errors.of_open_cases(measure)[group], 9)
            yield (
                not_known_yet(measure), (f"{measure} {year} {group}", measure, None, group, None, None, year, error)
            )  # fmt: skip


def _factor_scopes(
    name: str, cell: Sequence[str], years: tuple[int, ...], *, by_year: bool
) -> Iterator[tuple[str, str, str, str, int, int, int | None]]:
    """Yield the scope of a class's factor in one cell: those born before the first stock, and those born since.

    The factor is one of all years, or of each `by_year`, with the year in its name.
    """
    sex, age, group = cell
    start, end = AGE_RANGES[age]
    if start > years[-1] - years[0] and not by_year:
        yield f"coverage {name}", "population", sex, group, start, end, None
        return
    for year in years:
        born_since = year - years[0]  # younger than this at the end of `year`
        if start < born_since:
            yield f"births, {name}", "population", sex, group, start, min(end, born_since - 1), year
        if end >= born_since:
            term = f"coverage {name} {year}" if by_year else f"coverage {name}"
            yield term, "population", sex, group, max(start, born_since), end, year
