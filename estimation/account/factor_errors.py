"""The errors of coverage factors as terms of an account, and the sources of error that they consist of."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from estimation.account.error_parts import PARTS_OF_TERMS
from estimation.arrays import Floats, Integers
from estimation.interval_sources import CHILDREN_LEFT, DEPENDENCE, DRIFT, LEFT, SAMPLING, SURVEY_LINKAGE

SOURCES = {"sampling": SAMPLING, "linkage": SURVEY_LINKAGE, "dependence": DEPENDENCE, "drift": DRIFT}
"""Parts of `coverage_covariance` that are of one source of error, and its name."""


def pairs_of_factors(covariance: pl.DataFrame) -> pl.DataFrame:
    """Return `term, other, covariance` of the factors of classes, or of classes and years, and `SOURCES` of it.

    `covariance` is the table `coverage_covariance`, or that of classes and years.
    """
    names = [
        pl.concat_str(
            pl.lit("coverage"), f"class_{side}", *({f"year_{side}"} & {*covariance.columns}), separator=" "
        ).alias(term)
        for side, term in (("l", "term"), ("r", "other"))
    ]
    return covariance.select(*names, "covariance", *(name for name in SOURCES if name in covariance.columns))


def covariance_of_terms(covariance: pl.DataFrame, names: Sequence[str]) -> tuple[Integers, Floats]:
    """Return which terms, of those with these names, are of factors of all years, and the covariance of these.

    `covariance` is the table `coverage_covariance`; the term of infants of a class is independent of others.
    """
    of_pairs = {
        (left, right): value
        for left, right, value in pairs_of_factors(covariance).select("term", "other", "covariance").iter_rows()
    }
    factor = {name: name.replace("births, ", "coverage ", 1) for name in names}
    chosen = [at for at, name in enumerate(names) if (factor[name], factor[name]) in of_pairs]
    infants = [names[at] != factor[names[at]] for at in chosen]
    matrix = np.array([[of_pairs[factor[names[one]], factor[names[other]]] for other in chosen] for one in chosen])
    alone = np.array(infants)[:, None] | np.array(infants)[None, :]
    return np.array(chosen, dtype=np.int64), np.where(alone & ~np.eye(len(chosen), dtype=bool), 0.0, matrix)


def covariance_by_source(covariance: pl.DataFrame, declared_error: float) -> pl.DataFrame:
    """Return the covariance of factors by source of error: the columns of `PARTS_OF_TERMS`.

    Of what is declared, `declared_error` is the relative standard error that all people share; the rest is that of
    children.
    """
    return _by_source(pairs_of_factors(covariance), declared_error)


def of_infants_by_source(coverage: pl.DataFrame, covariance: pl.DataFrame, declared_error: float) -> pl.DataFrame:
    """Return the variance of the factors of infants, a term of its own for each class, by source of error.

    It is that of their class: of the study's own survey, where factors are of years.
    """
    name = pl.concat_str(pl.lit("births,"), "coverage_class", separator=" ")
    if "year_l" in covariance.columns:
        of_survey = {one: f"standard_error_{one}" for one in ("sampling", "linkage", "dependence")}
        columns = {"covariance": "standard_error"} | of_survey
        own = coverage.select(
            name.alias("term"), *((pl.col(of) / pl.col("factor")).pow(2).alias(one) for one, of in columns.items())
        )
    else:
        own = covariance.filter(pl.col("class_l") == pl.col("class_r")).with_columns(coverage_class="class_l")
        own = own.with_columns(name.alias("term"))
    return _by_source(own.with_columns(other="term"), declared_error)


def _by_source(pairs: pl.DataFrame, declared_error: float) -> pl.DataFrame:
    sources = {name: source for name, source in SOURCES.items() if name in pairs.columns}
    of_children = pl.col("covariance") - pl.sum_horizontal(*sources) - declared_error**2
    by_source = pairs.with_columns(of_children.alias(CHILDREN_LEFT), pl.lit(declared_error**2).alias(LEFT))
    return (
        by_source.drop("covariance")
        .rename(sources)
        .unpivot(
            [*sources.values(), LEFT, CHILDREN_LEFT],
            index=["term", "other"],
            variable_name="error_source",
            value_name="covariance",
        )
        .select(list(PARTS_OF_TERMS))
    )
