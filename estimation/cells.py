"""The cells in which people are counted and published: sex, nationality group, and birth cohort or age group."""

import json

import polars as pl

from pipeline.schemas import AGE_GROUP_STARTS, AGE_GROUPS, ALL, NATIONALITY_GROUPS, SEXES

COUNT_CELL = ["sex", "cohort", "nationality_group"]
"""Columns that divide every row of `counts`; a cohort is named by the 30 June that ends its year of birth."""
DIVISION_VALUES = {"sex": SEXES, "age_group": AGE_GROUPS, "nationality_group": NATIONALITY_GROUPS}
"""Divisions of coverage classes and of published figures, each with its values in order."""
DIVISIONS = list(DIVISION_VALUES)
GROSS_FLOWS = ("immigration", "emigration")
BRITISH = NATIONALITY_GROUPS[0]
"""Nationality group of people whose nationality no source records."""


def age_group(age: pl.Expr) -> pl.Expr:
    """Return the published age group of an age in years."""
    group = pl.lit(None, dtype=pl.String)
    for start, name in zip(AGE_GROUP_STARTS, AGE_GROUPS, strict=True):
        group = pl.when(age >= start).then(pl.lit(name)).otherwise(group)
    return group.alias("age_group")


def cells_of_classes(coverage: pl.DataFrame) -> pl.DataFrame:
    """Return `coverage_class` and `DIVISIONS` of every cell of a table `coverage`, class by class."""
    rows = [
        (name, *cell)
        for name, text in coverage.select("coverage_class", "members").iter_rows()
        for cell in json.loads(text)
    ]
    return pl.DataFrame(rows, schema=["coverage_class", *DIVISIONS], orient="row")


def marginal_keys() -> pl.DataFrame:
    """Return all combinations of the divisions and their totals; the grand total is the last row."""
    frames = [pl.DataFrame({name: [*values, ALL]}) for name, values in DIVISION_VALUES.items()]
    return (
        frames[0]
        .join(frames[1], how="cross", maintain_order="left_right")
        .join(frames[2], how="cross", maintain_order="left_right")
    )
