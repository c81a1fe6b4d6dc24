"""Which row of which file each record is, and back: so that reviewers can be told where to look.

Records are numbered in the order of the files and their rows, and rows that were quarantined have none. So runs of
consecutive rows say it all, in as many rows of a table as there are gaps.
"""

import polars as pl

from pipeline.ingest.check import FILE
from pipeline.ingest.read_extract import ROW_NUMBER

RECORD, ROWS = "record_id", "rows"


def runs_of_rows(records: pl.DataFrame) -> pl.DataFrame:
    """Return the runs of the accepted rows of an extract: first `record_id`, `file`, first `row_number`, `rows`.

    `records` has `record_id` (1, 2, ...), `file` and `row_number` of every record, in order.
    """
    follows = (pl.col(FILE) == pl.col(FILE).shift()) & (pl.col(ROW_NUMBER) == pl.col(ROW_NUMBER).shift() + 1)
    begins = records.select(RECORD, FILE, ROW_NUMBER).filter(~follows.fill_null(value=False))
    after = pl.col(RECORD).shift(-1).fill_null(records.height + 1)
    return begins.with_columns((after - pl.col(RECORD)).alias(ROWS))


def rows_of_records(runs: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """Return `records` (`record_id` and any other columns) with `file` and `row_number`, in the order of records."""
    first = runs.sort(RECORD).select(RECORD, FILE, ROW_NUMBER, pl.col(RECORD).alias("_first"))
    placed = records.sort(RECORD).join_asof(first, on=RECORD)
    return placed.with_columns(pl.col(ROW_NUMBER) + pl.col(RECORD) - pl.col("_first")).drop("_first")


def records_at_rows(runs: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Return `places` (`file`, `row_number` and any other columns) with `record_id`: null where no record is."""
    first = runs.sort(ROW_NUMBER).with_columns(pl.col(ROW_NUMBER).alias("_first"))
    found = places.sort(ROW_NUMBER).join_asof(first, on=ROW_NUMBER, by=FILE, check_sortedness=False)
    at = pl.col(ROW_NUMBER) - pl.col("_first")
    return found.with_columns(pl.when(at < pl.col(ROWS)).then(pl.col(RECORD) + at).alias(RECORD)).drop("_first", ROWS)
