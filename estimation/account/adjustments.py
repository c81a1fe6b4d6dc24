"""The adjustments of an account by area, source, sex and age group, with their totals."""

from functools import reduce
from operator import add

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.adjusted_sums import AdjustedSums, Reports
from estimation.account.files import AccountFiles
from estimation.account.left_out import sources
from estimation.account.solve import SolvedAccount
from pipeline.schemas import AGE_GROUP_STARTS, AGE_GROUPS, ALL

AGES = (*AGE_GROUPS, ALL)


def adjustments(files: AccountFiles, solved: SolvedAccount) -> pl.DataFrame:
    """Return by how much totals of every area, source, sex and age group differ from what is reported.

    Columns: `area` (blank: all of several), if the files have areas, `measure, time, sex, age_group, reported,
    adjustment, standard_error, z, estimate`. Sexes are as the files write them, and nationality groups are added up.
    Totals of no cell are left out.
    """
    given = files.given["population"]
    codes = files.cells["population"]["sex"]
    sexes = {code: given["sex"][int(codes.index_of(code) or 0)] for code in codes.unique().sort()}
    divided = "area" in given.columns
    keys = _keys(solved, [*sexes.values(), ALL])
    found: list[AdjustedSums] = []
    counts: list[np.ndarray] = []
    for area in solved.areas():
        reports = Reports.of(area, solved.terms)
        weights = _weights(reports, list(sexes), keys.height)
        found.append(reports.sums(weights))
        counts.append(np.diff(weights.indptr))
    names: list[str | None] = [one.name for one in solved.cells]
    if len(found) > 1:
        found.append(reduce(add, found))
        counts.append(np.sum(counts, axis=0))
        names.append(None)
    tables = [
        keys.with_columns(pl.lit(name, pl.String).alias("area"), **one.columns()).filter(pl.Series(number > 0))
        for name, one, number in zip(names, found, counts, strict=True)
    ]
    return pl.concat(tables).select(*(["area"] if divided else []), *keys.columns, *found[0].columns())


def _keys(solved: SolvedAccount, sexes: list[str]) -> pl.DataFrame:
    of_sources = [*sources(solved.cells[0].columns)]
    named = pl.DataFrame(of_sources, schema={"measure": pl.String, "time": pl.Int32}, orient="row")
    divisions = pl.DataFrame({"sex": sexes}).join(pl.DataFrame({"age_group": AGES}), how="cross")
    return named.join(divisions, how="cross", maintain_order="left_right")


def _weights(reports: Reports, sexes: list[str], rows: int) -> sparse.csr_array:
    """Return the weights (rows of `_keys`, cells) of an area: a cell is in sums of its sex and age and of all."""
    cells = reports.area.balance.cells
    series, column = np.unravel_index(reports.places, cells.observed.shape)
    numbers = {key: number for number, key in enumerate(sources(cells.columns))}
    of_columns = zip(cells.columns.measures, cells.columns.years.tolist(), strict=True)
    source = np.array([numbers[key] for key in of_columns])
    sex = cells.series["sex"].replace_strict({code: place for place, code in enumerate(sexes)}).to_numpy()
    age = np.searchsorted(AGE_GROUP_STARTS, cells.ages.ravel()[reports.places], side="right") - 1
    shape = (len(numbers), len(sexes) + 1, len(AGES))
    row = [
        np.ravel_multi_index((source[column], *divisions), shape)
        for divisions in (
            (of_sex, of_age)
            for of_sex in (sex[series], np.full(len(series), len(sexes)))
            for of_age in (age, np.full(len(series), len(AGE_GROUPS)))
        )
    ]
    cell = np.tile(np.arange(len(series)), len(row))
    return sparse.csr_array((np.ones(len(cell)), (np.concatenate(row), cell)), shape=(rows, len(series)))
