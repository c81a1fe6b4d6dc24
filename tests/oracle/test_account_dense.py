"""The arrow solver compared with slow, obvious solutions of the same problem."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import LinearConstraint, minimize

from estimation.account.least_squares import Observations, Solution, bounded, solve


def random_problem(
    seed: int, series: int = 7, steps: int = 3, terms: int = 4, singular: bool = False
) -> Observations:
    draw = np.random.default_rng(seed)
    width, height = 2 * steps + 1, 3 * steps + 1
    past = np.vstack([np.zeros((1, steps)), np.tril(np.ones((steps, steps)))])
    model = np.vstack([np.hstack([np.ones((steps + 1, 1)), past, -past]), np.eye(width)[1:]])
    exists = np.ones((series, width), dtype=bool)
    exists[0, :2] = exists[0, steps + 1] = False  # a cohort born in the second year
    variances = draw.uniform(0.1, 5, (series, height))
    variances[0, [0, 1, steps + 1, 2 * steps + 1]] = np.inf
    variances[1, 2] = np.inf  # an unobserved stock
    biases = draw.uniform(0, 20, (series, height, terms)) * (draw.random((series, height, terms)) < 0.5)
    biases[~np.isfinite(variances)] = 0
    root = draw.normal(0, 0.1, (terms, terms - 1 if singular else terms + 2))
    return Observations(model, draw.normal(20, 10, (series, height)), variances, biases, root @ root.T, exists)


def dense(observed: Observations) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return states, their covariance and biases by plain least squares on the whole stacked system."""
    series, width = observed.exists.shape
    places = np.flatnonzero(observed.exists.ravel())
    root = np.linalg.cholesky(observed.bias_covariance)
    rows, values = [], []
    for s in range(series):
        for m, variance in enumerate(observed.variances[s]):
            if np.isfinite(variance):
                row = np.zeros(series * width + len(root))
                row[s * width : (s + 1) * width] = observed.model[m]
                row[series * width :] = observed.biases[s, m] @ root
                rows.append(row / variance**0.5)
                values.append(observed.values[s, m] / variance**0.5)
    for factor in range(len(root)):
        rows.append(np.eye(series * width + len(root))[series * width + factor])
        values.append(0.0)
    kept = [*places, *range(series * width, series * width + len(root))]
    matrix = np.array(rows)[:, kept]
    found = np.linalg.lstsq(matrix, np.array(values), rcond=None)[0]
    spread = np.linalg.inv(matrix.T @ matrix)
    states, covariance = np.zeros(series * width), np.zeros((series * width, series * width))
    states[places] = found[: len(places)]
    covariance[np.ix_(places, places)] = spread[: len(places), : len(places)]
    return states, covariance, root @ found[len(places) :]


def everything(solution: Solution) -> sparse.csr_array:
    return sparse.eye_array(solution.states.size, format="csr")


@pytest.mark.parametrize("seed", range(5))
def test_the_arrow_solution_is_the_dense_solution(seed):
    observed = random_problem(seed)
    solution = solve(observed)
    states, covariance, biases = dense(observed)

    assert solution.states.ravel() == pytest.approx(states, abs=1e-8)
    assert solution.biases == pytest.approx(biases, abs=1e-8)
    assert solution.covariance(everything(solution)) == pytest.approx(covariance, abs=1e-8)
    assert solution.variances(everything(solution)) == pytest.approx(np.diag(covariance), abs=1e-8)


def test_a_singular_covariance_of_biases_is_the_limit_of_regular_ones():
    observed = random_problem(3, singular=True)
    nearly = Observations(
        observed.model,
        observed.values,
        observed.variances,
        observed.biases,
        observed.bias_covariance + 1e-10 * np.eye(4),
        observed.exists,
    )

    assert solve(observed).states == pytest.approx(solve(nearly).states, abs=1e-5)


def test_without_biases_series_are_independent():
    observed = random_problem(4)
    unbiased = Observations(
        observed.model,
        observed.values,
        observed.variances,
        observed.biases[:, :, :0],
        np.zeros((0, 0)),
        observed.exists,
    )
    first = Observations(
        observed.model,
        observed.values[2:3],
        observed.variances[2:3],
        observed.biases[2:3, :, :0],
        np.zeros((0, 0)),
        observed.exists[2:3],
    )

    assert solve(unbiased).states[2] == pytest.approx(solve(first).states[0])


def test_a_series_without_a_stock_is_refused():
    observed = random_problem(0)
    variances = observed.variances.copy()
    variances[3, :4] = np.inf
    broken = Observations(
        observed.model, observed.values, variances, observed.biases, observed.bias_covariance, observed.exists
    )

    with pytest.raises(ValueError, match="neither a stock"):
        solve(broken)


@pytest.mark.parametrize("seed", range(4))
def test_bounds_solve_the_quadratic_programme(seed):
    observed = random_problem(seed, series=4, steps=2, terms=2)
    solution = solve(observed)
    draw = np.random.default_rng(seed + 100)
    real = np.flatnonzero(observed.exists.ravel())
    weights = np.zeros((6, solution.states.size))
    weights[:, real] = draw.normal(0, 1, (6, len(real)))
    offsets = -(weights @ solution.states.ravel()) + draw.normal(0, 3, 6)
    nearest = bounded(solution, sparse.csr_array(weights), offsets)
    precision = np.linalg.inv(solution.covariance(everything(solution))[np.ix_(real, real)])
    start = solution.states.ravel()[real]
    slow = minimize(
        lambda z: (z - start) @ precision @ (z - start),
        start,
        jac=lambda z: 2 * precision @ (z - start),
        constraints=LinearConstraint(weights[:, real], -offsets),
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )

    assert (weights @ nearest.states.ravel() + offsets).min() > -1e-7
    assert nearest.states.ravel()[real] == pytest.approx(slow.x, abs=1e-4)


def test_a_solution_within_its_bounds_is_unchanged():
    solution = solve(random_problem(1))
    weights = everything(solution)

    assert bounded(solution, weights, np.full(solution.states.size, 1e6)) is solution
