"""How many migrations each counted case stands for: the table `flow_completeness`.

Some migrations are expected by no case of their own, and some cases are no migrations though nothing casts doubt on
them. A calibration knows of both from training studies. The linkage knows of one kind: people counted twice of whom
no pair was proposed (`link_errors`) make as many false migrations, in proportion, as those of whom one was
(`rules/possibly_one.py`), and nobody can say which these are.
"""

from datetime import date

import duckdb
import polars as pl

from pipeline.tables import query
from rules.calibration import Calibration
from rules.sql_text import quoted

YEARS = 5
"""How many years of migrations tell how many of them are in doubt."""
POOLED = 20.0
"""The share of people counted twice whom nobody proposed is drawn towards that of all groups, as if so many more had
it."""


def flow_completeness(
    connection: duckdb.DuckDBPyConnection, calibration: Calibration, published: str, data_date: date
) -> pl.DataFrame:
    """Return `direction, nationality_group, child, quarter, from_date, migrations_per_case`.

    Reads `link_errors`, `person`, and of the `published` definition `migration_by_stays` and `doubt`, of the last
    `YEARS` up to the data date: whatever periods a study asks for, figures of a year are the same.
    """
    doubted = query(
        connection,
        f"""
        SELECT direction, nationality_group,
            sum(CAST(round(probability * coalesce(nobody, 0) * 1000000) AS BIGINT)) / 1e6 AS doubted,
            sum(CAST(round(probability * (1 - coalesce(nobody, 0)) * 1000000) AS BIGINT)) / 1e6 AS cases
        FROM migration_by_stays LEFT JOIN doubt USING (person_id, definition, "date", direction)
            JOIN person USING (person_id)
        WHERE definition = {quoted(published)} AND "date" > {quoted(data_date)} - INTERVAL {YEARS} YEAR
        GROUP BY ALL
        """,
    )
    calibrated = calibration.flow_completeness(data_date)
    keys = ["direction", "nationality_group"]
    unseen = _unseen_per_seen(query(connection, "SELECT * FROM link_errors"))
    false = (pl.col("doubted") * pl.col("unseen") / pl.col("cases")).fill_null(0.0).fill_nan(0.0).clip(0.0, 1.0)
    return (
        calibrated.join(
            doubted.with_columns(pl.col(keys).cast(pl.String)), on=keys, how="left", maintain_order="left"
        )
        .join(unseen, on="nationality_group", how="left", maintain_order="left")
        .select(
            *keys,
            "child",
            "quarter",
            "from_date",
            migrations_per_case=(pl.col("migrations_per_case") * (1 - false)).round(6),
        )
    )


def _unseen_per_seen(errors: pl.DataFrame) -> pl.DataFrame:
    """Return `nationality_group, unseen`: people counted twice of whom no pair was proposed, for each other one."""
    of_group = errors.select(
        pl.col("nationality_group").cast(pl.String),
        none="counted_twice_unseen",
        some=pl.col("counted_twice") - pl.col("counted_twice_unseen"),
    )
    whole = of_group.filter(nationality_group="all")
    ratio = float((whole["none"] / whole["some"]).sum()) if (whole["some"] > 0).any() else 0.0
    return of_group.select("nationality_group", unseen=(pl.col("none") + POOLED * ratio) / (pl.col("some") + POOLED))
