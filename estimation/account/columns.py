"""Reads one CSV file of an account: its columns, its numbers and its keys, each checked row by row.

Rows are counted from 1, the header apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from pipeline.errors import UserError, first_line, unknown

SEX_CODES = {"F": "F", "M": "M", "Female": "F", "Male": "M"}
PLACE_KEYS = ("area", "nationality_group")
"""Keys that a folder may have beside sex and cohort; in files without one, all rows belong to one and the same."""
SERIES = ["area", "sex", "nationality_group", "cohort"]
"""What a series of the account is: people of one birth cohort, sex, nationality group and area."""
PEOPLE = SERIES[:3]
NOISY = ("population", "immigration", "emigration")
EXACT = ("births", "deaths")
"""Measures observed with error, and measures taken as exact."""
MOST = 1e12
"""A count or an error that nobody can mean; the squares of much larger ones are no numbers any more."""
OLDEST = 150
"""An age that nobody reaches; arrays are as long as the largest one."""
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
    """Return the frame with its columns of these names as numbers, blank where they are blank in the file.

    Raises `UserError` for what is no number, not finite, or larger than `MOST`.
    """
    for name, kind in kinds.items():
        if name not in frame.columns:
            continue
        text, column = pl.col(name), pl.col(name).cast(kind, strict=False)
        wrong = text.is_not_null() & (column.is_null() | ~column.cast(pl.Float64).is_finite())
        refuse_rows(frame, path, wrong, f"{name} '{{{name}}}' is not {WHOLE if kind.is_integer() else NUMBER}.")
        frame = frame.with_columns(column)
        if not kind.is_integer():
            refuse_rows(frame, path, pl.col(name).abs() > MOST, f"{name} {{{name}}} is too large to be meant.")
    return frame


def refuse_ages(frame: pl.DataFrame, path: Path, possible: Sequence[int], rule: str) -> None:
    """Raise `UserError` for an `age` nobody has, or for one that does not fit `cohort` and `time`.

    `possible` are the years that `time` may be later than age and cohort together, and `rule` says so in words.
    """
    wrong = ~(pl.col("time") - pl.col("age") - pl.col("cohort")).is_in(possible)
    refuse_rows(frame, path, wrong, f"cohort {{cohort}} at age {{age}} in {{time}}: a cohort is {rule}.")
    refuse_rows(frame, path, pl.col("age") < 0, "age {age} is negative: nobody is counted before birth.")
    refuse_rows(frame, path, pl.col("age") > OLDEST, f"age {{age}} is above {OLDEST}.")


def to_sex_codes(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Return the frame with F and M for sexes, which may be written in full."""
    for value in frame["sex"].drop_nulls().unique().sort():
        if value not in SEX_CODES:
            row = frame.with_row_index("row", offset=1).filter(pl.col("sex") == value)["row"][0]
            raise unknown("sex", value, SEX_CODES, f"{path}: row {row}")
    return frame.with_columns(pl.col("sex").replace_strict(SEX_CODES, default=None))


def refuse_blanks(frame: pl.DataFrame, path: Path, names: Iterable[str]) -> None:
    """Raise `UserError` if one of the columns is blank in any row."""
    needed = list(names)
    for name in needed:
        refuse_rows(
            frame, path, pl.col(name).is_null(), f"has no {name}. Every row needs all of {', '.join(needed)}."
        )
