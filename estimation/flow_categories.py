"""Migrations counted by what else is known of them: reason, country of birth and area, for tables beside `flows`.

A migration counts as many cases as in `counts`. Whoever has no value stands in a category of its
own, so that the categories of a cell add up to its count.
"""

import polars as pl

from estimation.cells import DIVISIONS, age_group
from estimation.exact_sums import exact_sum
from estimation.periods import year_ending

NOT_RECORDED = "not recorded"
CATEGORIES = ("reason", "country_of_birth", "area")


def count_categories(
    moves: pl.DataFrame, counted: pl.DataFrame, people: pl.DataFrame, years: tuple[int, ...]
) -> pl.DataFrame:
    """Return migrations of `years` (ending 30 June) by each category: rows of the table `flow_categories`.

    `moves` are `expected_moves`; late ones have no reason. `counted` has `person_id, sex, cohort, nationality_group,
    share` (see `people_by_group`); `people` has `person_id, country_of_birth, area_history`. Each nationality group
    of a person gets its share.
    """
    moves = (
        moves.with_columns(time=year_ending(pl.col("date")))
        .filter(pl.col("time").is_in(years))
        .join(counted.select("person_id", "sex", "cohort", "nationality_group", "share"), on="person_id", how="left")
        .join(people.select("person_id", "country_of_birth", "area_history"), on="person_id", how="left")
        .with_columns(age_group((pl.col("time") - pl.col("cohort") - pl.col("years_later")).clip(lower_bound=0)))
        .rename({"direction": "measure"})
        .with_row_index("move")
    )
    moves = moves.join(_areas_of(moves), on="move", how="left")
    parts = [
        moves.group_by("measure", "time", *DIVISIONS, category=pl.col(kind).fill_null(NOT_RECORDED))
        .agg(
            count=exact_sum(pl.col("cases") * pl.col("share")),
            variance_unfinished=exact_sum(pl.col("variance_of_cases") * pl.col("share")),
        )
        .with_columns(kind=pl.lit(kind))
        for kind in CATEGORIES
    ]
    return pl.concat(parts)


def _areas_of(moves: pl.DataFrame) -> pl.DataFrame:
    """Return `move, area`: to which area an immigrant came, and from which an emigrant left, where one is known.

    It is the first area since the day of an immigration, and the last one by the day of an emigration. Where there
    is none on that side, it is the nearest in time on the other one.
    """
    after = (pl.col("since").fill_null(pl.date(1, 1, 1)) - pl.col("date")).dt.total_days()
    onward = pl.when(pl.col("measure") == "immigration").then(after).otherwise(-after)
    return (
        moves.select("move", "measure", "date", "area_history")
        .explode("area_history")
        .drop_nulls("area_history")
        .unnest("area_history")
        .sort("move", onward < 0, onward.abs(), "area")
        .unique("move", keep="first", maintain_order=True)
        .select("move", "area")
    )
