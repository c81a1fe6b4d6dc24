"""Reconciles stocks and flows that contradict one another, so that the accounting identity holds exactly.

For every sex, nationality group and cohort: people at the end of a year = people at its start + births
- deaths + immigrants - emigrants. Births and deaths are constants; stocks and flows are noisy, and share
biases. The balancing is that of Stone, Champernowne & Meade (1942) in the arrow form of `least_squares`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse

from estimation.account.files import EXACT, NOISY, SERIES, AccountFiles, in_scope, read_account_files
from estimation.account.least_squares import Observations, Solution, bounded, solve
from estimation.arrays import Floats, Integers
from estimation.cells import age_group
from pipeline.errors import UserError


@dataclass(frozen=True)
class Total:
    """An estimate of any sum of cells, with its standard error."""

    estimate: float
    standard_error: float


@dataclass(frozen=True)
class Account:
    """A reconciled account: its cells, and the exact covariance behind any total of them.

    `cells` has one row per cell of a noisy measure: `measure, time, sex, nationality_group, cohort, age,
    observed, estimate`; `exact` has the same for births and deaths. The estimates follow from the states z of
    the solution: `state_weights` z + `offsets`.
    """

    cells: pl.DataFrame
    exact: pl.DataFrame
    solution: Solution
    state_weights: sparse.csr_array
    offsets: Floats
    biases: pl.DataFrame

    def total(self, selector: pl.Expr, minus: pl.Expr | None = None) -> Total:
        """Return the sum of the cells that `selector` picks, less those that `minus` picks.

        `account.total(pl.col("measure") == "immigration", minus=pl.col("measure") == "emigration")` is net
        migration over all years.
        """
        weights = self.cells.select(selector.cast(pl.Float64)).to_series().to_numpy()
        if minus is not None:
            weights = weights - self.cells.select(minus.cast(pl.Float64)).to_series().to_numpy()
        values, variances = self.totals(sparse.csr_array(weights[None, :]))
        return Total(float(values[0]), float(np.sqrt(variances[0])))

    def totals(self, weights: sparse.csr_array) -> tuple[Floats, Floats]:
        """Return value and variance of every row of `weights` (rows, cells)."""
        values = np.asarray(weights @ self.cells["estimate"].to_numpy())
        return values, np.maximum(self.solution.variances(sparse.csr_array(weights @ self.state_weights)), 0.0)


def reconcile(folder: Path) -> Account:
    """Return the account of the files in a folder (docs/estimation.md describes them).

    No sum of a measure over one sex, age group and nationality group in one year is negative: where least
    squares alone would make one so, the nearest account without negative sums is taken. Single cohorts are not
    bound: bounding hundreds of nearly empty cells would inflate gross flows. Standard errors are those
    before bounds. Raises `UserError` for files that do not make an account.
    """
    return balance(read_account_files(folder), str(folder))


def balance(files: AccountFiles, where: str) -> Account:
    """Return the account of files already read; `where` names them in errors."""
    times = _times(files, where)
    layout = _lay_out(files, times)
    try:
        unbounded = solve(layout.observations)
    except ValueError as error:
        raise UserError(f"{where}: {error}. Add population cells for it.") from None
    series = len(layout.observations.values)
    all_rows = sparse.kron(sparse.eye_array(series), sparse.csr_array(layout.observations.model), format="csr")
    rows = sparse.csr_array(all_rows[layout.position])
    groups = _published_groups(layout.cells)
    solution = bounded(unbounded, sparse.csr_array(groups @ rows), np.asarray(groups @ layout.offsets))
    estimate = np.asarray(rows @ solution.states.ravel()) + layout.offsets
    exact = pl.concat(
        [files.cells[name].filter(pl.col("time") > times[0]).with_columns(measure=pl.lit(name)) for name in EXACT]
    )
    return Account(
        cells=layout.cells.with_columns(estimate=pl.Series(estimate)),
        exact=exact.select("measure", "time", *SERIES, "age", observed="count", estimate="count"),
        solution=solution,
        state_weights=rows,
        offsets=layout.offsets,
        biases=_bias_table(files, solution),
    )


def _times(files: AccountFiles, where: str) -> Integers:
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


@dataclass(frozen=True)
class _Layout:
    """The cells of an account as observations of series.

    `position` is the row of each cell among all rows (series, rows of the model), `offsets` its births less
    deaths since the first stock.
    """

    cells: pl.DataFrame
    position: Integers
    offsets: Floats
    observations: Observations


def _lay_out(files: AccountFiles, times: Integers) -> _Layout:
    """Return the files as observations: the state of a series is its first stock, immigrants, then emigrants.

    A flow without a row in the files does not exist; a stock without a row is not observed.
    """
    series, steps = files.series.with_row_index("series"), len(times) - 1
    count, width, height = series.height, 2 * steps + 1, 3 * steps + 1
    model = np.vstack(
        [np.hstack([np.ones((steps + 1, 1)), _cumulative(steps), -_cumulative(steps)]), np.eye(width)[1:]]
    )
    values, variances = np.zeros((count, height)), np.full((count, height), np.inf)
    smoothed = np.zeros((count, height))
    first_row = {"population": 0, "immigration": steps, "emigration": 2 * steps}
    cells, positions = [], []
    for name in NOISY:
        rows = files.cells[name].join(series, on=SERIES, how="left", maintain_order="left")
        at = (rows["series"].to_numpy().astype(np.int64), rows["time"].to_numpy() - times[0] + first_row[name])
        values[at], variances[at] = rows["count"].to_numpy(), rows["sd"].to_numpy() ** 2
        smoothed[at] = rows["smoothed_count"].to_numpy()
        cells.append(
            rows.select(pl.lit(name).alias("measure"), "time", *SERIES, "age", pl.col("count").alias("observed"))
        )
        positions.append(at[0] * height + at[1])
    constants = np.zeros((count, height))
    constants[:, : steps + 1] = _natural_change(files, series, times)
    exists = np.isfinite(variances)
    begins = exists[:, : steps + 1].any(axis=1) & (series["cohort"] <= int(times[0])).to_numpy()
    biases = _bias_design(files, series, times, smoothed)
    observations = Observations(
        model=model,
        values=values - np.where(exists, constants, 0.0),
        variances=variances,
        biases=biases,
        bias_covariance=files.biases.covariance,
        exists=np.hstack([begins[:, None], exists[:, steps + 1 :]]),
    )
    position = np.concatenate(positions)
    return _Layout(pl.concat(cells), position, constants.ravel()[position], observations)


def _cumulative(steps: int) -> Floats:
    """Return the matrix that adds up all steps before each stock."""
    return np.vstack([np.zeros((1, steps)), np.tril(np.ones((steps, steps)))])


def _natural_change(files: AccountFiles, series: pl.DataFrame, times: Integers) -> Floats:
    """Return births less deaths since the first stock, (series, stocks)."""
    change = np.zeros((series.height, len(times)))
    for name, sign in zip(EXACT, (1.0, -1.0), strict=True):
        rows = files.cells[name].filter(pl.col("time").is_between(int(times[0]) + 1, int(times[-1])))
        rows = rows.join(series, on=SERIES, how="left", maintain_order="left")
        change[rows["series"].to_numpy().astype(np.int64), rows["time"].to_numpy() - times[0]] += (
            sign * rows["count"].to_numpy()
        )
    return np.cumsum(change, axis=1)


def _bias_design(files: AccountFiles, series: pl.DataFrame, times: Integers, smoothed: Floats) -> Floats:
    """Return the effect of every bias on every observation: the smoothed count where it applies."""
    steps, names = len(times) - 1, files.biases.names
    design = np.zeros((series.height, 3 * steps + 1, len(names)))
    ages = times[None, :] - series["cohort"].to_numpy().astype(np.int64)[:, None]
    columns_of = {
        "population": (slice(0, steps + 1), slice(0, None)),
        "immigration": (slice(steps + 1, 2 * steps + 1), slice(1, None)),
        "emigration": (slice(2 * steps + 1, None), slice(1, None)),
    }
    for row in files.biases.scope.iter_rows(named=True):
        columns, when = columns_of[row["measure"]]
        covered = in_scope(row, ages[:, when], times[when], series)
        effect = design[:, columns, names.index(row["term"])]
        effect[covered] = smoothed[:, columns][covered]
    return design


def _published_groups(cells: pl.DataFrame) -> sparse.csr_array:
    """Return the sums over each measure, year, sex, age group and nationality group, (groups, cells)."""
    keys = cells.select("measure", "time", "sex", age_group(pl.col("age")), "nationality_group")
    groups = keys.unique().sort(keys.columns).with_row_index("group")
    group = keys.join(groups, on=keys.columns, how="left", maintain_order="left")["group"].to_numpy().astype(np.int64)
    return sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))))


def _bias_table(files: AccountFiles, solution: Solution) -> pl.DataFrame:
    prior, posterior = np.diag(files.biases.covariance), np.diag(solution.bias_covariance)
    return pl.DataFrame(
        {
            "term": list(files.biases.names),
            "prior_sd": np.sqrt(prior),
            "bias": solution.biases,
            "sd": np.sqrt(np.maximum(posterior, 0.0)),
        },
        schema={"term": pl.String, "prior_sd": pl.Float64, "bias": pl.Float64, "sd": pl.Float64},
    )
