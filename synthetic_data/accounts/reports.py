"""What sources report of an area: true counts with shared relative biases and errors of their own, in whole numbers.

reported = true x (1 + the biases that apply) + error, where the error has the standard deviation that the files
declare: of a stock, the root of 1 + (2% of the expected count)^2; of a flow, of 0.25 + 0.1 of the expected count +
(10% or 15% of it)^2. Births and deaths are reported as they are.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.tables import write_text
from synthetic_data.accounts.lives import (
    AGES,
    FIRST_TIME,
    SEXES,
    YEARS,
    Floats,
    TrueAccount,
    as_expected,
    chance,
    emigration_rates,
    immigrants,
    live,
)

NOISY = ("population", "immigration", "emigration")
FLOW_ERRORS = {"immigration": 0.10, "emigration": 0.15}
STOCK_ERROR = 0.02
BANDS = ((0, 17), (18, 24), (25, 39), (40, 64), (65, 100))
STOCK_BAND, STOCK_YEAR = 0.015, 0.007
FLOW_YEAR = {"immigration": 0.05, "emigration": 0.08}
FLOW_CONSTANT = {"immigration": 0.04, "emigration": 0.06}
TERM_TYPES = {
    "term": pl.String,
    "measure": pl.String,
    "area": pl.String,
    "sex": pl.String,
    "age_from": pl.Int64,
    "age_to": pl.Int64,
    "time": pl.Int64,
    "sd": pl.Float64,
}


@dataclass(frozen=True)
class BrokenSource:
    """A source that reports a measure wrongly in one year, by the factor 1 + `change`, which no file declares."""

    measure: str
    time: int
    change: float

    @property
    def term(self) -> str:
        """The name of the bias term that should be noticed."""
        return f"{'stock' if self.measure == 'population' else self.measure} year {self.time}"


@dataclass(frozen=True)
class SimulatedAccount:
    """The files of an account by name, and what is true of each cell: its rows, with `truth`."""

    files: dict[str, pl.DataFrame]
    truth: dict[str, pl.DataFrame]

    def write(self, folder: Path) -> Path:
        """Write the files, without the truth, and return the folder."""
        for name, frame in self.files.items():
            write_text(frame.write_csv(), folder / f"{name}.csv")
        return folder


def simulate_account(
    seed: int, *, residents: float = 200_000, biased: bool = True, broken: BrokenSource | None = None
) -> SimulatedAccount:
    """Return the account of one area over ten years, with 43 declared bias terms that are 0 unless it is `biased`."""
    draw = np.random.default_rng([seed, 0])
    terms = bias_terms()
    biases = np.random.default_rng([seed, 1]).normal(0, terms["sd"].to_numpy()) * biased
    return _reported(draw, residents, terms, biases, broken)


def simulate_areas(seed: int, areas: int, *, residents: float = 200_000) -> SimulatedAccount:
    """Return an account of several areas: each has 43 bias terms of its own, and all share 43 more."""
    national = bias_terms()
    national_biases = np.random.default_rng([seed, 1]).normal(0, national["sd"].to_numpy() / 2)
    parts, all_terms = [], [national.with_columns(sd=pl.col("sd") / 2)]
    for number in range(areas):
        name = f"A{number:04d}"
        own = bias_terms().with_columns(area=pl.lit(name), term=f"{name} " + pl.col("term"))
        draw = np.random.default_rng([seed, 2, number])
        biases = draw.normal(0, own["sd"].to_numpy())
        one = _reported(draw, residents, bias_terms(), biases + national_biases, None)
        parts.append(replace(one, files=_of_area(one.files, name), truth=_of_area(one.truth, name)))
        all_terms.append(own)
    files = {name: pl.concat([one.files[name] for one in parts]) for name in parts[0].files if name != "bias_terms"}
    truth = {name: pl.concat([one.truth[name] for one in parts]) for name in parts[0].truth}
    return SimulatedAccount(files | {"bias_terms": pl.concat(all_terms)}, truth)


def bias_terms() -> pl.DataFrame:
    """Return 43 biases: stocks by sex and age band and by year, flows by year and in all years."""
    last = FIRST_TIME + YEARS
    terms: list[tuple] = [
        (f"stock {sex} {low}-{high}", "population", None, sex, low, high, None, STOCK_BAND)
        for sex in SEXES
        for low, high in BANDS
    ]
    terms += [
        (f"stock year {time}", "population", None, None, None, None, time, STOCK_YEAR)
        for time in range(FIRST_TIME, last + 1)
    ]
    for name in NOISY[1:]:
        years = range(FIRST_TIME + 1, last + 1)
        terms += [(f"{name} year {time}", name, None, None, None, None, time, FLOW_YEAR[name]) for time in years]
        terms.append((f"{name} constant", name, None, None, None, None, None, FLOW_CONSTANT[name]))
    return pl.DataFrame(terms, schema=TERM_TYPES, orient="row")


def _of_area(frames: dict[str, pl.DataFrame], name: str) -> dict[str, pl.DataFrame]:
    return {
        one: frame.select(pl.lit(name).alias("area"), pl.all())
        for one, frame in frames.items()
        if one != "bias_terms"
    }


def _reported(
    draw: np.random.Generator, residents: float, terms: pl.DataFrame, biases: Floats, broken: BrokenSource | None
) -> SimulatedAccount:
    true, expected = (
        _cells(live(residents, chance(draw), lambda mean: draw.poisson(mean).astype(float))),
        _cells(live(residents, as_expected, as_expected)),
    )
    files: dict[str, pl.DataFrame] = {"bias_terms": terms}
    truth = {}
    for name in NOISY:
        frame, mean = true[name], expected[name]["count"].to_numpy()
        flow = 0.25 + 0.1 * mean + (FLOW_ERRORS.get(name, 0.0) * mean) ** 2
        sd = np.sqrt(1 + (STOCK_ERROR * mean) ** 2 if name == "population" else flow)
        factor = 1 + _bias_of_cells(frame, name, terms, biases)
        if broken is not None and broken.measure == name:
            factor *= np.where(frame["time"].to_numpy() == broken.time, 1 + broken.change, 1.0)
        counts = np.maximum(np.rint(frame["count"].to_numpy() * factor + draw.normal(0, sd)), 0.0)
        keys = frame.drop("count", "cohort") if name == "population" else frame.drop("count")
        files[name] = keys.with_columns(count=pl.Series(counts))
        files[f"{name}_sd"] = keys.with_columns(sd=pl.Series(sd))
        truth[name] = keys.with_columns(truth=frame["count"])
    files |= {name: true[name] for name in ("births", "deaths")} | _expected_flows(residents)
    return SimulatedAccount(files, truth)


def _expected_flows(residents: float) -> dict[str, pl.DataFrame]:
    """Return what is expected of flows in any year: immigrants by sex and age, and rates of emigration."""
    means = {"immigration": immigrants(residents), "emigration": np.stack([emigration_rates()] * len(SEXES))}
    years = pl.DataFrame({"time": np.arange(FIRST_TIME + 1, FIRST_TIME + YEARS + 1)})
    s, a = (index.ravel() for index in np.indices(means["immigration"].shape))
    by_age = pl.DataFrame({"age": AGES[a], "sex": np.array(SEXES)[s]})
    return {
        f"prior_{name}": by_age.with_columns(mean=pl.Series(mean.ravel())).join(years, how="cross").select(
            "age", "sex", "time", "mean"
        )
        for name, mean in means.items()
    }  # fmt: skip


def _bias_of_cells(frame: pl.DataFrame, measure: str, terms: pl.DataFrame, biases: Floats) -> Floats:
    """Return the sum of the biases that apply to each cell."""
    total = np.zeros(frame.height)
    age, time, sex = frame["age"].to_numpy(), frame["time"].to_numpy(), frame["sex"]
    for term, bias in zip(terms.iter_rows(named=True), biases, strict=True):
        if term["measure"] != measure:
            continue
        inside = np.ones(frame.height, dtype=bool)
        if term["sex"] is not None:
            inside &= (sex == term["sex"]).to_numpy()
        if term["age_from"] is not None:
            inside &= (age >= term["age_from"]) & (age <= term["age_to"])
        if term["time"] is not None:
            inside &= time == term["time"]
        total += bias * inside
    return total


def _cells(lived: TrueAccount) -> dict[str, pl.DataFrame]:
    """Return what happened as rows: one for each stock, and for each triangle of each flow."""
    s, a, t = (index.ravel() for index in np.indices(lived.stocks.shape))
    cells = {"population": _rows(s, a, FIRST_TIME + t - a, FIRST_TIME + t, lived.stocks.ravel())}
    for name in ("immigration", "emigration", "deaths"):
        values = getattr(lived, name)
        s, c, y, triangle = (index.ravel() for index in np.indices(values.shape))
        cohort, time = FIRST_TIME - len(AGES) + 1 + c, FIRST_TIME + 1 + y
        age = time - cohort - 1 + triangle
        kept = (age >= 0) & (age < len(AGES))
        cells[name] = _rows(s[kept], age[kept], cohort[kept], time[kept], values.ravel()[kept])
    s, a, y, triangle = (index.ravel() for index in np.indices(lived.births.shape))
    time = FIRST_TIME + 1 + y
    kept = (a >= 15) & (a < 50)
    cells["births"] = _rows(s[kept], a[kept], (time - a - 1 + triangle)[kept], time[kept], lived.births.ravel()[kept])
    return cells


def _rows(sex: np.ndarray, age: np.ndarray, cohort: np.ndarray, time: np.ndarray, count: Floats) -> pl.DataFrame:
    return pl.DataFrame({"age": age, "sex": np.array(SEXES)[sex], "cohort": cohort, "time": time, "count": count})
