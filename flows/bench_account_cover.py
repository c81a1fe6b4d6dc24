"""The benchmark `account_cover`: simulated accounts with known truth, estimated as `sojourn account` does.

Two kinds of replicate: accounts whose sources have shared biases, for errors and intervals; and accounts in which one
source is broken in one year, for the diagnosis.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from estimation.account.files import read_account_files
from estimation.account.results import AccountTables, account_tables
from estimation.account.solve import solve_account
from flows.progress import ProgressListener
from synthetic_data.accounts.reports import BrokenSource, SimulatedAccount, simulate_account

REPLICATES = 20
FIRST_SEED = 1001
BROKEN = {
    "emigration_30_percent_less": ("emigration", -0.30, range(2011, 2021)),
    "immigration_25_percent_more": ("immigration", 0.25, range(2011, 2021)),
    "stock_3_percent_more": ("population", 0.03, range(2010, 2021)),
}
"""Sources that are broken in one year: measure, relative change, and the years, one replicate after another."""
FLOWS = ("immigration", "emigration")


@dataclass
class Tally:
    """Sums over replicates, from which figures are made."""

    squares: dict[str, float]
    inside: dict[str, list[float]]
    flow_bias: dict[str, list[float]]

    @classmethod
    def empty(cls) -> "Tally":
        """Return a tally of nothing."""
        return cls({}, {}, {})

    def add(self, account: SimulatedAccount, tables: AccountTables) -> None:
        """Add one replicate."""
        truth = account.truth["population"]
        true = truth["truth"].to_numpy()
        stock_only = account.files["population"]["count"].to_numpy()
        for name, values in (
            ("account", tables.population["estimate"].to_numpy()),
            ("stock_only", stock_only),
            ("flow_only", rolled_forward(account)),
        ):
            self.squares[name] = self.squares.get(name, 0.0) + float(((values - true) ** 2).mean())
        self._inside("cells", tables.population, true)
        flow_truth = pl.concat([account.truth[name] for name in FLOWS])["truth"].to_numpy()
        self._inside("flow_cells", tables.flows, flow_truth)
        totals = true_totals(account)
        joined = tables.totals.join(totals, on=["time", "measure"], how="left", maintain_order="left")
        for (measure,), part in joined.group_by("measure", maintain_order=True):
            self._inside(f"total_{measure}", part, part["truth"].to_numpy())
            if measure in FLOWS:
                bias = float(part["estimate"].to_numpy().sum() / part["truth"].to_numpy().sum()) - 1
                self.flow_bias.setdefault(str(measure), []).append(bias)

    def _inside(self, name: str, frame: pl.DataFrame, true: np.ndarray) -> None:
        inside = (frame["lower"].to_numpy() <= true) & (true <= frame["upper"].to_numpy())
        self.inside.setdefault(name, []).append(float(inside.mean()))

    def figures(self, replicates: int) -> dict[str, float]:
        """Return errors, ratios of errors, coverage of intervals and bias of gross flows, in percent."""
        rmse = {name: (value / replicates) ** 0.5 for name, value in self.squares.items()}
        found = {f"rmse_{name}": round(value, 3) for name, value in rmse.items()}
        found |= {
            f"rmse_ratio_to_{name}": round(rmse["account"] / rmse[name], 3) for name in ("stock_only", "flow_only")
        }
        found |= {f"coverage_{name}": round(100 * float(np.mean(one)), 2) for name, one in self.inside.items()}
        return found | {
            f"bias_percent_{name}": round(100 * float(np.mean(one)), 3) for name, one in self.flow_bias.items()
        }


def cover(replicates: int | None, first_seed: int | None, listener: ProgressListener) -> tuple[int, dict[str, float]]:
    """Return how many accounts were estimated, and figures of those with shared biases, without, and broken ones."""
    number, first = replicates or REPLICATES, FIRST_SEED if first_seed is None else first_seed
    tally, unbiased = Tally.empty(), Tally.empty()
    ranked: dict[str, list[bool]] = {name: [] for name in BROKEN}
    with TemporaryDirectory() as folder:
        for done, seed in enumerate(range(first, first + number)):
            listener.progress("account_cover", f"{done} of {number}")
            for one, biased in ((tally, True), (unbiased, False)):
                account = simulate_account(seed, biased=biased)
                one.add(account, estimated(account, Path(folder)))
            for name, source in broken_sources(done):
                tables = estimated(simulate_account(seed, broken=source), Path(folder))
                largest = tables.bias.sort(pl.col("z").abs(), descending=True, maintain_order=True)["term"][0]
                ranked[name].append(largest == source.term)
    figures = tally.figures(number)
    figures |= {f"unbiased_{name}": value for name, value in unbiased.figures(number).items()}
    accounts = number * (2 + len(BROKEN))
    return accounts, figures | {
        f"ranked_first_{name}": round(100 * float(np.mean(one)), 1) for name, one in ranked.items()
    }


def broken_sources(replicate: int) -> Iterator[tuple[str, BrokenSource]]:
    """Yield each broken source, in a year that changes from replicate to replicate."""
    for name, (measure, change, years) in BROKEN.items():
        yield name, BrokenSource(measure, years[replicate % len(years)], change)


def estimated(account: SimulatedAccount, folder: Path) -> AccountTables:
    """Return the tables of an account, written to a folder and read from it as the command does."""
    files = read_account_files(account.write(folder))
    return account_tables(files, solve_account(files, folder, em=True))


def true_totals(account: SimulatedAccount) -> pl.DataFrame:
    """Return `time, measure, truth` of stocks, gross flows and net migration."""
    sums = {
        name: account.truth[name].group_by("time").agg(pl.col("truth").sum()).sort("time") for name in account.truth
    }
    net = sums["immigration"].with_columns(truth=pl.col("truth") - sums["emigration"]["truth"])
    parts = {**sums, "net": net}
    return pl.concat([frame.with_columns(measure=pl.lit(name)) for name, frame in parts.items()])


def rolled_forward(account: SimulatedAccount) -> np.ndarray:
    """Return the first reported stock, and births, carried forward by reported flows: later stocks are not used."""
    files = account.files
    keys = ["sex", "cohort", "time"]
    births = files["births"].select("sex", "time", "count", cohort="time", sign=pl.lit(1.0))
    flows = [births, *(files[name].with_columns(sign=pl.lit(sign)) for name, sign in (
        ("immigration", 1.0), ("emigration", -1.0), ("deaths", -1.0)))]  # fmt: skip
    change = pl.concat([one.select(*keys, value=pl.col("sign") * pl.col("count")) for one in flows])
    stocks = files["population"].with_columns(cohort=pl.col("time") - pl.col("age"))
    first = stocks["time"].min()
    start = stocks.filter(pl.col("time") == first).select(*keys, value="count")
    steps = pl.concat([start, change.select(start.columns)]).group_by(keys).agg(pl.col("value").sum()).sort(keys)
    rolled = steps.with_columns(pl.col("value").cum_sum().over("sex", "cohort", order_by="time"))
    return stocks.join(rolled, on=keys, how="left", maintain_order="left")["value"].to_numpy()
