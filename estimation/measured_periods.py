"""Which of a study's periods can be estimated: those whose evidence has no gap, in one run of years.

A year of flows needs evidence from a year before it begins (people who were here then did not arrive in it) to a year
after its end (people who left within it did not come to stay), a stock that of the year before it and the year after
it. An account needs consecutive years, so only the latest run of years is estimated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

from estimation.periods import year_end
from pipeline.errors import UserError
from pipeline.stage import Skip
from pipeline.study import Periods

TOLERATED_DAYS = 62
"""A gap that reaches at most so far into the time that a period needs is none: sources have quiet months."""
UNMEASURED = {
    "measure": pl.String, "year": pl.Int32, "extract": pl.String, "gap_from": pl.Date, "gap_to": pl.Date,
    "reason": pl.String,
}  # fmt: skip
GAP = "the delivery has no rows of this time"
YEARS_BEFORE = {"population": 1, "flows": 2}
"""How many years before the end of a period its evidence begins, by measure; it ends a year after the period."""


@dataclass(frozen=True)
class MeasuredPeriods:
    """The `periods` that are estimated, and a row for each gap that prevents another: columns of `UNMEASURED`."""

    periods: Periods
    unmeasured: pl.DataFrame


def measured_periods(
    periods: Periods, survey_day: date | None, gaps: pl.DataFrame, read: Sequence[str], study_file: Path
) -> MeasuredPeriods:
    """Return which periods of a study are measured, given the `gaps` of deliveries and the extracts that are `read`.

    `survey_day` is None if coverage is not measured. Raises `UserError` if no year of flows can be measured, or not
    the stock of the day of the coverage survey.
    """
    needed = gaps.filter(pl.col("extract").is_in(list(read))).sort("extract", "gap_from")
    in_the_way = {
        (measure, year): _gaps_within(needed, *_needed_time(measure, year))
        for measure, years in _years_of(periods).items()
        for year in years
    }
    survey_gaps = needed.clear()
    if survey_day is not None:
        survey_gaps = _gaps_within(needed, year_end(survey_day.year - 1), survey_day)
    if survey_gaps.height:
        raise UserError(
            f"{study_file}, [coverage]: the coverage of the sources on {survey_day} cannot be measured, because "
            f"{_told(survey_gaps)}. Add the missing files, or choose the day of another survey."
        )
    run = _latest_run([year for year in periods.flow_years if in_the_way["flows", year].is_empty()])
    if not run:
        raise UserError(
            f"{study_file}, [periods]: no year can be measured, because {_told(needed)}. Add the missing files, or "
            "publish other years."
        )
    chosen = {"flows": set(run), "population": {run[0] - 1, *run}}
    unmeasured = [
        # a year without a gap of its own is cut off from the run of years by the gaps of others
        (own if own.height else needed).with_columns(
            measure=pl.lit(measure), year=pl.lit(year, dtype=pl.Int32), reason=pl.lit(GAP)
        )
        for (measure, year), own in in_the_way.items()
        if year not in chosen[measure]
    ]
    return MeasuredPeriods(
        Periods(flow_years=tuple(run), stock_years=(run[0] - 1, *run)),
        pl.concat([pl.DataFrame(schema=UNMEASURED), *(one.select(list(UNMEASURED)) for one in unmeasured)]),
    )


def skipped_periods(periods: Periods, skips: Sequence[Skip]) -> pl.DataFrame:
    """Return rows of `UNMEASURED` for every period of a study, since `skips` prevent them all; none without skips.

    An extract that the study does not name has no rows of all the time that a period needs.
    """
    rows = [
        (measure, year, extract, after + timedelta(1), until, skip.reason)
        for skip in skips
        for extract in skip.lacks or ("",)
        for measure, years in _years_of(periods).items()
        for year in years
        for after, until in [_needed_time(measure, year)]
    ]
    frame = pl.DataFrame(rows, schema=UNMEASURED, orient="row")
    return frame.unique(["measure", "year", "extract"], keep="first", maintain_order=True)


def _years_of(periods: Periods) -> dict[str, tuple[int, ...]]:
    return {"population": periods.stock_years, "flows": periods.flow_years}


def _needed_time(measure: str, year: int) -> tuple[date, date]:
    """Return the days after which, and until which, the evidence of a period lies."""
    return year_end(year - YEARS_BEFORE[measure]), year_end(year + 1)


def without(periods: Periods, unmeasured: pl.DataFrame) -> Periods:
    """Return the periods of a study that are measured: all except those of `unmeasured`."""
    missing = set(unmeasured.select(pl.col("measure").cast(pl.String), "year").iter_rows())
    return Periods(
        flow_years=tuple(year for year in periods.flow_years if ("flows", year) not in missing),
        stock_years=tuple(year for year in periods.stock_years if ("population", year) not in missing),
    )


def warn_of_unmeasured(unmeasured: pl.DataFrame) -> list[str]:
    """Return a warning for each gap: the extract, the span of time, and the figures that it leaves unmeasured."""
    warnings = []
    for (extract, first, last), rows in unmeasured.group_by("extract", "gap_from", "gap_to", maintain_order=True):
        figures = [
            f"{words} {', '.join(str(year) for year in sorted(rows.filter(measure=measure)['year']))}"
            for measure, words in (("flows", "flows of the years ending June"), ("population", "stocks of 30 June"))
            if not rows.filter(measure=measure).is_empty()
        ]
        warnings.append(f"{extract} has no rows from {first} to {last}. Not measured: {'; '.join(figures)}.")
    return warnings


def _gaps_within(gaps: pl.DataFrame, after: date, until: date) -> pl.DataFrame:
    """Return the gaps in the time from the day after `after` to `until`."""
    first = pl.max_horizontal(pl.col("gap_from").dt.offset_by("-1d"), pl.lit(after))
    last = pl.min_horizontal(pl.col("gap_to"), pl.lit(until))
    return gaps.filter((last - first).dt.total_days() > TOLERATED_DAYS)


def _latest_run(years: list[int]) -> list[int]:
    """Return the last years that follow one another without a gap."""
    breaks = [position for position, (one, other) in enumerate(pairwise(years), 1) if other != one + 1]
    return years[breaks[-1] if breaks else 0 :]


def _told(gaps: pl.DataFrame) -> str:
    return "; ".join(
        f"'{extract}' has no rows from {first} to {last}"
        for extract, first, last in gaps.select("extract", "gap_from", "gap_to").iter_rows()
    )
