"""Whether births or deaths were registered in every year: the account takes them as exact, so none means zero."""

import polars as pl

from estimation.periods import year_ending
from pipeline.errors import UserError

FEW = 20
"""A source with fewer events than this in its fullest year may truly have a year without any."""
SHARE = 0.1
"""A year with a smaller share of the events of the fullest year was not delivered."""


def years_without_events(events: pl.DataFrame, extract: str, day: pl.Expr, years: tuple[int, ...]) -> tuple[int, ...]:
    """Return those of `years` (ending 30 June) in which no row is dated, by the expression `day`.

    Raises `UserError` if a year has so few of the events of the fullest one, of any year, that it cannot be whole.
    """
    found = dict(events.group_by(year_ending(day).alias("year")).len().iter_rows())
    fullest = max(found, key=lambda year: (found[year], -year), default=None)
    usual = found.get(fullest, 0)
    missing = [year for year in years if usual >= FEW and found.get(year, 0) < SHARE * usual]
    if missing:
        told = ", ".join(f"{found.get(year, 0):,} in the year ending June {year}" for year in missing)
        raise UserError(
            f"{extract}: {told}, but {usual:,} in that ending June {fullest}: rows are missing, and the account "
            f"takes {extract} as exact. Add the missing files, or publish other years ([periods] in the study)."
        )
    return tuple(year for year in years if not found.get(year))
