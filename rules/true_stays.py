"""True stays, made from true presence as a definition says, for the comparison with decided stays."""

import polars as pl

JOINED_DAYS = 365
"""Absences of at most this many days end no stay, and a stay of more is long-term (the published definition)."""
PUBLISHED = pl.lit(JOINED_DAYS)


def true_stays(
    presence: pl.DataFrame,
    people: pl.DataFrame,
    more_than: pl.Expr = PUBLISHED,
    absent_more_than: pl.Expr = PUBLISHED,
) -> pl.DataFrame:
    """Return one row per true stay: `person, start, end, long_term, arrives, departs`.

    `presence` has spells (`person, start, end`; `end` exclusive, null while it lasts), `people` has `birth_date` and
    `death_date`. A stay joins spells with short absences between them; `end` is null for one that lasts, which is
    taken as long-term. `arrives` and `departs` are false where it began by birth or ended by death.

    A stay is long-term if it lasts more than `more_than` days, an expression over its `start`; an absence of more
    than `absent_more_than` days, one over the day on which it began, `left`, ends a stay.
    """
    absent = (pl.col("start") - pl.col("left")).dt.total_days()
    return (
        presence.sort("person", "start")
        .with_columns(left=pl.col("end").shift().over("person"))
        .with_columns(stay=(absent.is_null() | (absent > absent_more_than)).cum_sum())
        .group_by("person", "stay", maintain_order=True)
        .agg(pl.col("start").first(), pl.col("end").last())
        .join(people.select("person", "birth_date", "death_date"), on="person", how="left", maintain_order="left")
        .select(
            "person", "start", "end",
            long_term=((pl.col("end") - pl.col("start")).dt.total_days() > more_than).fill_null(value=True),
            arrives=pl.col("start") != pl.col("birth_date"),
            departs=pl.col("end").is_not_null() & pl.col("end").ne_missing(pl.col("death_date")),
        )
    )  # fmt: skip
