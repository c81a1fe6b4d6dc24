"""Simulated recovery: 95% intervals contain the truth 95 times in 100, though errors are shared by many cells."""

import numpy as np
import polars as pl
import pytest

from estimation.account.bias_terms import BiasTerms
from estimation.account.files import NOISY, AccountFiles
from estimation.account.reconcile import balance
from estimation.account.smoothed_counts import with_smoothed_counts

TIMES = np.arange(2015, 2020)
COHORTS = np.arange(1940, 2016, 3)
REPLICATES = 150
FACTOR_SD, IMMIGRATION_SD, EMIGRATION_SD = 0.01, 0.10, 0.15


def expected_flows() -> tuple[np.ndarray, np.ndarray]:
    """Return expected immigrants and emigrants by sex, cohort and year: most are about 25."""
    ages = TIMES[1:][None, :] - COHORTS[:, None]
    shape = np.exp(-(((ages - 25) / 12) ** 2))
    return np.stack([14 * shape + 0.3] * 2), np.stack([9 * shape + 0.3] * 2)


def one_country(draw: np.random.Generator) -> tuple[AccountFiles, dict[str, np.ndarray]]:
    """Return an account observed with shared biases and independent errors, and the truth by measure."""
    come, go = expected_flows()
    immigration, emigration = draw.poisson(come).astype(float), draw.poisson(go).astype(float)
    start = draw.integers(250, 400, (2, len(COHORTS), 1)).astype(float)
    stock = np.concatenate([start, start + np.cumsum(immigration - emigration, axis=2)], axis=2)
    truth = {"population": stock, "immigration": immigration, "emigration": emigration}
    biases = {
        "population": draw.normal(0, FACTOR_SD, (2, 1, 1)),
        "immigration": draw.normal(0, IMMIGRATION_SD, (1, 1, 4)),
        "emigration": draw.normal(0, EMIGRATION_SD, (1, 1, 4)),
    }
    sd = {"population": (0.05 * stock) ** 0.5, "immigration": come**0.5, "emigration": go**0.5}
    sd["population"] = np.full_like(stock, sd["population"].mean())
    cells = {}
    for name, true in truth.items():
        observed = true * (1 + biases[name]) + draw.normal(0, 1, true.shape) * sd[name]
        cells[name] = long(observed, name).with_columns(sd=pl.Series(sd[name].ravel()))
        cells[name] = with_smoothed_counts(cells[name], stock=name == "population")
    nothing = (
        cells["immigration"].clear().select("area", "sex", "nationality_group", "cohort", "time", "count", "age")
    )
    return AccountFiles(cells | {"births": nothing, "deaths": nothing}, shared_biases()), truth


def long(values: np.ndarray, name: str) -> pl.DataFrame:
    times = TIMES if name == "population" else TIMES[1:]
    grid = pl.DataFrame({"sex": ["F", "M"]}).join(
        pl.DataFrame({"cohort": COHORTS.astype(np.int32)}), how="cross", maintain_order="left_right"
    )
    grid = grid.join(pl.DataFrame({"time": times.astype(np.int32)}), how="cross", maintain_order="left_right")
    return grid.with_columns(
        area=pl.lit("all"),
        nationality_group=pl.lit("all"),
        count=pl.Series(values.ravel()),
        age=pl.col("time") - pl.col("cohort"),
    )


def shared_biases() -> BiasTerms:
    rows = [(f"factor {sex}", "population", sex, None, FACTOR_SD) for sex in "FM"]
    for name, sd in (("immigration", IMMIGRATION_SD), ("emigration", EMIGRATION_SD)):
        rows += [(f"{name} {time}", name, None, int(time), sd) for time in TIMES[1:]]
    scope = pl.DataFrame(
        rows,
        schema={"term": pl.String, "measure": pl.String, "sex": pl.String, "time": pl.Int32, "sd": pl.Float64},
        orient="row",
    )
    return BiasTerms.independent(scope)


@pytest.fixture(scope="module")
def scores() -> dict[str, np.ndarray]:
    """Standardised errors (estimate less truth over standard error) of totals, by name, over all replicates."""
    draw = np.random.default_rng(20190630)
    found: dict[str, list[float]] = {}
    for _ in range(REPLICATES):
        files, truth = one_country(draw)
        account = balance(files, "simulated")
        for time in (2016, 2019):
            at = pl.col("time") == time
            picked = {name: (pl.col("measure") == name) & at for name in NOISY}
            true = {
                name: truth[name][:, :, -1 if time == 2019 else (1 if name == "population" else 0)] for name in NOISY
            }
            for name in NOISY:
                total = account.total(picked[name])
                found.setdefault(name, []).append((total.estimate - true[name].sum()) / total.standard_error)
            net = account.total(picked["immigration"], minus=picked["emigration"])
            difference = true["immigration"].sum() - true["emigration"].sum()
            found.setdefault("net", []).append((net.estimate - difference) / net.standard_error)
            women = account.total(picked["population"] & (pl.col("sex") == "F"))
            found.setdefault("women", []).append(
                (women.estimate - true["population"][0].sum()) / women.standard_error
            )
    return {name: np.array(values) for name, values in found.items()}


@pytest.mark.parametrize("name", ["population", "immigration", "emigration", "net", "women"])
def test_intervals_of_totals_contain_the_truth_about_95_times_in_100(scores, name):
    inside = float(np.mean(np.abs(scores[name]) < 1.96))

    # 300 intervals, two of each country: 95% plus or minus about three standard errors.
    assert 0.91 <= inside <= 0.99


@pytest.mark.parametrize("name", ["population", "immigration", "emigration", "net"])
def test_totals_do_not_drift(scores, name):
    assert abs(float(np.mean(scores[name]))) < 0.25
