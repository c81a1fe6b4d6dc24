"""What a run skipped, because its study names no files of it, and the tables that are not measured for that."""

from collections.abc import Mapping

import polars as pl

from pipeline.schemas import Skipped
from pipeline.stage import StageRecord

NOT_MEASURED = {
    "evidence": ("evidence",),
    "stays": ("people", "stays", "migrations", "residents"),
    "count": ("counts", "coverage"),
    "births": ("counts",),
    "deaths": ("counts",),
    "coverage": ("coverage",),
    "account": ("estimates", "flows", "stocks", "error_sources", "interval_parts"),
}
"""The tables that are not measured, or not in full, without a step; `flows` and `stocks` have rows that say so."""


def skipped_steps(records: Mapping[str, StageRecord]) -> pl.DataFrame:
    """Return the table `skipped` of the stages in `records`; empty if the study allowed them all."""
    rows = [
        {
            "stage": record.stage,
            "step": skip.step,
            "lacks": ", ".join(skip.lacks),
            "tables": ", ".join(NOT_MEASURED.get(skip.step, ())),
            "reason": skip.reason,
        }
        for record in records.values()
        for skip in record.skips
    ]
    return pl.DataFrame(rows, schema=dict.fromkeys(Skipped.column_names(), pl.String))
