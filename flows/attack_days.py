"""The attack on days of birth by exchanged dates: the month of one record is the day of another of the same person.

The month of birth is clear. Where two sources have one person, known by a common number, in two months of the same
year, day and month were probably exchanged in one of them: each month then is the other's day. The token of the day
carries it to all who share it.
"""

import polars as pl

DATED = ("birth_month", "birth_decade_month_day")


def days_by_exchange(records: pl.DataFrame) -> pl.DataFrame:
    """Return `birth_decade_month_day` and the `day` that most of its exchanged dates tell.

    `records` has a row for each record of all sources that share a number: `number`, the clear `birth_month` (Date)
    and the token `birth_decade_month_day`.
    """
    seen = records.select("number", *DATED).drop_nulls().unique(maintain_order=True)
    pairs = seen.join(seen, on="number", suffix="_other", maintain_order="left_right").filter(
        pl.col("birth_month") != pl.col("birth_month_other"),
        pl.col("birth_month").dt.year() == pl.col("birth_month_other").dt.year(),
    )
    return (
        pairs.with_columns(day=pl.col("birth_month_other").dt.month())
        .group_by("birth_decade_month_day")
        .agg(pl.col("day").mode().min())
    )
