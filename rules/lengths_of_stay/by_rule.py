"""Migrations of a whole file of crossings by many rules.

The file is read once, days are counted once for each length of window, and each rule is one pass over these.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rules.lengths_of_stay.classified_file import EPOCH
from rules.lengths_of_stay.crossings import Crossings
from rules.lengths_of_stay.crossings_file import CheckedPart, CrossingsFile, Faults, checked_people
from rules.lengths_of_stay.days_in_window import DaysInWindow, by_threshold, windows
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
    year = _year(crossings)
    first, years = int(year.min()), int(np.ptp(year)) + 1
    # crossings after the end of observation are counted as those of one year more, which is left out
    place = np.where(crossings.day <= last_day, year - first, years)
    has_crossings = np.bincount(place, minlength=years)[:years] > 0
    cell = ((place * 2 + crossings.is_arrival) * 3).astype(np.int32)
    counts = np.zeros((len(rules), years + 1, 2, 3), dtype=np.int64)
    for window in {rule.window for rule in rules}:
        held = windows(crossings, window, last_day)  # the same for every threshold
        for rule, of_rule in zip(rules, counts, strict=True):
            if rule.window == window:
                migration = by_threshold(held, part.initial_resident, rule).long_term_migration
                answered = np.bincount(cell + (migration - UNKNOWN), minlength=of_rule.size)
                of_rule[:] = answered.reshape(of_rule.shape)
    (unknown_left, _, emigration), (unknown_came, _, immigration) = counts[:, :years].transpose(2, 3, 0, 1)
    columns = (immigration, emigration, immigration - emigration, unknown_left + unknown_came)
    number, number_of_year = np.indices((len(rules), years))
    return pl.DataFrame(
        {"rule": number.ravel(), "year": first + number_of_year.ravel()}
        | {name: column.ravel() for name, column in zip(MEASURES, columns, strict=True)}
    ).filter(np.tile(has_crossings, len(rules)))


def _year(crossings: Crossings) -> NDArray[np.int64]:
    """Return the year of the 30 June on or after each crossing."""
    month = crossings.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return 1970 + (month + 6) // 12
