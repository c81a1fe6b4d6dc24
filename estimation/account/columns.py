"""Reads one CSV file of an account: its columns, its numbers and its keys, each checked row by row.

Rows are counted from 1, the header apart.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from pipeline.errors import UserError, first_line, unknown

SEX_CODES = {"F": "F", "M": "M", "Female": "F", "Male": "M"}
PLACE_KEYS = ("area", "nationality_group")
"""Keys that a folder may have beside sex and cohort; in files without one, all rows belong to one and the same."""
WHOLE = "a whole number"
NUMBER = "a number"


def read_columns(path: Path, required: Iterable[str], optional: Iterable[str] = ()) -> pl.DataFrame:
    """Return a CSV file as text; raises `UserError` that names a missing file, or a missing or unknown column."""
    required = list(required)
    known = list(dict.fromkeys([*required, *optional]))
    try:
        frame = pl.read_csv(path, glob=False, infer_schema=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. An account needs it; docs/account.md describes it.") from None
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as CSV ({first_line(error)}). It must be UTF-8 with a header."
        ) from None
    for name in required:
        if name not in frame.columns:
            raise UserError(f"{path}: the column '{name}' is missing. The file needs {', '.join(required)}.")
    for name in frame.columns:
        if name not in known:
            raise unknown("column", name, known, str(path))
    return frame


def refuse_rows(frame: pl.DataFrame, path: Path, wrong: pl.Expr, message: str) -> None:
    """Raise `UserError` that names the first row of a file for which `wrong` holds, if there is one.

    `message` says what is wrong with it; `{name}` stands for the row's value in a column.
    """
    rows = frame.with_row_index("row", offset=1).filter(wrong.fill_null(value=False))
    if rows.height:
        first = rows.row(0, named=True)
        others = f" ({rows.height:,} rows are wrong in this way.)" if rows.height > 1 else ""
        raise UserError(f"{path}: row {first['row']}: {message.format_map(first)}{others}")


def to_numbers(frame: pl.DataFrame, path: Path, kinds: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Return the frame with its columns of these names as numbers, blank where they are blank in the file."""
    for name, kind in kinds.items():
        if name not in frame.columns:
            continue
        text, column = pl.col(name), pl.col(name).cast(kind, strict=False)
        wrong = text.is_not_null() & (column.is_null() | ~column.cast(pl.Float64).is_finite())
        refuse_rows(frame, path, wrong, f"{name} '{{{name}}}' is not {WHOLE if kind.is_integer() else NUMBER}.")
        frame = frame.with_columns(column)
    return frame


def to_sex_codes(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Return the frame with F and M for sexes, which may be written in full."""
    for value in frame["sex"].drop_nulls().unique().sort():
        if value not in SEX_CODES:
            row = frame.with_row_index("row", offset=1).filter(pl.col("sex") == value)["row"][0]
            raise unknown("sex", value, SEX_CODES, f"{path}: row {row}")
    return frame.with_columns(pl.col("sex").replace_strict(SEX_CODES, default=None))


def refuse_blanks(frame: pl.DataFrame, path: Path, names: Iterable[str]) -> None:
    """Raise `UserError` if one of the columns is blank in any row."""
    for name in names:
        refuse_rows(
            frame, path, pl.col(name).is_null(), f"has no {name}. Every row needs all of {', '.join(frame.columns)}."
        )
