"""Migrations of a whole file of crossings by many rules: the file is read once, and each rule is one pass over it."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rules.lengths_of_stay.classified_file import EPOCH
from rules.lengths_of_stay.crossings import Crossings, Flags
from rules.lengths_of_stay.crossings_file import CheckedPart, CrossingsFile, Faults, checked_people
from rules.lengths_of_stay.days_in_window import DaysInWindow, days_in_window
from rules.lengths_of_stay.residence import UNKNOWN

MEASURES = ["immigration", "emigration", "net", "unknown"]
"""`unknown`: crossings of which it is not known (yet) whether they are migrations."""


def migrations_by_rule(file: CrossingsFile, rules: Sequence[DaysInWindow], observed_to: date) -> pl.DataFrame:
    """Return `threshold, window, measure, period, estimate`: how many crossings are migrations, by year and rule.

    There is at least one rule. Years end on 30 June, the `period`, and are those with a crossing by the end of
    observation. Raises `UserError` if
    a row of the file cannot be used.
    """
    parts = [_counted(part, rules, (observed_to - EPOCH).days) for part in checked_people(file, Faults())]
    if not parts:
        parts = [pl.DataFrame(schema=dict.fromkeys(("rule", "year", *MEASURES), pl.Int64))]
    described = pl.DataFrame(
        [(number, rule.threshold, rule.window) for number, rule in enumerate(rules)],
        schema={"rule": pl.Int64, "threshold": pl.Int64, "window": pl.Int64},
        orient="row",
    )
    return (
        pl.concat(parts)
        .group_by("rule", "year")
        .agg(pl.col(MEASURES).sum())
        .join(described, on="rule")
        .sort("rule", "year")
        .unpivot(
            MEASURES, index=["rule", "year", "threshold", "window"], variable_name="measure", value_name="estimate"
        )
        .sort("rule", pl.col("measure").cast(pl.Enum(MEASURES)), "year")
        .select("threshold", "window", "measure", pl.date("year", 6, 30).alias("period"), "estimate")
    )


def _counted(part: CheckedPart, rules: Sequence[DaysInWindow], last_day: int) -> pl.DataFrame:
    """Return the crossings of a part by rule and year: `rule, year` and the measures."""
    crossings = part.crossings
    observed = crossings.day <= last_day
    year = _year(crossings)
    first = int(year.min())
    cell = (year - first).astype(np.int32)
    years = int(cell.max()) + 1

    def count(chosen: Flags) -> NDArray[np.int64]:
        return np.bincount(cell[chosen], minlength=years)

    has_crossings = count(observed) > 0
    found = []
    for number, rule in enumerate(rules):
        migration = days_in_window(crossings, part.initial_resident, rule, last_day).long_term_migration
        migrates = migration == 1
        immigration = count(migrates & crossings.is_arrival)
        emigration = count(migrates) - immigration
        unknown = count((migration == UNKNOWN) & observed)
        columns = (immigration, emigration, immigration - emigration, unknown)
        found.append(
            pl.DataFrame(
                {"rule": np.full(years, number), "year": np.arange(first, first + years)}
                | dict(zip(MEASURES, columns, strict=True))
            ).filter(has_crossings)
        )
    return pl.concat(found)


def _year(crossings: Crossings) -> NDArray[np.int64]:
    """Return the year of the 30 June on or after each crossing."""
    month = crossings.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return 1970 + (month + 6) // 12
