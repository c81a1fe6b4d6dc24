"""Successive deliveries of an extract: what suppliers bring late, correct and withdraw, and a log of all of it.

The extract as it stood on each data date says what had happened and was recorded. Between two deliveries a supplier
also makes up for what went wrong in its own house: a few rows come one delivery late, a few names are delivered
misspelt and are corrected, a few rows prove wrong and are withdrawn. Files of a whole day or year (`CLOSED`) are
delivered when they are complete, and no row of them comes later. Surveys and reviews are delivered once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from pipeline.ingest.contracts import SourceContract, read_contracts
from pipeline.ingest.extract_contract import Extract
from synthetic_data.institutions.view import DeliveredExtract
from synthetic_data.lives.lives import Lives
from synthetic_data.numbers.draws import Floats, draws

LATE, MISSPELT, WITHDRAWN = 0.02, 0.001, 0.001
"""Shares: of the new rows of a delivery, held back until the next; of all rows, corrected or withdrawn some time."""
LOG = {
    "delivery": pl.Date, "source": pl.String, "extract": pl.String, "person": pl.Int64, "change": pl.String,
    "key": pl.String, "day": pl.Date, "columns": pl.String,
}  # fmt: skip
LOG_ORDER = ("delivery", "source", "extract", "person", "key")
CLOSED = ("pr", "hesa", "activity_weeks", "tax_years", "tax_credit_awards")
"""Extracts of snapshots, academic years and tax years, which suppliers close before they deliver them."""
_FIRST, _KEY = "row:first", "row:key"


def delivered(
    made: Sequence[DeliveredExtract], dates: Sequence[date], lives: Lives
) -> tuple[list[DeliveredExtract], pl.DataFrame]:
    """Return an extract as it is delivered on each data date, and the log of what differs between deliveries.

    `made` is the extract as it stood on each of the `dates`. The log has a row for each row of a delivery that the
    one before has not, or has with other values, and for each that is there no more: `change` is `new`, `late` (about
    a day that the delivery before had covered), `corrected` (in which `columns`) or `withdrawn`. `key` has the values
    that tell records apart, `person` is the true one, `day` that of the event.
    """
    contract = _contract_of(made[0].source)
    extract = contract.extracts[made[0].name]
    frames: list[dict[str, pl.DataFrame]] = [{} for _ in dates]
    logs = [pl.DataFrame(schema=LOG)]
    for file in dict.fromkeys(name for one in made for name in one.files):
        versions = [one.files.get(file) for one in made]
        if contract.counts_as_resident and extract.unique:
            versions = _as_supplied(versions, made[0], extract, lives)
        for frame, files in zip(versions, frames, strict=True):
            if frame is not None:
                files[file] = frame
        logs += _logged(versions, dates, made[0], extract, lives)
    return [replace(one, files=files) for one, files in zip(made, frames, strict=True)], pl.concat(logs)


@cache
def _contract_of(source: str) -> SourceContract:
    return read_contracts()[source]


def _headers(extract: Extract) -> list[str]:
    return [extract.columns[name].header for name in extract.unique]


def _as_supplied(
    versions: Sequence[pl.DataFrame | None], made: DeliveredExtract, extract: Extract, lives: Lives
) -> list[pl.DataFrame | None]:
    """Return the versions of a file without rows that are late or withdrawn, and with names not yet corrected."""
    keys = _headers(extract)
    known = [
        frame.select(keys).with_columns(pl.lit(number).alias(_FIRST))
        for number, frame in enumerate(versions)
        if frame is not None
    ]
    first = pl.concat(known).group_by(keys).agg(pl.col(_FIRST).min())
    name = extract.column_of("family_name")
    header = extract.columns[name].header if name else None
    supplied = []
    for number, frame in enumerate(versions):
        if frame is None:
            supplied.append(None)
            continue
        rows = frame.join(first, on=keys, how="left", nulls_equal=True, maintain_order="left")
        began = rows[_FIRST].to_numpy()
        late = (began == number) & (_drawn("late", rows, keys, made, lives) < LATE)
        late &= 0 < number < len(versions) - 1 and made.name not in CLOSED
        gone = number >= _until(WITHDRAWN, "withdrawn", began, len(versions), rows, keys, made, lives)
        wrong = number < _until(MISSPELT, "corrected", began, len(versions), rows, keys, made, lives, otherwise=0)
        if header:
            rows = rows.with_columns(
                pl.when(pl.Series(wrong)).then(_misspelt(header)).otherwise(pl.col(header)).alias(header)
            )
        supplied.append(rows.filter(pl.Series(~late & ~gone)).drop(_FIRST))
    return supplied


def _misspelt(header: str) -> pl.Expr:
    """Return names without their last letter but one."""
    name = pl.col(header)
    return name.str.head(-2) + name.str.tail(1)


def _drawn(what: str, rows: pl.DataFrame, keys: list[str], made: DeliveredExtract, lives: Lives) -> Floats:
    """Return a uniform number for each row, which depends on its person and on days and digits of its key alone."""
    person = lives.person[rows["row"].to_numpy()]
    days = [rows[one].to_physical().fill_null(0).to_numpy() for one in keys if rows.schema[one] == pl.Date]
    texts = (one for one in keys if rows.schema[one] == pl.String and one != made.key)
    digits = [
        rows[one].str.replace_all(r"\D", "").cast(pl.Int64, strict=False).fill_null(0).to_numpy() for one in texts
    ]
    return draws(lives.seed, f"{made.name} {what}", person, *days, *digits)


def _until(
    share: float,
    what: str,
    began: np.ndarray,
    deliveries: int,
    rows: pl.DataFrame,
    keys: list[str],
    made: DeliveredExtract,
    lives: Lives,
    otherwise: int | None = None,
) -> np.ndarray:
    """Return the number of the delivery at which something happens to a row: one after its first, or `otherwise`."""
    chosen = (_drawn(what, rows, keys, made, lives) < share) & (began < deliveries - 1)
    when = began + 1 + np.floor(_drawn(f"{what} when", rows, keys, made, lives) * (deliveries - 1 - began))
    return np.where(chosen, when, deliveries if otherwise is None else otherwise)


def _logged(
    versions: Sequence[pl.DataFrame | None],
    dates: Sequence[date],
    made: DeliveredExtract,
    extract: Extract,
    lives: Lives,
) -> list[pl.DataFrame]:
    """Return the log of one file, a frame for each delivery after the first."""
    keys = _headers(extract) or [column.header for column in extract.delivered.values()]
    days = extract.first_and_last_day
    logs = []
    for number in range(1, len(dates)):
        now = versions[number]
        if now is None:
            continue
        before = versions[number - 1]
        before = now.clear() if before is None else before
        on = dates[number - 1]
        day = _day(now, extract.columns[days[0]].header, extract.columns[days[0]].format) if days else None
        event = pl.lit(None, pl.Date) if day is None else day
        added = now.join(before, on=keys, how="anti", nulls_equal=True).with_columns(
            change=pl.when(event <= on).then(pl.lit("late")).otherwise(pl.lit("new"))
        )
        gone = before.join(now, on=keys, how="anti", nulls_equal=True).with_columns(change=pl.lit("withdrawn"))
        others = [header for header in now.columns if header not in (*keys, "row")]
        both = now.join(before.select(*keys, *others), on=keys, how="inner", nulls_equal=True, suffix=" before")
        differ = [
            pl.when(pl.col(header).ne_missing(pl.col(f"{header} before"))).then(pl.lit(header)) for header in others
        ]
        corrected = both.with_columns(columns=pl.concat_str(differ or [pl.lit("")], separator=" ", ignore_nulls=True))
        corrected = corrected.filter(pl.col("columns") != "").with_columns(change=pl.lit("corrected"))
        for rows in (added, gone, corrected):
            columns = "columns" if "columns" in rows.columns else pl.lit(None, pl.String).alias("columns")
            person = pl.Series("person", lives.person[rows["row"].to_numpy()], pl.Int64)
            logs.append(
                rows.with_columns(person).select(
                    delivery=pl.lit(dates[number]), source=pl.lit(made.source), extract=pl.lit(made.name),
                    person="person", change="change", day=event, columns=columns,
                    key=pl.concat_str([pl.col(one).cast(pl.String).fill_null("") for one in keys], separator=" "),
                ).select(pl.col(name).cast(kind) for name, kind in LOG.items())
            )  # fmt: skip
    return logs


def _day(frame: pl.DataFrame, header: str, form: str) -> pl.Expr:
    day = pl.col(header)
    return day.str.to_date(form, strict=False) if frame.schema[header] == pl.String else day.cast(pl.Date)
