"""Coverage factors of every year from several surveys: an average of the surveys' factors, with a drift between days.

The factor of a class is a random walk over the years, with a step of the relative standard deviation `drift` a year;
each survey observes it on its own day, with its own error. The estimate of a year is the best linear unbiased one:
surveys weighted by the inverse covariance of what each of them misses that year by (generalised least squares of a
common mean, C. R. Rao 1973, Linear Statistical Inference, section 4a; A. C. Harvey 1989, Forecasting, Structural Time
Series Models and the Kalman Filter, section 2.3, for the local level).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.cells import DIVISIONS, cells_of_classes
from estimation.exact_sums import exact_sum

NOBODY = 0.001
"""What a cell without people weighs in its class, so that a class without people has a factor too."""
SMALLEST_VARIANCE = 1e-12
"""Relative variance that even a perfect survey keeps, so that weights of two of them exist."""
SHARED = ("declared", "dependence")
"""Errors that are the same whichever survey is asked, on whatever day: those of the study's own survey."""


@dataclass(frozen=True)
class SurveyFactors:
    """What the survey of a `year` says: factors of classes, and relative covariances, (classes, classes)."""

    year: int
    factor: Floats
    sampling: Floats
    linkage: Floats


@dataclass(frozen=True)
class CombinedFactors:
    """Factors of years and classes, (years, classes), and the relative covariances of their errors.

    `weight` is (years, classes, surveys); covariances are (years x classes, years x classes), year by year.
    """

    factor: Floats
    weight: Floats
    sampling: Floats
    linkage: Floats
    drift: Floats


@dataclass(frozen=True)
class CoverageByYear:
    """The table `coverage_by_year`, and the covariances of relative errors by pair of class and year."""

    table: pl.DataFrame
    covariance: pl.DataFrame


def in_classes(
    year: int, coverage: pl.DataFrame, covariance: pl.DataFrame, classes: pl.DataFrame, counted: pl.DataFrame
) -> SurveyFactors:
    """Return what a survey says of `classes` (a table `coverage`), whatever its own classes are.

    `coverage` and `covariance` are the tables of the survey, `counted` (`DIVISIONS`, `count`) the people counted on
    its day. A class has the factor by which its people become as many as the survey's factors of their cells make
    them, and each of those factors errs in proportion to the people whom it makes.
    """
    cells = (
        _people(classes, counted)
        .rename({"coverage_class": "own"})
        .join(cells_of_classes(coverage), on=DIVISIONS, maintain_order="left")
    )
    cells = cells.join(coverage.select("coverage_class", "factor"), on="coverage_class", maintain_order="left")
    own, theirs = (_positions(frame) for frame in (classes, coverage))
    rows, columns = (
        np.array([at[one] for one in cells[name]], dtype=np.int64)
        for name, at in (("own", own), ("coverage_class", theirs))
    )
    people = cells["people"].to_numpy()
    residents = np.zeros((len(own), len(theirs)))
    np.add.at(residents, (rows, columns), people * cells["factor"].to_numpy())
    factor = residents.sum(axis=1) / np.bincount(rows, weights=people, minlength=len(own))
    parts = residents / residents.sum(axis=1, keepdims=True)
    sampling, linkage = (parts @ _matrix(covariance, name, theirs) @ parts.T for name in ("sampling", "linkage"))
    return SurveyFactors(year, factor, sampling, linkage)


def combine(surveys: Sequence[SurveyFactors], years: Sequence[int], drift: Floats) -> CombinedFactors:
    """Return the factors of `years` from `surveys`; `drift` (classes) is the standard deviation of a year's step.

    Survey k of day s errs in year t by its own error and the steps between s and t, which all surveys that lie
    beyond them share. Weights are those of least variance within each class.
    """
    paths = _paths([one.year for one in surveys], years)  # years, surveys, steps
    shared_steps = np.einsum("tki,tli->tkl", paths, paths)
    own = np.array([np.diag(one.sampling + one.linkage) for one in surveys]).T + SMALLEST_VARIANCE
    errors = drift[None, :, None, None] ** 2 * shared_steps[:, None] + np.einsum(
        "gk,kl->gkl", own, np.eye(len(paths[0]))
    )
    solved = np.linalg.solve(errors, np.ones((*errors.shape[:3], 1)))[..., 0]
    weight = solved / solved.sum(axis=2, keepdims=True)
    sampling, linkage = (
        _flat(sum(_outer(weight[..., k]) * getattr(one, name)[None, :, None, :] for k, one in enumerate(surveys)))
        for name in ("sampling", "linkage")
    )
    steps = drift[None, :, None] * np.einsum("tgk,tki->tgi", weight, paths)
    of_class = np.einsum("tgi,ugi->tgu", steps, steps)
    return CombinedFactors(
        factor=np.einsum("tgk,kg->tg", weight, np.array([one.factor for one in surveys])),
        weight=weight,
        sampling=sampling,
        linkage=linkage,
        drift=_flat(np.einsum("tgu,gh->tguh", of_class, np.eye(len(drift)))),
    )


def factors_by_year(
    coverage: pl.DataFrame,
    covariance: pl.DataFrame,
    surveys: Sequence[SurveyFactors],
    years: Sequence[int],
    drift: Mapping[str, float],
    counted: pl.DataFrame,
) -> CoverageByYear:
    """Return the factors of all years from the study's own survey (the first of `surveys`) and others.

    `coverage` and `covariance` are the tables of the own survey, `drift` is by nationality group; a class of several
    groups drifts as its people, `counted` on the survey's day, do on average. `weight` is that of the own survey.
    """
    classes = coverage["coverage_class"].to_list()
    found = combine(surveys, years, _drift_of_classes(coverage, counted, drift))
    parts: dict[str, Floats] = {"sampling": found.sampling, "linkage": found.linkage, "drift": found.drift}
    for name in SHARED:
        parts[name] = np.tile(_matrix(covariance, name, _positions(coverage)), (len(years), len(years)))
    total = np.sum(list(parts.values()), axis=0)
    year, name = np.repeat(years, len(classes)), classes * len(years)
    factor = found.factor.ravel()
    table = pl.DataFrame({
        "coverage_class": name, "year": year, "factor": factor,
        "standard_error": factor * np.sqrt(np.diag(total)),
        "standard_error_drift": factor * np.sqrt(np.diag(found.drift)),
        "weight": found.weight[..., 0].ravel(),
    })  # fmt: skip
    size = len(name)
    left, right = np.repeat(np.arange(size), size), np.tile(np.arange(size), size)
    pairs = pl.DataFrame({
        f"{key}_{side}": pl.Series(values)[at]
        for side, at in (("l", left), ("r", right))
        for key, values in (("class", name), ("year", year))
    } | {one: matrix.ravel() for one, matrix in {"covariance": total, **parts}.items()})  # fmt: skip
    return CoverageByYear(
        table.with_columns(pl.col(pl.Float64).round(9)), pairs.with_columns(pl.col(pl.Float64).round(12))
    )


def _paths(days: Sequence[int], years: Sequence[int]) -> Floats:
    """Return the steps from each survey to each year, (years, surveys, steps): 1 forwards, -1 backwards, else 0."""
    steps = np.arange(min(*days, *years), max(*days, *years))
    year, day = np.array(years)[:, None, None], np.array(days)[None, :, None]
    return ((steps >= day) & (steps < year)).astype(float) - ((steps >= year) & (steps < day))


def _outer(weight: Floats) -> Floats:
    return np.einsum("tg,uh->tguh", weight, weight)


def _flat(blocks: Floats) -> Floats:
    """Return (years, classes, years, classes) as a matrix."""
    size = blocks.shape[0] * blocks.shape[1]
    return blocks.reshape(size, size)


def _people(coverage: pl.DataFrame, counted: pl.DataFrame) -> pl.DataFrame:
    """Return `coverage_class, DIVISIONS, people` of every cell."""
    sums = counted.group_by(DIVISIONS).agg(people=exact_sum(pl.col("count")))
    cells = cells_of_classes(coverage).join(sums, on=DIVISIONS, how="left", maintain_order="left")
    return cells.with_columns(pl.col("people").fill_null(0.0).clip(lower_bound=NOBODY))


def _drift_of_classes(coverage: pl.DataFrame, counted: pl.DataFrame, drift: Mapping[str, float]) -> Floats:
    people, own = pl.col("people"), pl.col("nationality_group").replace_strict(drift, return_dtype=pl.Float64)
    by_class = (
        _people(coverage, counted).group_by("coverage_class").agg(drift=exact_sum(people * own) / exact_sum(people))
    )
    return coverage.join(by_class, on="coverage_class", how="left", maintain_order="left")["drift"].to_numpy()


def _positions(coverage: pl.DataFrame) -> dict[str, int]:
    return {name: at for at, name in enumerate(coverage["coverage_class"])}


def _matrix(covariance: pl.DataFrame, name: str, positions: Mapping[str, int]) -> Floats:
    matrix = np.zeros((len(positions), len(positions)))
    rows, columns = ([positions[one] for one in covariance[side]] for side in ("class_l", "class_r"))
    matrix[rows, columns] = covariance[name].to_numpy()
    return matrix
