"""Checks of one extract against its contract: what every value means, and why a row is set aside.

All checks are Polars expressions made from the contract. The text of a column stands in the frame under
`text:<name>`, its value (Date, Int64, Float64, Boolean or canonical text) under `<name>`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.ingest.columns import Bound, Column, whole_match
from pipeline.ingest.contracts import CURRENT, Extract
from pipeline.ingest.read_extract import ROW_NUMBER
from pipeline.ingest.standardise import standard_number

FILE = "file"
REASONS = "reasons"
WITHHELD = "(withheld)"
# What a column refuses can be somebody's name in the wrong place. It is only written if it is a single sign,
# or if the column is mostly right and the value as short as a code, or as common as a forgotten code.
LONGEST_CODE = 3  # characters
COMMON_ENOUGH = 10  # rows
FEW_REFUSED = 0.1  # share of the rows of an extract

# no name of a contract's column has a colon
_ORDER, _BAD, _REPEATS, _FIRST = "row:order", "row:bad", "row:repeats", "row:first"

TRUE = ("1", "TRUE", "T", "YES", "Y")
FALSE = ("0", "FALSE", "F", "NO", "N")
_FORMAT_WORDS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%b": "Mon", "%y": "YY", "%H": "hh", "%M": "mm", "%S": "ss"}
_YEARS = (1800, 2199)  # a year outside is a slip of the pen, whatever the bounds say


@dataclass(frozen=True)
class Checked:
    """The rows of one extract, apart: accepted with typed values, and quarantined with their reasons.

    `accepted` has `file`, `row_number` and the contract's columns. `quarantined` has `file`, `row_number`,
    `reasons` (list of text) and the columns that are no clear identifiers, as text. `repeated` counts, by
    file, the rows that repeat an earlier record.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    repeated: dict[str, int]


@dataclass(frozen=True)
class _Fault:
    """One thing that can be wrong with a column: where it is (null counts as no), and what to say.

    `reason` may use `shown:<name>`, the text of an attribute as far as it may be written.
    """

    column: str
    found: pl.Expr
    reason: pl.Expr


def check(
    texts: pl.DataFrame, extract: Extract, data_date: date, version_of: Mapping[str, str] | None = None
) -> Checked:
    """Return the rows of an extract that its contract accepts, and those that it does not.

    `texts` has `file`, `row_number` and every column of the contract as text, in the order of the files;
    `version_of` tells the layout of each file, if it is not the current one.
    """
    ordered = texts.with_row_index(_ORDER)
    version = pl.col(FILE).replace_strict(version_of or {}, default=CURRENT, return_dtype=pl.String)
    versions = ordered.select(version.unique(maintain_order=True)).to_series().to_list() or [CURRENT]
    parts = [ordered.filter(version == one) for one in versions] if len(versions) > 1 else [ordered]
    faults = [_faults(one, extract.layouts[one], data_date) for one in versions]
    rows = _in_order(
        [_judged(part, extract.layouts[one], found) for one, part, found in zip(versions, parts, faults, strict=True)]
    )
    # a repetition can stand in files of two versions
    rows = rows.with_columns(_repeats(rows, extract.unique).alias(_REPEATS))
    bad = rows.filter(pl.col(_BAD) | pl.col(_REPEATS))
    aside = [
        _set_aside(bad.filter(version == one), extract, found, part.height)
        for one, part, found in zip(versions, parts, faults, strict=True)
    ]
    repeated = bad.filter(_REPEATS)[FILE].value_counts().sort(FILE)
    return Checked(
        accepted=rows.filter(~(pl.col(_BAD) | pl.col(_REPEATS))).select(FILE, ROW_NUMBER, *extract.columns),
        quarantined=_in_order(aside).drop(_ORDER),
        repeated=dict(repeated.iter_rows()),
    )


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of several versions in the order of the files."""
    if len(parts) == 1:
        return parts[0]
    rows = pl.concat(parts, rechunk=True)
    return rows if rows[_ORDER].is_sorted() else rows.sort(_ORDER)


def _judged(texts: pl.DataFrame, layout: Extract, faults: list[_Fault]) -> pl.DataFrame:
    """Return rows of one layout with their values, and whether any fault is found in them."""
    found = pl.any_horizontal(fault.found.fill_null(value=False) for fault in faults)
    return values(texts, layout).with_columns(found.alias(_BAD))


def _faults(version: str, layout: Extract, data_date: date) -> list[_Fault]:
    """Return everything that can be wrong with a row of one layout."""
    faults = []
    for name, column in layout.columns.items():
        faults += faults_of(name, column, data_date)
        if name == layout.dated_by:
            faults += _out_of_time(name, version, layout)
    return faults


def _out_of_time(name: str, version: str, layout: Extract) -> list[_Fault]:
    """Return the faults of a record that is dated when its source did not write this layout."""
    bounds = [(layout.since, pl.col(name) < layout.since, "before")] if layout.since else []
    bounds += [(layout.until, pl.col(name) > layout.until, "after")] if layout.until else []
    return [
        _Fault(name, found, pl.lit(f"{name}: {side} {day}, out of the time of the layout '{version}'"))
        for day, found, side in bounds
    ]


def values(texts: pl.DataFrame, extract: Extract) -> pl.DataFrame:
    """Return `texts` with its columns renamed to `text:<name>` and their values added under `<name>`."""
    named = texts.rename({name: f"text:{name}" for name in extract.columns})
    return named.with_columns(
        value_of(pl.col(f"text:{name}"), column).alias(name) for name, column in extract.columns.items()
    )


def value_of(text: pl.Expr, column: Column) -> pl.Expr:
    """Return what a text means in a column; null where it cannot be read as the column's type."""
    if column.type == "date":
        day = text.str.to_date(column.format, strict=False)
        return pl.when(day.dt.year().is_between(*_YEARS)).then(day)
    if column.type == "integer":
        return text.cast(pl.Int64, strict=False)
    if column.type == "decimal":
        number = text.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
    if column.type == "boolean":
        truth = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
        return text.str.to_uppercase().replace_strict(truth, default=None, return_dtype=pl.Boolean)
    if column.type == "code":
        return text.replace_strict(column.codes, default=None, return_dtype=pl.String)
    return standard_number(text) if column.is_direct_identifier else text


def faults_of(name: str, column: Column, data_date: date) -> list[_Fault]:
    """Return everything that can be wrong with a column, in the order in which it is told."""
    text, value = pl.col(f"text:{name}"), pl.col(name)

    def says(words: str) -> pl.Expr:
        return pl.lit(f"{name}: {words}")

    faults = [_Fault(name, text.is_null(), says("missing"))] if column.required else []
    unreadable = text.is_not_null() & value.is_null()
    if column.type == "code":
        shown = pl.col(f"shown:{name}")
        # not pl.format: it panics on frames of several chunks (polars issue 25339)
        quoted = pl.when(shown == WITHHELD).then(shown).otherwise(pl.concat_str(pl.lit("'"), shown, pl.lit("'")))
        words = pl.concat_str(pl.lit(f"{name}: code "), quoted, pl.lit(" is not in the code list"))
        faults.append(_Fault(name, unreadable, words))
    elif column.type != "text":
        faults.append(_Fault(name, unreadable, says(_not_readable(column))))
    if column.pattern is not None:
        whole = whole_match(column.pattern)
        faults.append(_Fault(name, ~value.cast(pl.String).str.contains(whole), says("not of the declared pattern")))
    for bound, side in ((column.min, "min"), (column.max, "max")):
        if bound is not None:
            limit = data_date if bound == "data_date" else bound
            found = value < pl.lit(limit) if side == "min" else value > pl.lit(limit)
            faults.append(_Fault(name, found, says(_beyond(bound, side))))
    return faults


def _not_readable(column: Column) -> str:
    if column.type == "date":
        form = column.format
        for sign, word in _FORMAT_WORDS.items():
            form = form.replace(sign, word)
        return f"not a date of the form {form}"
    return {"integer": "not a whole number", "decimal": "not a number", "boolean": "neither yes nor no"}[column.type]


def _beyond(bound: Bound, side: str) -> str:
    if bound == "data_date":
        return "before the data date" if side == "min" else "after the data date"
    if isinstance(bound, date):
        return f"before {bound}" if side == "min" else f"after {bound}"
    return f"below {bound}" if side == "min" else f"above {bound}"


def _repeats(rows: pl.DataFrame, unique: Iterable[str]) -> pl.Series:
    """Return for every row whether an earlier row that is not bad has the same unique key."""
    key = list(unique)
    first = rows.filter(~pl.col(_BAD)).group_by(key).agg(pl.col(_ORDER).min().alias(_FIRST))
    found = rows.select(_ORDER, *key).join(first, on=key, how="left", nulls_equal=True, maintain_order="left")
    return found.select((pl.col(_ORDER) > pl.col(_FIRST)).fill_null(value=False)).to_series()


def _set_aside(bad: pl.DataFrame, extract: Extract, faults: list[_Fault], rows_checked: int) -> pl.DataFrame:
    """Return the quarantine of rows of one layout: their order, reasons, and the values that may be written."""
    if bad.is_empty():
        texts = dict.fromkeys(extract.attributes, pl.String)
        order = bad.schema[_ORDER]
        return pl.DataFrame(
            schema={_ORDER: order, FILE: pl.String, ROW_NUMBER: pl.Int64, REASONS: pl.List(pl.String), **texts}
        )
    shown = bad.with_columns(
        _shown(f"text:{name}", [fault.found for fault in faults if fault.column == name], rows_checked).alias(
            f"shown:{name}"
        )
        for name in extract.attributes
    )
    reasons = [pl.when(fault.found).then(fault.reason) for fault in faults]
    repeated = f"repeated record: same {', '.join(extract.unique)} as an earlier row"
    reasons.append(pl.when(pl.col(_REPEATS)).then(pl.lit(repeated)))
    return shown.select(
        _ORDER,
        FILE,
        ROW_NUMBER,
        pl.concat_list(reasons).list.drop_nulls().alias(REASONS),
        *(pl.col(f"shown:{name}").alias(name) for name in extract.attributes),
    )


def _shown(text_column: str, refusals: list[pl.Expr], rows_checked: int) -> pl.Expr:
    """Return the texts of a column that may be written; the others are `WITHHELD`."""
    text = pl.col(text_column)
    refused = pl.any_horizontal(refusal.fill_null(value=False) for refusal in [*refusals, pl.lit(value=False)])
    a_slip_here_and_there = refused.sum() <= FEW_REFUSED * rows_checked
    code_like = (text.str.len_chars() <= LONGEST_CODE) | (pl.len().over(text, refused) >= COMMON_ENOUGH)
    harmless = (text.str.len_chars() <= 1) | (a_slip_here_and_there & code_like)
    return pl.when(refused & ~harmless).then(pl.lit(WITHHELD)).otherwise(text)
