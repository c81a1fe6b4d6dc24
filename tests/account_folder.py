"""Small folders of account files, as tests of the account write them."""

from pathlib import Path

import polars as pl

CELL = {"sex": pl.String, "cohort": pl.Int32, "time": pl.Int32}
TERM = ["term", "measure", "sex", "nationality_group", "age_from", "age_to", "time", "sd"]


def write_folder(
    folder: Path,
    *,
    population: list[tuple],
    immigration: list[tuple],
    emigration: list[tuple],
    births: list[tuple] = (),
    deaths: list[tuple] = (),
    terms: list[tuple] = (),
    covariances: list[tuple] = (),
) -> Path:
    """Write account files; cells are `(sex, cohort, time, count, sd)`, births and deaths have no sd."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("population", population), ("immigration", immigration), ("emigration", emigration)):
        frame = pl.DataFrame(rows, schema={**CELL, "count": pl.Float64, "sd": pl.Float64}, orient="row")
        frame = frame.with_columns(age=pl.col("time") - pl.col("cohort"))
        frame.drop("sd").write_csv(folder / f"{name}.csv")
        frame.drop("count").write_csv(folder / f"{name}_sd.csv")
    for name, rows in (("births", births), ("deaths", deaths)):
        pl.DataFrame(list(rows), schema={**CELL, "count": pl.Float64}, orient="row").write_csv(folder / f"{name}.csv")
    pl.DataFrame(list(terms), schema=TERM, orient="row").write_csv(folder / "bias_terms.csv")
    if covariances:
        pl.DataFrame(list(covariances), schema=["term", "other", "covariance"], orient="row").write_csv(
            folder / "bias_covariance.csv"
        )
    return folder
