"""What a delivery of an extract looks like at a glance: rows, people, dates, missing values, days between dates."""

import json
from datetime import date

import polars as pl

from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.order_check import OrderCheck
from pipeline.ingest.subjects import SUBJECT

SHARE_DECIMALS = 4


def card_of(rows: pl.DataFrame, source: str, name: str, extract: Extract, data_date: date) -> dict[str, object]:
    """Return the row of `source_cards` of an extract, from its accepted rows with `subject_id`."""
    days = extract.first_and_last_day
    first, last = (rows[days[0]].min(), rows[days[0]].max()) if days else (None, None)
    missing = rows.select(pl.col(column).null_count() for column in extract.columns).row(0)
    shares = {
        column: round(number / rows.height, SHARE_DECIMALS)
        for column, number in zip(extract.columns, missing, strict=True)
        if number
    }
    return {
        "source": source,
        "extract": name,
        "data_date": data_date,
        "rows": rows.height,
        "subjects": rows[SUBJECT].n_unique(),
        "dated_by": days[0] if days else None,
        "first_day": first,
        "last_day": last,
        "missing": json.dumps(shares, sort_keys=True),
        "days_between": json.dumps(_days_between(rows, extract), sort_keys=True),
    }


def _days_between(rows: pl.DataFrame, extract: Extract) -> dict[str, int]:
    """Return the median days between two dates of a row, for each check of their order: an end after its start."""
    found = {}
    for check in extract.check:
        if not isinstance(check, OrderCheck):
            continue
        later, earlier = (check.column, check.other) if check.not_before else (check.other, check.column)
        if extract.columns[later].identifier and extract.columns[earlier].identifier:
            continue
        median = rows.select((pl.col(later) - pl.col(earlier)).dt.total_days().median()).item()
        if median is not None:
            found[f"{later} after {earlier}"] = round(median)
    return found
