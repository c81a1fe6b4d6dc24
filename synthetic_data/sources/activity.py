"""Activity in tax and benefit systems: the people who were ever seen, and their weeks in every tax year.

The weeks are those of `work.py`. With them stands the combination of benefits that a person held for the most days of
the year: that of the spells that the benefit systems tell of the same weeks (`benefits.py`), so that two extracts of
one person never disagree. Tax credits are no part of it: they belong to families, and so does their extract.
"""

import polars as pl

from synthetic_data.days import year_starts
from synthetic_data.extract import Extract, Sight
from synthetic_data.sources import work
from synthetic_data.sources.benefits import spells_on_benefit

NO_BENEFIT = "NONE"


def delivered(sight: Sight) -> list[Extract]:
    """Return the extracts of activity."""
    lives, errors, data_date = sight.lives, sight.errors, sight.data_date
    delivered_years = pl.col("TAX_YEAR_START").dt.year() < work.tax_years(data_date).stop
    weeks = sight.once(work.all_weeks).filter(delivered_years)
    people = work.active_people(lives, weeks, errors, data_date)
    numbered = work.numbered(lives, with_combinations(weeks, sight.once(spells_on_benefit)))
    return [
        Extract("activity_people", "activity", {"activity_people.parquet": people},
                "NINO_ENC", "POSTCODE", "DATE_OF_BIRTH", "SEX", ("NINO_ENC",)),
        Extract("activity_weeks", "activity", {"activity_weeks.parquet": numbered},
                "NINO_ENC", order=("NINO_ENC", "TAX_YEAR_START")),
    ]  # fmt: skip


def with_combinations(weeks: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Return weeks with `BENEFIT_COMBINATION`, `NONE` where a year has no week on benefit.

    `spells` has `row, start, end` (the last day) and `combination`. Of those held equally long the first counts.
    """
    years = weeks["TAX_YEAR_START"].unique().sort().dt.year().to_list()
    held = pl.concat([_held_in(spells, year) for year in years])
    found = weeks.join(held, on=["row", "TAX_YEAR_START"], how="left", maintain_order="left")
    on_benefit = pl.col("WEEKS_BENEFIT") > 0
    return found.with_columns(
        BENEFIT_COMBINATION=pl.when(on_benefit).then("combination").otherwise(pl.lit(NO_BENEFIT))
    ).drop("combination")


def _held_in(spells: pl.DataFrame, year: int) -> pl.DataFrame:
    """Return `row, TAX_YEAR_START, combination` of the tax year that begins in a year."""
    first, after = int(year_starts(year, 4, 6)), int(year_starts(year + 1, 4, 6))
    days = pl.min_horizontal("end", pl.lit(after - 1)) - pl.max_horizontal("start", pl.lit(first)) + 1
    return (
        spells.filter((pl.col("start") < after) & (pl.col("end") >= first))
        .select("row", "start", "combination", days=days)
        .sort("row", "days", "start", descending=[False, True, False])
        .unique("row", keep="first", maintain_order=True)
        .select("row", pl.lit(first, pl.Int32).cast(pl.Date).alias("TAX_YEAR_START"), "combination")
    )
