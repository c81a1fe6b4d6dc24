"""The benchmark `nowcast`: countries delivered and estimated year after year, against last year's ratio.

What is compared are the first estimates of the latest year, half a year after its end, with the figures of the last
vintage and with the truth.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from flows.chain import STAGES, run_chain
from flows.evaluate import evaluate
from flows.last_years_ratio import Vintage, compared, first_estimates, known_cases
from flows.progress import NullListener, ProgressListener
from flows.replicate import Country
from flows.simulate import DELIVERIES, simulate_study
from flows.study_assumptions import PUBLISH_TABLES
from flows.validate import available_memory, memory_of
from pipeline.errors import unknown
from pipeline.schemas import ALL
from pipeline.study import read_study
from pipeline.tables import read_table
from pipeline.worker_processes import Task, results

SCENARIOS = ("baseline", "visa_surge", "longer_stays")
DATA_DATES = tuple(date(year, 12, 31) for year in range(2017, 2021))
CALIBRATION = "long_term_2019"
COUNTRIES, RESIDENTS, FIRST_SEED, THREADS = 4, 50_000, 1001, 2
WHOLE_YEAR = 300
"""Days of a period above which it is no quarter."""


@dataclass(frozen=True)
class DeliveredCountry:
    """A country by its scenario and seed; called, it is simulated, estimated on each data date, and deleted."""

    residents: int
    scenario: str
    seed: int

    def __call__(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return first estimates of years (`first_estimates`), and those of their quarters of emigration."""
        country = Country(self.residents, self.scenario, calibration=CALIBRATION)
        vintages, quarters = {}, []
        with TemporaryDirectory(prefix="sojourn-nowcast-") as temporary:
            folder = Path(temporary)
            simulate_study(
                self.residents, self.seed, folder, NullListener(), scenario=self.scenario, deliveries=DATA_DATES,
                threads=1,
            )  # fmt: skip
            for day in DATA_DATES:
                study = read_study(country.study_in(folder / DELIVERIES / str(day)))
                run = folder / f"run-{day}"
                run_chain(study, run, threads=1, stages=(*STAGES[:-1], PUBLISH_TABLES))
                evaluate(run, NullListener(), report=False)
                scored = _totals(read_table(run / "evaluation" / "flows.parquet"))
                whole = pl.col("days") > WHOLE_YEAR
                vintages[day] = Vintage(
                    scored.filter(whole).drop("days"),
                    known_cases(read_table(run / "tables" / "counts.parquet")),
                )
                of_quarters = scored.filter(~whole, measure="emigration")
                quarters.append(of_quarters.filter(pl.col("period") > pl.col("period").max().dt.offset_by("-1y")))
        named = {"scenario": pl.lit(self.scenario), "country": pl.lit(self.seed)}
        return first_estimates(vintages).with_columns(**named), pl.concat(quarters[1:-1]).with_columns(**named)


def _totals(scored: pl.DataFrame) -> pl.DataFrame:
    """Return scored flows of everybody: `measure, period` (its last day), `days`, `estimate, lower, upper, truth`."""
    everybody = [pl.col(name).cast(pl.String) == ALL for name in ("sex", "age_group", "nationality_group")]
    return scored.filter(everybody).select(
        pl.col("measure").cast(pl.String), "estimate", "lower", "upper", "truth", period="period_end",
        days=(pl.col("period_end") - pl.col("period_start")).dt.total_days(),
    )  # fmt: skip


def revise(
    residents: int | None,
    scenarios: tuple[str, ...],
    countries: int | None,
    first_seed: int | None,
    listener: ProgressListener,
) -> tuple[int, dict[str, float], list[dict]]:
    """Return the number of first estimates, figures of all scenarios, and a row of `compared` a scenario and measure.

    Raises `UserError` for an unknown scenario.
    """
    for name in scenarios:
        if name not in SCENARIOS:
            raise unknown("scenario", name, set(SCENARIOS), "sojourn bench nowcast --kind")
    size, first = residents or RESIDENTS, FIRST_SEED if first_seed is None else first_seed
    seeds = range(first, first + (countries or COUNTRIES))
    work = [DeliveredCountry(size, scenario, seed) for scenario in scenarios or SCENARIOS for seed in seeds]
    found = results(
        [Task(one, memory_of(size)) for one in work], THREADS, available_memory(),
        lambda ended: listener.progress("nowcast", f"{ended} of {len(work)} countries"),
    )  # fmt: skip
    first_of_all = pl.concat([years for years, _ in found])
    quarters = pl.concat([of_country for _, of_country in found])
    hold = quarters.select(pl.col("truth").is_between(pl.col("lower"), pl.col("upper")).mean()).item()
    figures = {
        "first_intervals_of_quarterly_emigration_that_hold_the_truth": round(hold, 4),
        "first_intervals_that_hold_the_final_figure": round(
            first_of_all.select(pl.col("final").is_between(pl.col("lower"), pl.col("upper")).mean()).item(), 4
        ),
    }
    table = compared(first_of_all)
    ratio = [
        (pl.col(name) / pl.col(f"{name}_by_ratio")).round(3).alias(f"{name}_for_one_by_ratio")
        for name in ("revision", "score")
    ]
    return first_of_all.height, figures, table.with_columns(ratio).to_dicts()
