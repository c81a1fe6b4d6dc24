"""The arrow solver compared with slow, obvious solutions of the same problem."""

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import polars as pl
import pytest
from scipy import sparse
from scipy.linalg import null_space
from scipy.optimize import LinearConstraint, minimize

from estimation.account.balancing import without_negative_cells
from estimation.account.bias_terms import BiasTerms
from estimation.account.files import NOISY, AccountFiles
from estimation.account.reconcile import balance, bounded
from estimation.account.solve import SolvedAccount, solve_account

TIMES = range(2015, 2019)
COHORTS = (1980, 2016)  # the second is born in the second year
AREAS = ("north", "south")


def random_files(seed: int, terms: list[tuple] | None = None, size: float = 20.0) -> AccountFiles:
    """Return two areas with two cohorts of each sex, flows on triangles, an unobserved stock, and shared biases."""
    draw = np.random.default_rng(seed)
    rows: dict[str, list[tuple]] = {name: [] for name in (*NOISY, "births", "deaths")}
    for area in AREAS:
        for sex in "FM":
            for cohort in COHORTS:
                key = (area, sex, "all", cohort)
                for time in TIMES:
                    if cohort > time:
                        continue
                    noise = [draw.normal(size, size / 3), draw.uniform(0.3, 2), draw.uniform(0, size)]
                    if not (key == ("north", "F", "all", 1980) and time == 2016):
                        rows["population"].append((*key, time - cohort, time, *noise))
                    if time == TIMES[0]:
                        continue
                    rows["deaths"].append((*key, time - cohort, time, float(draw.integers(0, 3)), 0.0, 0.0))
                    for name in ("immigration", "emigration"):
                        for younger in (0, 1) if cohort < time else (0,):
                            noise = [draw.normal(size / 4, size / 9), draw.uniform(0.3, 2), draw.uniform(0, size / 2)]
                            rows[name].append((*key, time - cohort - younger, time, *noise))
                if cohort in TIMES:
                    rows["births"].append((*key, 0, cohort, size, 0.0, 0.0))
    numbers = {"count": pl.Float64, "sd": pl.Float64, "smoothed_count": pl.Float64}
    kinds = dict.fromkeys(("area", "sex", "nationality_group"), pl.String)
    kinds |= dict.fromkeys(("cohort", "age", "time"), pl.Int32) | numbers
    cells = {name: pl.DataFrame(some, schema=kinds, orient="row") for name, some in rows.items()}
    return AccountFiles(cells, biases(TERMS if terms is None else terms))


TERMS = [
    ("stocks", "population", None, None, None, None, None, 0.1),
    ("young", "immigration", None, None, None, 1, None, 0.2),
    ("year", "emigration", None, None, None, None, 2017, 0.3),
    ("north women", "population", "north", "F", None, None, None, 0.1),
    ("north 2016", "immigration", "north", None, None, None, 2016, 0.2),
    ("south grown", "emigration", "south", None, 2, None, None, 0.2),
    ("none", "emigration", "south", None, None, None, 2018, 0.0),
]


def biases(rows: list[tuple]) -> BiasTerms:
    columns = ["term", "measure", "area", "sex", "age_from", "age_to", "time", "sd"]
    scope = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    return BiasTerms.independent(
        scope.cast({"age_from": pl.Int32, "age_to": pl.Int32, "time": pl.Int32, "area": pl.String, "sex": pl.String})
    )


def all_cells(files: AccountFiles) -> list[tuple[str, dict]]:
    return [(name, row) for name in NOISY for row in files.cells[name].iter_rows(named=True)]


def dense(files: AccountFiles, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return cells, biases and the covariance of both, by least squares on everything within the identities."""
    cells, terms = all_cells(files), files.biases
    n, t = len(cells), len(terms.names)
    identities, right = all_identities(files)
    design, values = np.zeros((n + t, n + t)), np.zeros(n + t)
    design[n:, n:] = np.linalg.cholesky(np.linalg.inv(covariance)).T
    for i, (name, row) in enumerate(cells):
        design[i, i] = 1 / row["sd"]
        values[i] = row["count"] / row["sd"]
        for scope in terms.scope.iter_rows(named=True):
            effect = is_in_scope(name, row, scope) * row["smoothed_count"] / row["sd"]
            design[i, n + terms.names.index(scope["term"])] += effect
    free, some = null_space(identities), np.linalg.lstsq(identities, right, rcond=None)[0]
    moved = design @ free
    spread = np.linalg.inv(moved.T @ moved)
    found = some + free @ (spread @ moved.T @ (values - design @ some))
    return found[:n], found[n:], free @ spread @ free.T


def is_in_scope(name: str, row: dict, scope: dict) -> bool:
    keys = ("area", "sex", "nationality_group", "time")
    inside = scope["measure"] == name and all(scope[key] is None or scope[key] == row[key] for key in keys)
    inside &= scope["age_from"] is None or row["age"] >= scope["age_from"]
    return inside and (scope["age_to"] is None or row["age"] <= scope["age_to"])


def all_identities(files: AccountFiles) -> tuple[np.ndarray, np.ndarray]:
    """Return one row over cells and biases for each stock but a cohort's first, and the births less deaths since."""
    cells, width = all_cells(files), len(all_cells(files)) + len(files.biases.names)
    rows, right = [], []
    for key in product(AREAS, "FM", COHORTS):
        mine = [(i, name, row) for i, (name, row) in enumerate(cells) if of_series(row) == key]
        stocks = {row["time"]: i for i, name, row in mine if name == "population"}
        starts = [None, *sorted(stocks)] if key[2] in TIMES else sorted(stocks)
        for before, after in pairwise(starts):
            identity = np.zeros(width)
            identity[stocks[after]] = 1
            if before is not None:
                identity[stocks[before]] = -1
            inside = range((before or key[2] - 1) + 1, after + 1)
            for i, name, row in mine:
                if name != "population" and row["time"] in inside:
                    identity[i] = -1 if name == "immigration" else 1
            rows.append(identity)
            right.append(sum(sign * row["count"] for name, sign in (("births", 1), ("deaths", -1))
                             for row in files.cells[name].iter_rows(named=True)
                             if of_series(row) == key and row["time"] in inside))  # fmt: skip
    return np.array(rows), np.array(right)


def of_series(row: dict) -> tuple[str, str, int]:
    return row["area"], row["sex"], row["cohort"]


def solved_cells(solved: SolvedAccount, files: AccountFiles) -> np.ndarray:
    """Return least-squares estimates in the order of the files."""
    places = {area.balance.cells.name: area for area in solved.areas()}
    found = []
    for name in NOISY:
        seen = dict.fromkeys(AREAS, 0)
        for row in files.cells[name].iter_rows(named=True):
            area = places[row["area"]]
            found.append(area.least_squares.ravel()[area.balance.cells.places[name][seen[row["area"]]]])
            seen[row["area"]] += 1
    return np.array(found)


def regular(terms: BiasTerms) -> np.ndarray:
    return np.diag(np.maximum(terms.sds, 1e-9) ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_areas_with_shared_biases_are_solved_as_one_dense_system(seed):
    files = random_files(seed)
    cells, found, covariance = dense(files, regular(files.biases))
    account = balance(files, "random")
    solved = solve_account(files, "random", em=False, refined=False)
    n = len(cells)

    assert solved_cells(solved, files) == pytest.approx(cells, abs=1e-6)
    assert solved.biases.estimates == pytest.approx(found, abs=1e-7)
    assert solved.biases.posterior_variances == pytest.approx(np.diag(covariance)[n:], abs=1e-7)
    everything = sparse.eye_array(n, format="csr")
    assert account.covariance(everything) == pytest.approx(covariance[:n, :n], abs=1e-6)
    draw = np.random.default_rng(seed)
    weights = draw.normal(0, 1, (4, n)) * (draw.random((4, n)) < 0.6)
    _, variances = account.totals(sparse.csr_array(weights))
    assert variances == pytest.approx(np.diag(weights @ covariance[:n, :n] @ weights.T), abs=1e-6)


def test_correlated_terms_are_shared_by_areas_and_keep_their_covariance():
    files = random_files(7)
    names = list(files.biases.names)
    tied = np.array([names.index("stocks"), names.index("north women")])
    block = np.array([[0.01, 0.006], [0.006, 0.01]])
    correlated = np.isin(np.arange(len(names)), tied)
    together = replace(files, biases=replace(files.biases, correlated=correlated, covariance=block))
    whole = regular(files.biases)
    whole[np.ix_(tied, tied)] = block
    cells, found, _ = dense(files, whole)
    solved = solve_account(together, "random", em=False, refined=False)

    assert solved.biases.estimates == pytest.approx(found, abs=1e-7)
    assert solved_cells(solved, files) == pytest.approx(cells, abs=1e-6)


def test_a_singular_covariance_of_biases_is_the_limit_of_regular_ones():
    files = random_files(3)
    tied = np.isin(files.biases.names, ["stocks", "north women"])
    found = []
    for block in (np.full((2, 2), 0.01), np.full((2, 2), 0.01) + 1e-9 * np.eye(2)):
        one = replace(files, biases=replace(files.biases, correlated=tied, covariance=block))
        found.append(solve_account(one, "random", em=False, refined=False).biases.estimates)

    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_without_biases_areas_are_independent():
    files = random_files(4, terms=[])
    alone = {name: frame.filter(pl.col("area") == "south") for name, frame in files.cells.items()}
    one = next(iter(solve_account(replace(files, cells=alone), "random", em=False, refined=False).areas()))
    both = list(solve_account(files, "random", em=False, refined=False).areas())[1]

    assert both.least_squares == pytest.approx(one.least_squares)
    assert both.standard_errors == pytest.approx(one.standard_errors)


@pytest.mark.parametrize("seed", range(4))
def test_bounds_on_sums_solve_the_quadratic_programme(seed):
    files = random_files(seed, size=6.0)
    cells, _, covariance = dense(files, regular(files.biases))
    n = len(cells)
    draw = np.random.default_rng(seed + 100)
    account = balance(files, "random")
    start = account.cells["estimate"].to_numpy()
    sums = draw.normal(0, 1, (5, n)) * (draw.random((5, n)) < 0.3)
    sums *= np.where(sums @ start > 0, -1.0, 1.0)[:, None] * np.where(np.arange(5) < 3, 1.0, -1.0)[:, None]
    nearest = bounded(account, sparse.csr_array(sums)).cells["estimate"].to_numpy()
    values, vectors = np.linalg.eigh(covariance[:n, :n])
    basis = vectors[:, values > 1e-9] * np.sqrt(values[values > 1e-9])
    slow = minimize(
        lambda z: z @ z,
        np.zeros(basis.shape[1]),
        jac=lambda z: 2 * z,
        constraints=LinearConstraint(sums @ basis, -(sums @ start)),
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )

    assert (sums @ nearest).min() > -1e-7
    assert nearest == pytest.approx(start + basis @ slow.x, abs=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_cells_below_zero_are_bound_by_the_quadratic_programme_of_their_series(seed):
    files = random_files(seed, terms=[], size=1.2)
    for area in solve_account(files, "random", em=False, refined=False).areas():
        cells, estimates = area.balance.cells, area.estimates
        for s in np.flatnonzero((area.least_squares < 0).any(axis=1)):
            used = np.flatnonzero(cells.exists[s])
            identities = area.balance.identities[s][:, used]
            kept = np.abs(identities).sum(axis=1) > 0
            right = (area.balance.identities[s] @ cells.observed[s] - area.balance.gaps[s])[kept]
            observed, variances = cells.observed[s, used], cells.variances[s, used]
            slow = minimize(
                lambda x, y=observed, v=variances: ((x - y) ** 2 / v).sum(),
                np.maximum(observed, 0.1),
                jac=lambda x, y=observed, v=variances: 2 * (x - y) / v,
                bounds=[(0, None)] * len(used),
                constraints=LinearConstraint(identities[kept], right, right),
                method="SLSQP",
                options={"ftol": 1e-13, "maxiter": 500},
            )
            assert slow.success
            assert estimates[s, used] == pytest.approx(slow.x, abs=1e-4)
        unbound = (area.least_squares >= 0).all(axis=1)
        assert (estimates[unbound] == area.least_squares[unbound]).all()
        assert estimates.min() >= 0


def test_estimates_without_negative_cells_are_unchanged():
    area = next(iter(solve_account(random_files(1, terms=[]), "random", em=False, refined=False).areas()))
    above = np.abs(area.least_squares)

    assert without_negative_cells(area.balance, np.zeros(0), above) is above
