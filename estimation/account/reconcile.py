"""Reconciles stocks and flows that contradict one another, so that the accounting identity holds exactly.

For every sex, nationality group and cohort of an area: people at the end of a year = people at its start + births
- deaths + immigrants - emigrants. Births and deaths are constants; stocks and flows are noisy, and share biases.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from scipy import sparse
from scipy.linalg import solve_triangular
from scipy.optimize import nnls

from estimation.account.bias_terms import BiasTerms
from estimation.account.files import EXACT, NOISY, SERIES, AccountFiles, read_account_files
from estimation.account.layout import AreaCells
from estimation.account.solve import SolvedAccount, SolvedArea, solve_account
from estimation.arrays import Floats, Integers
from estimation.cells import age_group

RIDGE = 1e-12
"""Relative ridge that keeps nearly dependent bounds solvable."""


@dataclass(frozen=True)
class Total:
    """An estimate of any sum of cells, with its standard error."""

    estimate: float
    standard_error: float


@dataclass(frozen=True)
class Account:
    """A reconciled account: its cells, and the exact covariance behind any total of them.

    `cells` has one row per cell of a noisy measure: `measure, time`, `SERIES`, `age, observed, estimate`; `exact` has
    the same for births and deaths. `places` (for each area: its rows of `cells`, and where its arrays have them).
    `solved` is the account before bounds; `scales_estimated` says whether it found how large biases are.
    """

    cells: pl.DataFrame
    exact: pl.DataFrame
    areas: tuple[SolvedArea, ...]
    places: tuple[tuple[Integers, Integers], ...]
    biases: pl.DataFrame
    solved: SolvedAccount
    scales_estimated: bool

    @property
    def terms(self) -> BiasTerms:
        """The biases as declared."""
        return self.solved.terms

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
        spreads = [area.spread(placed) for area, placed in zip(self.areas, self.placed(weights), strict=True)]
        variances = sum(spreads[1:], start=spreads[0]).variances
        return np.asarray(weights @ self.cells["estimate"].to_numpy()), variances

    def covariance(self, weights: sparse.csr_array) -> Floats:
        """Return the covariance matrix of the rows of `weights` (rows, cells)."""
        own: Floats = np.zeros((weights.shape[0], weights.shape[0]))
        shared: Floats = np.zeros((weights.shape[0], self.areas[0].biases.loadings.shape[1]))
        for area, placed in zip(self.areas, self.placed(weights), strict=True):
            alone, together = (np.asarray(placed @ root) for root in area.roots)
            own += area.balance.covariance(placed) + alone @ alone.T
            shared = shared + together
        return own + shared @ shared.T

    def shifted(self, weights: sparse.csr_array, multipliers: Floats) -> "Account":
        """Return the account moved by Cov(cells, weights cells) times the `multipliers` of those rows."""
        directions = [placed.T @ multipliers for placed in self.placed(weights)]
        shared = sum(area.roots[1].T @ one for area, one in zip(self.areas, directions, strict=True))
        estimate, bias = self.cells["estimate"].to_numpy().copy(), self.biases["bias"].to_numpy().copy()
        for area, one, (rows, places) in zip(self.areas, directions, self.places, strict=True):
            alone, together = area.roots
            own = alone.T @ one
            step = area.balance.spread(one.reshape(area.balance.cells.observed.shape)).ravel()
            estimate[rows] += (step + alone @ own + together @ shared)[places]
            terms = area.biases.layout.of_area(area.number)
            of_own, of_shared = area.biases.roots(area.number, np.eye(len(terms)))
            bias[terms] = self.biases["bias"].to_numpy()[terms] - of_own @ own - of_shared @ shared
        return replace(
            self,
            cells=self.cells.with_columns(estimate=pl.Series(estimate)),
            biases=self.biases.with_columns(bias=pl.Series(bias)),
        )

    def placed(self, weights: sparse.csr_array) -> list[sparse.csr_array]:
        """Return weights of cells as weights of each area's arrays."""
        by_cell = sparse.csc_array(weights)
        placed = []
        for area, (rows, places) in zip(self.areas, self.places, strict=True):
            size = area.balance.cells.observed.size
            move = sparse.csr_array((np.ones(len(rows)), (np.arange(len(rows)), places)), shape=(len(rows), size))
            placed.append(sparse.csr_array(by_cell[:, rows] @ move))
        return placed


def reconcile(folder: Path, *, em: bool = False) -> Account:
    """Return the account of the files in a folder (docs/account.md describes them).

    Biases are as declared; with `em`, the account estimates how large those of each kind are.

    No sum of a measure over one sex, age group and nationality group of an area in one year is negative: where least
    squares alone would make one so, the nearest account without negative sums is taken. Single cohorts are not
    bound: bounding hundreds of nearly empty cells would inflate gross flows. Standard errors are those
    before bounds. Raises `UserError` for files that do not make an account.
    """
    return balance(read_account_files(folder), str(folder), em=em)


def balance(files: AccountFiles, where: str, *, em: bool = False) -> Account:
    """Return the account of files already read; `where` names them in errors."""
    solved = solve_account(files, where, em=em, refined=False)
    areas = tuple(solved.areas())
    cells = pl.concat(
        [
            files.cells[name].select(pl.lit(name).alias("measure"), "time", *SERIES, "age", observed="count")
            for name in NOISY
        ]
    )
    first_rows = dict(zip(NOISY, np.cumsum([0, *(files.cells[name].height for name in NOISY[:-1])]), strict=True))
    places = tuple(_places(area.balance.cells, first_rows) for area in areas)
    estimate = np.zeros(cells.height)
    for area, (rows, at) in zip(areas, places, strict=True):
        estimate[rows] = area.least_squares.ravel()[at]
    first = areas[0].balance.cells.columns.times[0]
    exact = pl.concat(
        [files.cells[name].filter(pl.col("time") > first).with_columns(measure=pl.lit(name)) for name in EXACT]
    )
    account = Account(
        cells=cells.with_columns(estimate=pl.Series(estimate)),
        exact=exact.select("measure", "time", *SERIES, "age", observed="count", estimate="count"),
        areas=areas,
        places=places,
        biases=_bias_table(solved),
        solved=solved,
        scales_estimated=em,
    )
    return bounded(account, _published_groups(account.cells))


def bounded(account: Account, sums: sparse.csr_array) -> Account:
    """Return the nearest account (in its own covariance) in which the `sums` (rows, cells) are all at least 0.

    The quadratic programme is solved through its dual as non-negative least squares (least distance
    programming; Lawson & Hanson 1974, Solving Least Squares Problems, chapter 23). Sums that fall below 0
    are bound until none is left below; an account without negative sums is returned unchanged.
    """
    target = np.asarray(sums @ account.cells["estimate"].to_numpy())
    bound, best = np.zeros(len(target), dtype=bool), account
    while True:
        violated = (np.asarray(sums @ best.cells["estimate"].to_numpy()) < -1e-9) & ~bound
        if not violated.any():
            return best
        bound |= violated
        rows = sparse.csr_array(sums[np.flatnonzero(bound)])
        covariance = account.covariance(rows)
        covariance += np.eye(len(covariance)) * (RIDGE * np.trace(covariance))
        root = np.linalg.cholesky(covariance)
        multipliers, _ = nnls(root.T, -solve_triangular(root, target[bound], lower=True))
        best = account.shifted(rows, multipliers)


def _places(cells: AreaCells, first_rows: dict[str, int]) -> tuple[Integers, Integers]:
    """Return an area's rows among the cells of all measures, and their places in its arrays."""
    rows = [cells.rows[name] + first_rows[name] for name in NOISY]
    return np.concatenate(rows), np.concatenate([cells.places[name] for name in NOISY])


def _published_groups(cells: pl.DataFrame) -> sparse.csr_array:
    """Return the sums over each measure, year, sex, age group, nationality group and area, (groups, cells)."""
    keys = cells.select("measure", "time", "sex", age_group(pl.col("age")), "nationality_group", "area")
    groups = keys.unique().sort(keys.columns).with_row_index("group")
    group = keys.join(groups, on=keys.columns, how="left", maintain_order="left")["group"].to_numpy().astype(np.int64)
    return sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))))


def _bias_table(solved: SolvedAccount) -> pl.DataFrame:
    found = solved.biases
    return pl.DataFrame(
        {
            "term": list(solved.terms.names),
            "prior_sd": np.sqrt(found.prior_variances),
            "bias": found.estimates,
            "sd": np.sqrt(np.maximum(found.posterior_variances, 0.0)),
        },
        schema={"term": pl.String, "prior_sd": pl.Float64, "bias": pl.Float64, "sd": pl.Float64},
    )
