"""Reads the files of an account: stocks and flows by sex, nationality group and cohort, their errors and biases.

A folder contains `population.csv`, `immigration.csv`, `emigration.csv`, `births.csv`, `deaths.csv`, the
standard deviations of the independent errors (`population_sd.csv`, `immigration_sd.csv`,
`emigration_sd.csv`), `bias_terms.csv` and, where biases are correlated, `bias_covariance.csv`.
`time` is the year in which a period ends. docs/estimation.md describes every column.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from estimation.account.smoothed_counts import with_smoothed_counts
from estimation.arrays import Booleans, Floats, Integers
from pipeline.errors import UserError, unknown

SERIES = ["sex", "nationality_group", "cohort"]
ACCOUNT_CELL = [*SERIES, "time"]
NOISY = ("population", "immigration", "emigration")
EXACT = ("births", "deaths")
"""Measures observed with error, and measures taken as exact."""
SEX_CODES = {"F": "F", "M": "M", "Female": "F", "Male": "M"}
ONE_GROUP = "all"
"""Nationality group of files that do not divide people by nationality."""
TERM_TYPES = {
    "term": pl.String,
    "measure": pl.String,
    "sex": pl.String,
    "nationality_group": pl.String,
    "age_from": pl.Int32,
    "age_to": pl.Int32,
    "time": pl.Int32,
    "sd": pl.Float64,
}


@dataclass(frozen=True)
class BiasTerms:
    """Relative biases shared by cells: `scope` has one row per term and part of its scope, blank meaning all.

    `names` are the terms in order, `covariance` (terms, terms) is their prior covariance.
    """

    names: tuple[str, ...]
    scope: pl.DataFrame
    covariance: Floats


@dataclass(frozen=True)
class AccountFiles:
    """Cells by measure (`ACCOUNT_CELL`, `age`, `count`, noisy ones also `sd`, `smoothed_count`), and the biases."""

    cells: dict[str, pl.DataFrame]
    biases: BiasTerms

    @property
    def series(self) -> pl.DataFrame:
        """All series of any measure, in order."""
        return pl.concat([one.select(SERIES) for one in self.cells.values()]).unique().sort(SERIES)


def read_account_files(folder: Path) -> AccountFiles:
    """Return the account files of a folder; raises `UserError` that names a missing file, column or value."""
    cells = {name: _read_cells(folder / f"{name}.csv") for name in NOISY + EXACT}
    for name in NOISY:
        errors = _read_cells(folder / f"{name}_sd.csv", value="sd")
        joined = cells[name].join(
            errors.select(*ACCOUNT_CELL, "sd"), on=ACCOUNT_CELL, how="left", maintain_order="left"
        )
        missing = joined.filter(pl.col("sd").is_null() | ~(pl.col("sd") > 0))
        if missing.height:
            first = missing.row(0, named=True)
            raise UserError(
                f"{folder / f'{name}_sd.csv'}: {missing.height} cells of {name}.csv have no standard deviation "
                f"above 0, the first {', '.join(f'{key}={first[key]}' for key in ACCOUNT_CELL)}. Add them."
            )
        cells[name] = with_smoothed_counts(joined, stock=name == "population")
    return AccountFiles(cells, read_bias_terms(folder))


def _read_csv(path: Path, required: list[str]) -> pl.DataFrame:
    try:
        frame = pl.read_csv(path, glob=False, infer_schema=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. An account needs it; docs/estimation.md describes it.") from None
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error}). It must be UTF-8 with a header.") from None
    for name in required:
        if name not in frame.columns:
            raise UserError(f"{path}: the column '{name}' is missing. The file needs {', '.join(required)}.")
    return frame


def _cast_numbers(frame: pl.DataFrame, path: Path, types: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        return frame.with_columns(pl.col(name).cast(kind) for name, kind in types.items() if name in frame.columns)
    except pl.exceptions.PolarsError as error:
        raise UserError(f"{path}: a value is not a number ({str(error).splitlines()[0]}). Correct it.") from None


def _recode_sexes(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    for value in frame["sex"].drop_nulls().unique().sort():
        if value not in SEX_CODES:
            raise unknown("sex", value, SEX_CODES, str(path))
    return frame.with_columns(pl.col("sex").replace_strict(SEX_CODES, default=None))


def _read_cells(path: Path, value: str = "count") -> pl.DataFrame:
    """Return one file as one row per cell; triangles of one cohort and period are added up (sds as squares).

    Births belong to the newborn cohort, whatever age and cohort of the mother the file contains.
    """
    newborn = path.stem == "births"
    stock = path.stem.removesuffix("_sd") == "population"
    required = ["sex", "time", value] + ([] if newborn else ["age"] if stock else ["cohort"])
    types = {"time": pl.Int32, value: pl.Float64, "age": pl.Int32, "cohort": pl.Int32}
    frame = _recode_sexes(_cast_numbers(_read_csv(path, required), path, types), path)
    if "nationality_group" not in frame.columns:
        frame = frame.with_columns(nationality_group=pl.lit(ONE_GROUP))
    if newborn:
        frame = frame.with_columns(cohort=pl.col("time"))
    elif stock:
        frame = frame.with_columns(cohort=pl.col("time") - pl.col("age"))
    if frame.select(*ACCOUNT_CELL, value).null_count().sum_horizontal().item():
        raise UserError(f"{path}: a row without {', '.join(ACCOUNT_CELL)} or {value}. Every row needs all of them.")
    total = pl.col(value).sum() if value == "count" else (pl.col(value) ** 2).sum().sqrt()
    # Float sums whose bytes are stable: a sorted frame, a few terms per group, always in the same order.
    ordered = frame.sort(ACCOUNT_CELL, maintain_order=True).group_by(ACCOUNT_CELL, maintain_order=True).agg(total)
    return ordered.with_columns(age=pl.col("time") - pl.col("cohort"))


def read_bias_terms(folder: Path) -> BiasTerms:
    """Return the shared biases of a folder; raises `UserError` for unknown measures, terms or negative sds."""
    path = folder / "bias_terms.csv"
    scope = _read_csv(path, ["term", "measure", "sd"])
    scope = scope.with_columns(pl.lit(None).alias(name) for name in TERM_TYPES if name not in scope.columns)
    scope = _recode_sexes(_cast_numbers(scope.select(list(TERM_TYPES)), path, TERM_TYPES), path)
    for measure in scope["measure"].unique().sort():
        if measure not in NOISY:
            raise unknown("measure", str(measure), NOISY, str(path))
    if scope.filter(pl.col("sd").is_null() | (pl.col("sd") < 0)).height:
        raise UserError(f"{path}: every term needs an 'sd' of at least 0.")
    sd_by_term = scope.group_by("term", maintain_order=True).agg(pl.col("sd").unique())
    if sd_by_term.filter(pl.col("sd").list.len() > 1).height:
        raise UserError(f"{path}: the rows of one term need the same 'sd', because they share one bias.")
    names = tuple(sd_by_term["term"])
    sds = sd_by_term["sd"].list.first().to_numpy() if names else np.zeros(0)
    covariance = np.diag(sds.astype(float) ** 2)
    _read_covariance(folder / "bias_covariance.csv", names, covariance)
    return BiasTerms(names, scope, covariance)


def _read_covariance(path: Path, names: tuple[str, ...], covariance: Floats) -> None:
    """Fill in the covariances of pairs of terms; a folder without the file has independent biases."""
    if not path.exists():
        return
    frame = _cast_numbers(_read_csv(path, ["term", "other", "covariance"]), path, {"covariance": pl.Float64})
    position = {name: index for index, name in enumerate(names)}
    for name in sorted(set(frame["term"]) | set(frame["other"])):
        if name not in position:
            raise unknown("term", str(name), names, str(path))
    rows = frame["term"].replace_strict(position, return_dtype=pl.Int64).to_numpy()
    columns = frame["other"].replace_strict(position, return_dtype=pl.Int64).to_numpy()
    off_diagonal = rows != columns  # the variances are the squares of the terms' own sds
    for i, j in ((rows, columns), (columns, rows)):
        covariance[i[off_diagonal], j[off_diagonal]] = frame["covariance"].to_numpy()[off_diagonal]


def in_scope(row: dict, ages: Integers, times: Integers, series: pl.DataFrame) -> Booleans:
    """Return which cells (series, times) one row of a term's scope covers; blank means all."""
    covered = np.ones(ages.shape, dtype=bool)
    for name in ("sex", "nationality_group"):
        if row[name] is not None:
            covered &= (series[name] == row[name]).to_numpy()[:, None]
    if row["age_from"] is not None:
        covered &= ages >= row["age_from"]
    if row["age_to"] is not None:
        covered &= ages <= row["age_to"]
    if row["time"] is not None:
        covered &= (times == row["time"])[None, :]
    return covered
