"""Series without shared biases, solved by a Kalman filter and smoother: another way to the same answer."""

import numpy as np
import pytest

from estimation.account.bias_terms import BiasTerms
from estimation.account.files import read_account_files
from estimation.account.solve import solve_account
from synthetic_data.accounts.reports import simulate_account


def smoothed(stocks: np.ndarray, variances: np.ndarray, change: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the smoothed stocks of a random walk with steps `change` +- `noise`, known only by its observations.

    Kalman (1960) forwards from the first stock, Rauch, Tung & Striebel (1965) backwards.
    """
    mean, variance, predicted = [stocks[0]], [variances[0]], [np.nan]
    for t in range(1, len(stocks)):
        before, ahead = mean[-1] + change[t - 1], variance[-1] + noise[t - 1]
        gain = ahead / (ahead + variances[t])
        mean.append(before + gain * (stocks[t] - before))
        variance.append((1 - gain) * ahead)
        predicted.append(ahead)
    found = [mean[-1]]
    for t in range(len(stocks) - 2, -1, -1):
        back = variance[t] / predicted[t + 1]
        found.append(mean[t] + back * (found[-1] - mean[t] - change[t]))
    return np.array(found[::-1])


@pytest.mark.parametrize("expected", [False, True])
def test_stocks_without_biases_are_those_of_the_kalman_smoother(tmp_path, expected):
    account = simulate_account(11, residents=40_000)
    for name in ("prior_immigration", "prior_emigration") if not expected else ():
        del account.files[name]
    files = read_account_files(account.write(tmp_path))
    unbiased = type(files)(files.cells, BiasTerms.none(), files.transfers, files.given)
    area = next(iter(solve_account(unbiased, tmp_path, em=False).areas()))
    balance, cells, steps = area.balance, area.balance.cells, area.balance.cells.columns.steps
    sign = np.concatenate([np.ones(2 * steps), -np.ones(2 * steps)])
    compared = 0
    for s in np.flatnonzero(cells.exists[:, : steps + 1].all(axis=1)):
        flows = (sign * balance.observed[s, steps + 1 :]).reshape(2, steps, 2)
        noise = balance.variances[s, steps + 1 :].reshape(2, steps, 2).sum(axis=(0, 2))
        change = cells.change[s] + flows.sum(axis=(0, 2))
        slow = smoothed(cells.observed[s, : steps + 1], cells.variances[s, : steps + 1], change, noise)
        assert area.least_squares[s, : steps + 1] == pytest.approx(slow, abs=1e-9)
        compared += 1

    assert compared == 2 * 91  # cohorts that are 0 to 90 in the first stock
