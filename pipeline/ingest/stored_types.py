"""Typed columns of a Parquet file as text: which stored types can hold a column's values, and how each is written.

A value becomes the text that the source would write in a CSV, so that the same checks serve both. A type that may
have changed a value is refused, because two people whose numbers became one cannot be told apart afterwards.
"""

from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa

from pipeline.errors import UserError
from pipeline.ingest.columns import DATE_TYPES, Column
from pipeline.ingest.days import WITHOUT_CENTURY, has_century, written_as

_CALENDAR = (date(1700, 1, 1), date(2261, 12, 31))  # within the range of nanoseconds since 1970
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Null)
_WHOLE_TO: dict[type[pl.DataType], int] = {pl.Float16: 2**11, pl.Float32: 2**24, pl.Float64: 2**53}
"""The whole number from which on a float has no room for each one (IEEE 754)."""


def as_text(path: Path, stored: pa.ChunkedArray, column: Column) -> pl.Series:
    """Return the values of a typed column as the source would write them in a CSV, under the column's header.

    Raises `UserError` that names the file and the stored type, if that cannot hold the column's values exactly.
    """
    values = _values(stored)
    if values is None or not _holds(values.dtype, column):
        raise UserError(f"{path}: {_misfit(stored.type if values is None else values.dtype, column)}")
    if column.type != "decimal" and _has_inexact(values):
        raise UserError(
            f"{path}: the column '{column.header}' is of type {values.dtype} and has larger whole numbers than that "
            "type can hold exactly. Write it again from its source, as whole numbers or as text."
        )
    text = _text_form(values.dtype, column)
    text = _without_zeros(text) if pa.types.is_decimal(stored.type) else text
    return pl.DataFrame({"value": values}).select(text).to_series().alias(column.header)


def _values(stored: pa.ChunkedArray) -> pl.Series | None:
    """Return stored values as a series; null if the engine does not know their type."""
    if pa.types.is_decimal256(stored.type):  # more digits than the engine has
        stored = stored.cast(pa.string())
    try:
        return pl.Series(values=pl.from_arrow(stored))
    except (ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None


def _holds(dtype: pl.DataType, column: Column) -> bool:
    """Return whether a stored type can hold the values of a column exactly."""
    if dtype in _TEXTS or dtype.is_integer() or dtype.is_decimal():
        return True
    if dtype.is_float():  # many tools store whole numbers with missing values as floats
        return column.type in ("integer", "decimal", "boolean", "year")
    if dtype in (pl.Date, pl.Datetime):
        return column.type in ("date", "datetime")
    return dtype == pl.Boolean and column.type in ("boolean", "code")


def _has_inexact(values: pl.Series) -> bool:
    """Return whether floats include numbers so large that a neighbouring whole number has the same float."""
    if not values.dtype.is_float():
        return False
    return bool((values.is_finite() & (values.abs() >= _WHOLE_TO[type(values.dtype)])).any())


def _misfit(stored: object, column: Column) -> str:
    """Return why a stored type does not fit a column, and the remedy."""
    what = f"the column '{column.header}' is of type {stored}"
    if isinstance(stored, pl.DataType) and stored.is_float() and column.type not in DATE_TYPES:
        return (
            f"{what}, in which two long numbers can become one and leading zeros and final digits of codes are "
            "lost. Write it again from its source, as text or, if it is a whole number, as an integer."
        )
    forms = {"text": "text", "code": "text", "boolean": "a boolean, text or number"}
    forms |= {"date": "a date or text", "datetime": "a timestamp (in UTC or a named zone) or text"}
    return f"{what}. Write it as {forms.get(column.type, 'a number or text')}."


def _text_form(dtype: pl.DataType, column: Column) -> pl.Expr:
    value = pl.col("value")
    if dtype in (pl.Date, pl.Datetime):
        # outside the calendar Polars panics instead of formatting a date; two digits of a year are read as later ones
        first, last = _CALENDAR if has_century(column.format) else WITHOUT_CENTURY
        in_calendar = value.is_between(pl.lit(first).cast(dtype), pl.lit(last).cast(dtype))
        day = pl.when(in_calendar).then(value)
        if column.type == "datetime":
            clocks = day.dt.convert_time_zone(column.clock).dt.replace_time_zone(None) if _is_zoned(dtype) else day
            text = written_as(clocks.cast(pl.Datetime("us")), column.format, column.clock)
            return pl.when(value.is_null()).then(None).otherwise(text.fill_null("not a time of the clocks"))
        text = day.dt.strftime(column.format)
        if dtype == pl.Datetime:
            text = pl.when(day.dt.time() == pl.time(0)).then(text).otherwise(day.dt.strftime("%FT%T"))
        return pl.when(in_calendar | value.is_null()).then(text).otherwise(pl.lit("not a calendar date"))
    if dtype.is_float():
        number = value.fill_nan(None)
        whole = number.cast(pl.Int64, strict=False)
        # 1.0 means 1
        return pl.when(number == whole.cast(dtype)).then(whole.cast(pl.String)).otherwise(number.cast(pl.String))
    return value.cast(pl.String)


def _without_zeros(decimal: pl.Expr) -> pl.Expr:
    """Return the text of a decimal without the zeros that only its scale adds: `12.50` -> `12.5`, `12.00` -> `12`."""
    return decimal.str.replace(r"(\.[0-9]*?)0+$", "$1").str.strip_suffix(".")


def _is_zoned(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
