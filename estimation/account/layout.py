"""Lays out the cells of an account as arrays: for each area, one row per series and one column per cell.

Columns are the stocks of all years, then for each year the two triangles of immigrants, then those of emigrants.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from estimation.account.bias_terms import PRIOR, BiasTerms, covered_cells
from estimation.account.files import EXACT, NOISY, SERIES, AccountFiles
from estimation.arrays import Booleans, Floats, Integers
from pipeline.errors import UserError

TRIANGLES = 2


@dataclass(frozen=True)
class Columns:
    """What the columns of an account are, for the years `times`, the first of which has no flows."""

    times: Integers

    @property
    def steps(self) -> int:
        """Years with flows."""
        return len(self.times) - 1

    @cached_property
    def measures(self) -> list[str]:
        """The measure of each column."""
        return [NOISY[0]] * (self.steps + 1) + [one for one in NOISY[1:] for _ in range(TRIANGLES * self.steps)]

    @cached_property
    def years(self) -> Integers:
        """The year of each column."""
        return np.concatenate([self.times, *[np.repeat(self.times[1:], TRIANGLES)] * 2])

    @cached_property
    def younger(self) -> Integers:
        """By how many years people in each column are younger than they are at the end of the year."""
        triangles = np.tile(np.arange(TRIANGLES), self.steps)
        return np.concatenate([np.zeros(self.steps + 1, dtype=np.int64), triangles, triangles])

    def of(self, measure: str, years: Integers, younger: Integers) -> Integers:
        """Return the columns of cells of one measure."""
        step = years - self.times[0]
        first = {"population": 0, "immigration": self.steps + 1, "emigration": (TRIANGLES + 1) * self.steps + 1}
        return first[measure] + (step if measure == "population" else TRIANGLES * (step - 1) + younger)


@dataclass(frozen=True)
class Design:
    """How much of each bias is in every cell, (series, columns, terms): in reports, and in what was expected."""

    reports: Floats
    expectations: Floats

    @classmethod
    def without_terms(cls, shape: tuple[int, ...]) -> "Design":
        """Return the design of cells without biases."""
        return cls(np.zeros((*shape, 0)), np.zeros((*shape, 0)))


@dataclass(frozen=True)
class AreaCells:
    """The cells of one area, (series, columns), and what is exact.

    A cell that does not `exist` is 0: a flow without a row, or a stock that is not observed, which no identity uses.
    Where a flow is expected before it is observed, `expected` and `expected_variances` say how large it is; elsewhere
    the variance is infinite. `change` (series, years with flows) is births less deaths, and moves between series. For
    each noisy measure, `rows` are the area's rows in the file, and `places` where they are among (series x columns).
    """

    name: str
    series: pl.DataFrame
    columns: Columns
    observed: Floats
    variances: Floats
    smoothed: Floats
    expected: Floats
    expected_variances: Floats
    exists: Booleans
    change: Floats
    places: dict[str, Integers]
    rows: dict[str, Integers]

    @property
    def ages(self) -> Integers:
        """The age of every cell, (series, columns)."""
        cohorts = self.series["cohort"].to_numpy().astype(np.int64)
        return (self.columns.years - self.columns.younger)[None, :] - cohorts[:, None]

    def design(self, terms: BiasTerms, chosen: Integers) -> "Design":
        """Return the effects of the chosen terms on every cell: smoothed counts of reports, expected ones, or 0."""
        names = pl.Series("term", [terms.names[one] for one in chosen], dtype=pl.String)
        index = pl.DataFrame({"term": names, "index": np.arange(len(chosen))})
        part = terms.scope.join(index, on="term", maintain_order="left")
        covered = covered_cells(part, self.series, self.columns.measures, self.ages, self.columns.years)
        reports, expectations = (np.zeros((*self.observed.shape, len(chosen))) for _ in range(2))
        for row, (term, measure) in enumerate(part.select("index", "measure").iter_rows()):
            of_expected = measure.startswith(PRIOR)
            effect, size = (expectations, self.expected) if of_expected else (reports, self.smoothed)
            effect[covered[row], term] = size[covered[row]]
        return Design(reports, expectations)


def lay_out(files: AccountFiles, where: Path | str) -> Iterator[AreaCells]:
    """Yield the cells of each area, in order of the areas; raises `UserError` for files that make no account."""
    columns = Columns(_times(files, where))
    numbered = {name: frame.with_row_index("row") for name, frame in files.cells.items()}
    by_area = {name: _by_area(frame) for name, frame in numbered.items()}
    transfers = _by_area(files.transfers)
    areas = sorted({area for measure in NOISY for area in by_area[measure]})
    strange = sorted((set(transfers) | {area for name in EXACT for area in by_area[name]}) - set(areas))
    if strange:
        raise UserError(f"{where}: the area '{strange[0]}' has births, deaths or moves, but no stocks or flows. "
                        "Add its cells.")  # fmt: skip
    for area in areas:
        cells = {name: by_area[name].get(area, numbered[name].clear()) for name in numbered}
        yield _area(area, cells, transfers.get(area, files.transfers.clear()), columns, where)


def _by_area(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {key[0]: part for key, part in frame.partition_by("area", as_dict=True, maintain_order=True).items()}


def _times(files: AccountFiles, where: Path | str) -> Integers:
    """Return the years of the account: that of the first stock, then one for every year of flows."""
    stocks, flows = files.cells["population"]["time"], files.cells["immigration"]["time"]
    if stocks.is_empty() or flows.is_empty():
        raise UserError(f"{where}: an account needs at least one stock and one year of flows.")
    first, last = int(stocks.min()), int(max(flows.max(), stocks.max()))  # ty: ignore[invalid-argument-type]
    times = np.arange(first, last + 1)
    for name in ("immigration", "emigration"):
        years = sorted(files.cells[name]["time"].unique())
        if years != list(times[1:]):
            raise UserError(
                f"{where}: {name}.csv has the years {years}, but an account whose first stock is that of {first} "
                f"needs every year from {first + 1} to {last}. Add the missing years or remove stocks."
            )
    return times


def _area(
    name: str, cells: dict[str, pl.DataFrame], transfers: pl.DataFrame, columns: Columns, where: Path | str
) -> AreaCells:
    series = pl.concat([cells[one].select(SERIES) for one in NOISY]).unique().sort(SERIES)
    numbered = series.with_row_index("series")
    shape = (series.height, len(columns.years))
    observed, variances, smoothed = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    expected, expected_variances = np.zeros(shape), np.full(shape, np.inf)
    exists, places = np.zeros(shape, dtype=bool), {}
    at_rows = {measure: cells[measure]["row"].to_numpy().astype(np.int64) for measure in NOISY}
    for measure in NOISY:
        rows = cells[measure].join(numbered, on=SERIES, how="left", maintain_order="left")
        years = rows["time"].to_numpy().astype(np.int64)
        younger = years - rows["age"].to_numpy() - rows["cohort"].to_numpy()
        at = (rows["series"].to_numpy().astype(np.int64), columns.of(measure, years, younger))
        observed[at], variances[at] = rows["count"].to_numpy(), rows["sd"].to_numpy() ** 2
        smoothed[at], exists[at] = rows["smoothed_count"].to_numpy(), True
        if "expected" in rows.columns:
            expected[at] = rows["expected"].fill_null(0.0).to_numpy()
            expected_variances[at] = rows["expected_variance"].fill_null(np.inf).to_numpy()
        places[measure] = np.ravel_multi_index(at, shape)
    signed = {"births": cells["births"], "deaths": cells["deaths"].with_columns(-pl.col("count")), "moves": transfers}
    change = np.zeros((series.height, columns.steps))
    for what, rows in signed.items():
        change += _placed(rows, what, numbered, columns, where)
    return AreaCells(
        name,
        series,
        columns,
        observed,
        variances,
        smoothed,
        expected,
        expected_variances,
        exists,
        change,
        places,
        at_rows,
    )


def _placed(rows: pl.DataFrame, what: str, numbered: pl.DataFrame, columns: Columns, where: Path | str) -> Floats:
    """Return exact counts as (series, years with flows)."""
    placed = rows.filter(pl.col("count") != 0).join(numbered, on=SERIES, how="left", maintain_order="left")
    lost = placed.filter(pl.col("series").is_null() | ~pl.col("time").is_in(columns.times[1:].tolist()))
    if lost.height:
        first = lost.row(0, named=True)
        keys = ", ".join(f"{key} {first[key]}" for key in (*SERIES, "time"))
        raise UserError(
            f"{where}: {what} of {keys} (and {lost.height - 1:,} more cells) have no stocks or flows to enter. "
            "Add rows of them to population.csv, immigration.csv and emigration.csv."
        )
    change = np.zeros((numbered.height, columns.steps))
    index = (placed["series"].to_numpy().astype(np.int64), placed["time"].to_numpy() - columns.times[0] - 1)
    np.add.at(change, index, placed["count"].to_numpy())
    return change
