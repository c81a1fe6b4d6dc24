"""Checks of one extract against its contract: the value of every text, and why a row is quarantined.

All checks are Polars expressions made from the contract. In the frame, the text of a column is `text:<name>` and
its value (Date, Int64, Float64, Boolean or standard text) is `<name>`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipeline.ingest.columns import Bound, Column, whole_match
from pipeline.ingest.days import calendar_day, first_day_of_year, local_time
from pipeline.ingest.extract_contract import CURRENT, Extract
from pipeline.ingest.read_extract import ROW_NUMBER
from pipeline.ingest.standardise import standard_number

FILE = "file"
REASONS = "reasons"
WITHHELD = "(withheld)"
# An invalid value can be a person's name in the wrong column. It is only written if it is a single character, or
# if most of the column is valid and the value is as short as a code, or one of a few that are as common as a code
# missing from a list.
LONGEST_CODE = 3  # characters
COMMON_ENOUGH = 10  # people: by rows, a name that is in all rows of one person would be common
MOSTLY_COMMON = 0.5  # share of a column's refused rows: names, unlike codes, are mostly rare
FEW_KINDS = 20  # different values, or as many as the column has codes: there are more names than codes
FEW_INVALID = 0.1  # share of the rows of an extract

# columns of this module: no column of a contract has a colon in its name
_ORDER, _INVALID, _REPEATS, _FIRST = "row:order", "row:invalid", "row:repeats", "row:first"

TRUE = ("1", "TRUE", "T", "YES", "Y")
FALSE = ("0", "FALSE", "F", "NO", "N")
_FORMAT_WORDS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%b": "Mon", "%y": "YY", "%H": "hh", "%M": "mm", "%S": "ss"}
_FORMAT_WORDS |= {"%#z": "+hh:mm", "%:z": "+hh:mm", "%z": "+hh:mm"}
_YEARS = (1800, 2199)  # a year outside is a typing error, whatever the bounds are


@dataclass(frozen=True)
class Checked:
    """The rows of one extract: accepted with typed values, or quarantined with their reasons.

    `accepted` has `file`, `row_number` and the contract's columns. `quarantined` has `file`, `row_number`,
    `reasons` (list of text) and, as text, the columns that are not clear identifiers. `repeated` counts, by
    file, the rows that repeat an earlier record. `refused_codes` has `file`, `column`, `code` and `rows` of the codes
    outside a code list that so many people have that they identify nobody, the commonest of a file first.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    repeated: dict[str, int]
    refused_codes: pl.DataFrame


@dataclass(frozen=True)
class _Fault:
    """One fault that a value can have: an expression that is true where it is `present`, and the reason to give.

    Null in `present` counts as false. `reason` may use `shown:<name>`, the text of an attribute or `WITHHELD`.
    """

    column: str
    present: pl.Expr
    reason: pl.Expr


def check(
    texts: pl.DataFrame, extract: Extract, data_date: date, version_of: Mapping[str, str] | None = None
) -> Checked:
    """Return the rows of an extract that its contract accepts, and those that it does not.

    `texts` has `file`, `row_number` and every column of the contract as text, in the order of the files;
    `version_of` has the layout of each file that is not in the current one.
    """
    ordered = texts.with_row_index(_ORDER)
    version = pl.col(FILE).replace_strict(version_of or {}, default=CURRENT, return_dtype=pl.String)
    versions = ordered.select(version.unique(maintain_order=True)).to_series().to_list() or [CURRENT]
    parts = [ordered.filter(version == one) for one in versions] if len(versions) > 1 else [ordered]
    faults = [_faults(one, extract.layouts[one], data_date) for one in versions]
    rows = _in_order(
        [_checked(part, extract.layouts[one], own) for one, part, own in zip(versions, parts, faults, strict=True)]
    )
    # a record and its repetition can be in files of two versions
    rows = rows.with_columns(_repeats(rows, extract.unique).alias(_REPEATS))
    invalid = rows.filter(pl.col(_INVALID) | pl.col(_REPEATS))
    quarantined = [
        _quarantined(invalid.filter(version == one), extract, own, part.height)
        for one, part, own in zip(versions, parts, faults, strict=True)
    ]
    refused = [_refused_codes(invalid.filter(version == one), extract.layouts[one]) for one in versions]
    repeated = invalid.filter(_REPEATS)[FILE].value_counts().sort(FILE)
    return Checked(
        accepted=rows.filter(~(pl.col(_INVALID) | pl.col(_REPEATS))).select(FILE, ROW_NUMBER, *extract.columns),
        quarantined=_in_order(quarantined).drop(_ORDER),
        repeated=dict(repeated.iter_rows()),
        refused_codes=pl.concat(refused).sort(FILE, pl.col("rows").neg(), "column", "code"),
    )


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of several versions in the order of the files."""
    if len(parts) == 1:
        return parts[0]
    rows = pl.concat(parts, rechunk=True)
    return rows if rows[_ORDER].is_sorted() else rows.sort(_ORDER)


def _checked(texts: pl.DataFrame, layout: Extract, faults: list[_Fault]) -> pl.DataFrame:
    """Return rows of one layout with their values, and whether they have any fault."""
    invalid = pl.any_horizontal(fault.present.fill_null(value=False) for fault in faults)
    return values(texts, layout).with_columns(invalid.alias(_INVALID))


def _faults(version: str, layout: Extract, data_date: date) -> list[_Fault]:
    """Return all faults that a row of one layout can have."""
    faults = []
    for name, column in layout.columns.items():
        faults += faults_of(name, column, data_date)
        if name == layout.dated_by:
            faults += _outside_version(name, version, layout)
    for check in layout.check:
        faults += [_Fault(name, present, pl.lit(f"{name}: {why}")) for name, present, why in check.faults()]
    return faults


def _outside_version(name: str, version: str, layout: Extract) -> list[_Fault]:
    """Return the faults of a record dated when its source did not use this layout."""
    bounds = [(layout.since, pl.col(name) < layout.since, "before")] if layout.since else []
    bounds += [(layout.until, pl.col(name) > layout.until, "after")] if layout.until else []
    return [
        _Fault(name, present, pl.lit(f"{name}: {side} {day}, outside the dates of version '{version}'"))
        for day, present, side in bounds
    ]


def values(texts: pl.DataFrame, extract: Extract) -> pl.DataFrame:
    """Return `texts` with its columns renamed to `text:<name>` and their values added under `<name>`.

    Two events on one day are no repetition, so a date-time in the unique key is compared by `time:<name>`.
    """
    named = texts.rename({name: f"text:{name}" for name in extract.columns})
    times = {name: extract.columns[name] for name in extract.unique if extract.columns[name].type == "datetime"}
    return named.with_columns(
        *(value_of(pl.col(f"text:{name}"), column).alias(name) for name, column in extract.columns.items()),
        *(
            local_time(pl.col(f"text:{name}"), column.format, column.clock).alias(f"time:{name}")
            for name, column in times.items()
        ),
    )


def value_of(text: pl.Expr, column: Column) -> pl.Expr:
    """Return the value of a text in a column; null where it cannot be read as the column's type."""
    if column.gives_date:
        day = _day_of(text, column)
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
        return text.replace_strict(column.meaning_of, default=None, return_dtype=pl.String)
    return standard_number(text) if column.is_direct_identifier else text


def _day_of(text: pl.Expr, column: Column) -> pl.Expr:
    if column.type == "datetime":
        return local_time(text, column.format, column.clock).dt.date()
    if column.type == "year":
        return first_day_of_year(text, str(column.starts))
    return calendar_day(text, column.format)


def faults_of(name: str, column: Column, data_date: date) -> list[_Fault]:
    """Return all faults that a column can have, in the order in which they are given as reasons."""
    text, value = pl.col(f"text:{name}"), pl.col(name)

    def reason(words: str) -> pl.Expr:
        return pl.lit(f"{name}: {words}")

    faults = [_Fault(name, text.is_null(), reason("missing"))] if column.required else []
    unreadable = text.is_not_null() & value.is_null()
    if column.type == "code":
        unlisted = ~text.is_in(list(column.codes))
        shown = pl.col(f"shown:{name}")
        # not pl.format: it panics on frames of several chunks (polars issue 25339)
        quoted = pl.when(shown == WITHHELD).then(shown).otherwise(pl.concat_str(pl.lit("'"), shown, pl.lit("'")))
        words = pl.concat_str(pl.lit(f"{name}: code "), quoted, pl.lit(" is not in the code list"))
        faults.append(_Fault(name, unlisted, words))
    elif column.type != "text":
        faults.append(_Fault(name, unreadable, reason(_not_readable(column))))
    if column.pattern is not None:
        whole = whole_match(column.pattern)
        faults.append(_Fault(name, ~value.cast(pl.String).str.contains(whole), reason("does not match the pattern")))
    for bound, side in ((column.min, "min"), (column.latest, "max")):
        if bound is not None:
            limit = data_date if bound == "data_date" else bound
            present = value < pl.lit(limit) if side == "min" else value > pl.lit(limit)
            faults.append(_Fault(name, present, reason(_beyond(bound, side))))
    return faults


def _not_readable(column: Column) -> str:
    if column.type in ("date", "datetime"):
        form = column.format
        for sign, word in _FORMAT_WORDS.items():
            form = form.replace(sign, word)
        return f"not a date{' and time' if column.type == 'datetime' else ''} in the format {form}"
    if column.type == "year":
        return "not a year such as 2018/19 or 2018"
    return {"integer": "not a whole number", "decimal": "not a number", "boolean": "not a boolean"}[column.type]


def _beyond(bound: Bound, side: str) -> str:
    if bound == "data_date":
        return "before the data date" if side == "min" else "after the data date"
    if isinstance(bound, date):
        return f"before {bound}" if side == "min" else f"after {bound}"
    return f"below {bound}" if side == "min" else f"above {bound}"


def _repeats(rows: pl.DataFrame, unique: Iterable[str]) -> pl.Series:
    """Return for every row whether an earlier valid row has the same unique key."""
    key = [f"time:{name}" if f"time:{name}" in rows.columns else name for name in unique]
    first = rows.filter(~pl.col(_INVALID)).group_by(key).agg(pl.col(_ORDER).min().alias(_FIRST))
    keyed = rows.select(_ORDER, *key).join(first, on=key, how="left", nulls_equal=True, maintain_order="left")
    return keyed.select((pl.col(_ORDER) > pl.col(_FIRST)).fill_null(value=False)).to_series()


def _quarantined(invalid: pl.DataFrame, extract: Extract, faults: list[_Fault], rows_checked: int) -> pl.DataFrame:
    """Return the quarantine for rows of one layout: their order, reasons, and the values that may be written."""
    if invalid.is_empty():
        texts = dict.fromkeys(extract.attributes, pl.String)
        order = invalid.schema[_ORDER]
        return pl.DataFrame(
            schema={_ORDER: order, FILE: pl.String, ROW_NUMBER: pl.Int64, REASONS: pl.List(pl.String), **texts}
        )
    shown = invalid.with_columns(
        _shown(name, [fault.present for fault in faults if fault.column == name], extract, rows_checked)
        for name in extract.attributes
    )
    reasons = [pl.when(fault.present).then(fault.reason) for fault in faults]
    repeated = f"repeated record: same {', '.join(extract.unique)} as an earlier row"
    reasons.append(pl.when(pl.col(_REPEATS)).then(pl.lit(repeated)))
    return shown.select(
        _ORDER,
        FILE,
        ROW_NUMBER,
        pl.concat_list(reasons).list.drop_nulls().alias(REASONS),
        *(pl.col(f"shown:{name}").alias(name) for name in extract.attributes),
    )


def _refused_codes(invalid: pl.DataFrame, layout: Extract) -> pl.DataFrame:
    """Return the codes that rows of one layout are quarantined for, and how often, if many people have each.

    A column that is an identifier is left out, and so is one whose refused values are mostly rare, or more than its
    codes, as names are.
    """
    columns = {"file": pl.String, "column": pl.String, "code": pl.String, "rows": pl.Int64}
    found = [pl.DataFrame(schema=columns)]
    for name, column in layout.columns.items():
        if column.type != "code" or column.identifier:
            continue
        text = pl.col(f"text:{name}")
        counted = (
            invalid.filter(~text.is_in(list(column.codes)))
            .group_by(FILE, text.alias("code"))
            .agg(pl.len().alias("rows"), pl.min_horizontal(_people(layout)).alias("people"))
            .with_columns(pl.lit(name).alias("column"))
        )
        common = (pl.col("people") >= COMMON_ENOUGH) & ~pl.col("code").str.contains(r"\p{C}")
        few = pl.len().over(FILE) <= max(FEW_KINDS, len(column.codes))
        mostly = pl.col("rows").filter(common).sum().over(FILE) >= MOSTLY_COMMON * pl.col("rows").sum().over(FILE)
        found.append(
            counted.filter(common & mostly & few).select(pl.col(one).cast(kind) for one, kind in columns.items())
        )
    return pl.concat(found)


def _people(layout: Extract) -> list[pl.Expr]:
    """Return the numbers of different people in a group of rows, by each key that the source has of its subjects."""
    keys = [name for name, one in layout.columns.items() if one.is_direct_identifier and one.of is None]
    return [pl.col(name).n_unique() for name in keys] or [pl.lit(0)]


def _shown(name: str, faults: list[pl.Expr], layout: Extract, rows_checked: int) -> pl.Expr:
    """Return as `shown:<name>` the texts of a column that may be written; all others are `WITHHELD`."""
    text = pl.col(f"text:{name}")
    invalid = pl.any_horizontal(fault.fill_null(value=False) for fault in [*faults, pl.lit(value=False)])
    mostly_valid = invalid.sum() <= FEW_INVALID * rows_checked
    people = pl.min_horizontal(number.over(text, invalid) for number in _people(layout))
    few = text.filter(invalid).n_unique() <= max(FEW_KINDS, len(layout.columns[name].codes))
    code_like = (text.str.len_chars() <= LONGEST_CODE) | ((people >= COMMON_ENOUGH) & few)
    harmless = (text.str.len_chars() <= 1) | (mostly_valid & code_like)
    return pl.when(invalid & ~harmless).then(pl.lit(WITHHELD)).otherwise(text).alias(f"shown:{name}")
