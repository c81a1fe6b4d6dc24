"""Activity in tax and benefit systems: the people who were ever seen, and their weeks in every tax year.

The weeks are those of `work.py`. With them stands the combination of benefits that a person held for the most days of
the year: that of the spells that the benefit systems tell of the same weeks (`benefits.py`), so that two extracts of
one person never disagree. Tax credits are no part of it: they belong to families, and so does their extract.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.days import calendar_year, year_starts
from synthetic_data.distinct import distinct
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

    `spells` has `row, start, end` (the last day) and `combination`, in order. Of those held equally long the first
    counts.
    """
    row, first = weeks["row"].to_numpy(), weeks["TAX_YEAR_START"].to_physical().to_numpy().astype(np.int64)
    years, year = distinct(first)
    of_spell = spells["row"].to_numpy()
    held_in = np.full(
        (len(years), max(row.max(initial=-1), of_spell.max(initial=-1)) + 1), len(spells), dtype=np.int32
    )
    for of_year, day in zip(held_in, years.tolist(), strict=True):
        longest = _longest(spells, len(of_year), day)
        of_year[of_spell[longest]] = longest
    combination = spells["combination"].extend_constant(None, 1)[held_in[year, row]]
    on_benefit = pl.col("WEEKS_BENEFIT") > 0
    return weeks.with_columns(BENEFIT_COMBINATION=pl.when(on_benefit).then(combination).otherwise(pl.lit(NO_BENEFIT)))


def _longest(spells: pl.DataFrame, people: int, first: int) -> NDArray[np.int64]:
    """Return the spells (rows of `spells`) that people held for the most days of the tax year from a day on.

    Spells that were held equally long are all there, the first of them last.
    """
    row, start, end = (spells[name].to_numpy() for name in ("row", "start", "end"))
    after = int(year_starts(calendar_year(first) + 1, 4, 6))
    held = np.flatnonzero((start < after) & (end >= first))
    days = np.minimum(end[held], after - 1) - np.maximum(start[held], first)
    most = np.full(people, -1)
    np.maximum.at(most, row[held], days)
    return held[days == most[row[held]]][::-1]
