"""The standard error of each target, how far chance alone moves it: measured over many seeds of one size.

`python -m synthetic_data.benchmarks.standard_errors SEEDS RESIDENTS` simulates this number of countries, measures
every target in each, and writes `target_standard_errors.csv`: the standard deviation over seeds, scaled to a study of
100,000 residents by the square root of the size. Run it again when lives or sources change; 40 seeds of 20,000
residents take a few minutes and estimate a standard error to within about 11%.
"""

import sys
from collections.abc import Sequence
from importlib import resources
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

import polars as pl

from pipeline.tables import write_text
from synthetic_data.benchmarks.observed_study import open_study
from synthetic_data.benchmarks.targets import SPREAD_RESIDENTS, Targets, measured_values, read_targets
from synthetic_data.simulate import simulate

FEWEST_SEEDS = 30
FIRST_SEED = 1_000


def measure_standard_errors(seeds: Sequence[int], residents: int, targets: Targets) -> pl.DataFrame:
    """Return `name, standard_error, mean, seeds, residents`: a row per target, on the scale of the published figure.

    The standard error is that of a study of 100,000 residents; it is null for a target that no seed can measure.
    """
    found: dict[str, list[float]] = {target.name: [] for target in targets.target}
    for seed in seeds:
        with TemporaryDirectory(prefix="sojourn-spread-") as folder:
            simulate(residents, seed, Path(folder))
            for name, value in measured_values(open_study(Path(folder)), targets).items():
                if value is not None:
                    found[name].append(value)
    to_size = sqrt(residents / SPREAD_RESIDENTS)
    rows = [
        {
            "name": name,
            "standard_error": float(f"{stdev(values) * to_size:.3g}") if len(values) > 1 else None,
            "mean": float(f"{fmean(values):.6g}") if values else None,
            "seeds": len(values),
            "residents": residents,
        }
        for name, values in found.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"standard_error": pl.Float64, "mean": pl.Float64})


def main(seeds: int, residents: int) -> None:
    """Measure over `seeds` countries and replace the table of the package."""
    if seeds < FEWEST_SEEDS:
        raise SystemExit(f"{seeds} seeds are too few to estimate a standard error. Give {FEWEST_SEEDS} or more.")
    measured = measure_standard_errors(range(FIRST_SEED, FIRST_SEED + seeds), residents, read_targets())
    write_text(
        measured.write_csv(), Path(str(resources.files("synthetic_data.benchmarks") / "target_standard_errors.csv"))
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
