"""The one truth around which estimation is repeated: lives, and who lived here, came, left, was born and died."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimation.cells import COUNT_CELL, GROSS_FLOWS
from estimation.migration_flows import is_child
from estimation.periods import year_end, year_ending
from pipeline.study import Periods
from synthetic_data.errors.catalogue import Errors
from synthetic_data.lives.build import live
from synthetic_data.lives.lives import Lives
from synthetic_data.scenarios.scenario import read_scenario
from synthetic_data.truth import truth_tables


@dataclass(frozen=True)
class World:
    """A simulated country without any record of it.

    `people` has a row for each row of `lives`: `person_id` (its row), `sex, cohort, nationality_group, migrant`;
    `resident` says who (row) lives here at the end of each of the stock years; `moves` has `row, date, year,
    direction, nationality_group, child, quarter`; `vital` has the rows of `counts` of births and deaths, as they
    happened. `truth` is that of the study.
    """

    lives: Lives
    errors: Errors
    people: pl.DataFrame
    resident: Mapping[int, NDArray[np.bool_]]
    came_by: NDArray[np.int64]
    moves: pl.DataFrame
    vital: pl.DataFrame
    truth: Mapping[str, pl.DataFrame]


def world(residents: int, seed: int, scenario: str, periods: Periods) -> World:
    """Return the country of a seed, simulated without its sources."""
    chosen = read_scenario(scenario)
    lives = live(seed, residents, chosen)
    truth = truth_tables.tables(lives)
    rows = pl.DataFrame({"person": lives.person}).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    moves = (
        truth["migrations"]
        .join(rows, on="person")
        .select("row", "date", year=year_ending(pl.col("date")), direction=pl.col("direction").cast(pl.String))
        .sort("row", "date", "direction")
    )
    people = truth["people"].select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("person_id"),
        pl.col("sex", "nationality_group").cast(pl.String),
        cohort=year_ending(pl.col("birth_date")),
    )
    people = people.with_columns(migrant=pl.col("person_id").is_in(moves["row"].implode()))
    moves = (
        moves.join(people.select("cohort", "nationality_group", row="person_id"), on="row", maintain_order="left")
        .with_columns(child=is_child(pl.col("year"), pl.col("cohort")), quarter=pl.col("date").dt.quarter())
        .drop("cohort")
    )
    resident = {}
    for year in periods.stock_years:
        on_day = truth["residents"].filter(pl.col("reference_date") == year_end(year)).join(rows, on="person")
        resident[year] = np.zeros(len(people), dtype=bool)
        resident[year][on_day["row"].to_numpy()] = True
    vital = _vital(people, resident, moves, periods.flow_years)
    came = lives.first_start.astype(np.int64)
    return World(lives, chosen.source_errors(), people, resident, came, moves, vital, truth)


def _vital(
    people: pl.DataFrame, resident: Mapping[int, NDArray[np.bool_]], moves: pl.DataFrame, years: tuple[int, ...]
) -> pl.DataFrame:
    """Return births and deaths of residents as rows of `counts`: what stocks and migrations leave of each person."""
    signs = {GROSS_FLOWS[0]: 1, GROSS_FLOWS[1]: -1}
    cohort, rows = people["cohort"].to_numpy(), []
    for year in years:
        change = resident[year].astype(np.int64) - resident[year - 1].astype(np.int64)
        of_year = moves.filter(pl.col("year") == year)
        sign = of_year["direction"].replace_strict(signs, return_dtype=pl.Int64).to_numpy()
        np.add.at(change, of_year["row"].to_numpy(), -sign)
        for measure, who in (("births", (change > 0) & (cohort == year)), ("deaths", change < 0)):
            rows.append(
                people.filter(pl.Series(who))
                .group_by(COUNT_CELL)
                .agg(count=pl.len().cast(pl.Float64), certain=pl.len().cast(pl.Int64))
                .with_columns(measure=pl.lit(measure), time=pl.lit(year_end(year)), period=pl.lit("year"))
            )
    return pl.concat(rows).with_columns(
        unfinished=pl.lit(0, pl.Int64), variance_unfinished=pl.lit(0.0), variance_late=pl.lit(0.0),
        variance_nationality=pl.lit(0.0), provisional=pl.lit(value=False),
    )  # fmt: skip
