"""The benchmark `account`: processor seconds of accounts of 101 ages, 2 sexes and 10 years, on Lexis triangles.

One area with 43 shared biases, and many areas each with 43 of its own and 43 that all share. Reading the files is
timed apart. Processor seconds are those of all threads together.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from estimation.account.balancing import as_rows, balance_area
from estimation.account.files import AccountFiles, read_account_files
from estimation.account.layout import lay_out
from estimation.account.results import account_tables
from estimation.account.solve import solve_account
from flows.progress import ProgressListener
from synthetic_data.accounts.reports import simulate_account, simulate_areas

AREAS = 330
PASSES = 5
SHARE = 10
"""The same with a tenth of the areas shows whether the cost is linear in them."""


def time_accounts(
    areas: int | None, listener: ProgressListener
) -> tuple[int, float, dict[str, float], dict[str, float]]:
    """Return cells of one area, seconds to solve it given scales, its ratio to one dense system, and all figures."""
    number = areas or AREAS
    figures: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        one = simulate_account(1).write(Path(folder, "one"))
        figures["one_area_reading"] = median_seconds(lambda: read_account_files(one))
        files = read_account_files(one)
        for name, em in (("given_scales", False), ("em", True)):
            figures[f"one_area_{name}"] = median_seconds(lambda em=em: _whole(files, em=em))
        ratio = _dense_seconds(files) / figures["one_area_given_scales"]
        for several in sorted({max(number // SHARE, 2), number}):
            listener.progress("account", f"{several} areas")
            some = simulate_areas(1, several).write(Path(folder, f"{several}"))
            begun = time.process_time()
            read = read_account_files(some)
            figures[f"{several}_areas_reading"] = round(time.process_time() - begun, 2)
            for name, em in (("given_scales", False), ("em", True)):
                listener.progress("account", f"{several} areas, {name}")
                figures[f"{several}_areas_{name}"] = round(_seconds(lambda em=em, read=read: _whole(read, em=em)), 2)
    cells = sum(frame.height for name, frame in files.cells.items() if name not in ("births", "deaths"))
    return cells, figures["one_area_given_scales"], {"one_dense_system": ratio}, figures


def median_seconds(task: Callable[[], object]) -> float:
    """Return the median processor seconds of five passes."""
    return round(statistics.median(_seconds(task) for _ in range(PASSES)), 4)


def _seconds(task: Callable[[], object]) -> float:
    begun = time.process_time()
    task()
    return time.process_time() - begun


def _whole(files: AccountFiles, *, em: bool) -> None:
    """Estimate every cell, total and bias, with intervals."""
    account_tables(files, solve_account(files, "simulated", em=em))


def _dense_seconds(files: AccountFiles) -> float:
    """Return the seconds to invert the covariance of all contradictions of one area as one dense matrix."""
    cells = next(iter(lay_out(files, "simulated")))
    balance = balance_area(cells, cells.design(files.biases, np.arange(len(files.biases.names))))
    effect = as_rows(balance.identities @ balance.design)
    own = (balance.identities * balance.variances[:, None, :]) @ balance.identities.transpose(0, 2, 1)
    whole = effect @ np.diag(files.biases.sds**2) @ effect.T + np.eye(len(effect))
    size = own.shape[1]
    for series in range(len(own)):
        whole[series * size : (series + 1) * size, series * size : (series + 1) * size] += own[series]
    return _seconds(lambda: np.linalg.inv(whole))
