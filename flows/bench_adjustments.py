"""The benchmark `adjustments`: a passenger survey before and after the preliminary adjustments of 2019.

Countries are simulated with their true lives and the sources that correct the survey; nothing is linked.
"""

import polars as pl

from flows.progress import ProgressListener
from synthetic_data.benchmarks.preliminary_adjustments import adjusted_survey, published_adjustment
from synthetic_data.lives.build import live
from synthetic_data.scenarios.scenario import BASELINE, read_scenario

REPLICATES, RESIDENTS, FIRST_SEED = 40, 20_000, 3001


def adjust_surveys(
    replicates: int, residents: int, first_seed: int, listener: ProgressListener
) -> tuple[int, dict[str, float], list[dict]]:
    """Return the number of net figures, the published adjustment, and errors by group before and after.

    `replicates` are countries, each with a seed of its own from `first_seed` on.
    """
    scenario = read_scenario(BASELINE)
    errors, found = scenario.source_errors(), []
    for number, seed in enumerate(range(first_seed, first_seed + replicates), start=1):
        found.append(adjusted_survey(live(seed, residents, scenario), errors))
        listener.progress("bench", f"{number} of {replicates} countries")
    table = pl.concat(found)
    return table.height, published_figures(), errors_by_group(table)


def published_figures() -> dict[str, float]:
    """Return the adjustments applied to the estimates that were published in August 2016, in thousands."""
    applied = published_adjustment()
    figures = {f"published_{group}": value for group, value in applied.published.items()}
    figures |= {f"adjusted_{group}": round(value, 1) for group, value in applied.adjusted.items()}
    percent = {"change_percent": applied.change, "published_change_percent": applied.published_change}
    return figures | {name: round(100 * value, 2) for name, value in percent.items()}


def errors_by_group(table: pl.DataFrame) -> list[dict]:
    """Return for each group the mean true net migration, and bias and RMSE of the survey before and after."""
    error = {name: pl.col(name) - pl.col("truth") for name in ("survey", "adjusted")}
    pooled = table.group_by("nationality_group", maintain_order=True).agg(
        truth=pl.col("truth").mean().round(1),
        **{f"bias_{name}": one.mean().round(1) for name, one in error.items()},
        **{f"rmse_{name}": (one**2).mean().sqrt().round(1) for name, one in error.items()},
    )
    return pooled.sort("nationality_group").to_dicts()
