"""Checks of one extract against its contract: the value of every text, and why it is null or its row quarantined.

All checks are Polars expressions made from the contract. In the frame, the text of a column is `text:<name>` and
its value (Date, Int64, Float64, Boolean or standard text) is `<name>`. A fault in a column of `Extract.nulled` costs
the value, any other fault the row; `unusable:<name>` is the number of the fault that made a value null, else 0.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from pipeline.ingest.check_digits import passes
from pipeline.ingest.columns import Bound, Column, whole_match
from pipeline.ingest.days import calendar_day, first_day_of_year, local_time
from pipeline.ingest.extract_contract import CURRENT, Extract, RowCheck
from pipeline.ingest.order_check import OrderCheck
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
    file, the rows that repeat an earlier record. `unusable` has `file`, `column`, `cause` and `rows`: how many values
    of accepted rows became null, and for which fault. `refused_codes` has `file`, `column`, `code` and `rows` of the
    codes outside a code list that so many people have that they identify nobody, the commonest of a file first.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    repeated: dict[str, int]
    unusable: pl.DataFrame
    refused_codes: pl.DataFrame


@dataclass(frozen=True)
class _Fault:
    """One fault that a row can have in a column: an expression that is true where it is `present`, and its `words`.

    Null in `present` counts as false. `quoting` is the reason for a row's quarantine if it quotes the value: it uses
    `shown:<name>`, the text of an attribute or `WITHHELD`. `nulls` names the column whose value becomes null; without
    it the row is quarantined. A check across columns compares what is left of their values.
    """

    column: str
    present: pl.Expr
    words: str
    quoting: pl.Expr | None = None
    nulls: str | None = None
    across: bool = False

    @property
    def found(self) -> pl.Expr:
        """An expression that is true where the fault is present, and never null."""
        return self.present.fill_null(value=False)

    @property
    def reason(self) -> pl.Expr:
        """The reason for which a row is quarantined."""
        return pl.lit(self.words) if self.quoting is None else self.quoting


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
    accepted = rows.filter(~(pl.col(_INVALID) | pl.col(_REPEATS)))
    unusable = [
        _unusable(accepted.filter(version == one), extract, own) for one, own in zip(versions, faults, strict=True)
    ]
    return Checked(
        accepted=accepted.select(FILE, ROW_NUMBER, *extract.columns),
        quarantined=_in_order(quarantined).drop(_ORDER),
        repeated=dict(repeated.iter_rows()),
        unusable=pl.concat(unusable).sort(FILE, "column", pl.col("rows").neg(), "cause"),
        refused_codes=pl.concat(refused).sort(FILE, pl.col("rows").neg(), "column", "code"),
    )


def _in_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of several versions in the order of the files."""
    if len(parts) == 1:
        return parts[0]
    rows = pl.concat(parts, rechunk=True)
    return rows if rows[_ORDER].is_sorted() else rows.sort(_ORDER)


def _checked(texts: pl.DataFrame, layout: Extract, faults: list[_Fault]) -> pl.DataFrame:
    """Return rows of one layout with their values, which of them became null, and whether a row has any fault."""
    rows = values(texts, layout)
    if layout.nulled:
        rows = rows.with_columns(_number(name, faults) for name in layout.nulled)
        rows = rows.with_columns(pl.when(pl.col(_of(name)) == 0).then(name) for name in layout.nulled)
    for number, fault in enumerate(faults, 1):
        if fault.nulls and fault.across:  # one after the other: a value that is null fails no other check
            spoilt = pl.when(fault.found).then(number).otherwise(_of(fault.nulls)).cast(pl.UInt16)
            rows = rows.with_columns(
                spoilt.alias(_of(fault.nulls)), pl.when(~fault.found).then(fault.nulls).alias(fault.nulls)
            )
    invalid = pl.any_horizontal(pl.lit(value=False), *(fault.found for fault in faults if fault.nulls is None))
    return rows.with_columns(invalid.alias(_INVALID))


def _of(name: str) -> str:
    """Return the name of the column that says for which fault a value became null."""
    return f"unusable:{name}"


def _number(name: str, faults: list[_Fault]) -> pl.Expr:
    """Return the number, from 1, of the first fault that a column's value has in itself; 0 if it has none."""
    own = [(number, fault) for number, fault in enumerate(faults, 1) if fault.nulls == name and not fault.across]
    found = (pl.when(fault.found).then(pl.lit(number, pl.UInt16)) for number, fault in own)
    return pl.coalesce(*found, pl.lit(0, pl.UInt16)).alias(_of(name))


def _unusable(accepted: pl.DataFrame, extract: Extract, faults: list[_Fault]) -> pl.DataFrame:
    """Return `file, column, cause, rows`: the values of accepted rows of one layout that became null, and why."""
    counts = [pl.DataFrame(schema={FILE: pl.String, "column": pl.String, "cause": pl.String, "rows": pl.Int64})]
    for name in extract.nulled:
        found = accepted.filter(pl.col(_of(name)) > 0).group_by(FILE, pl.col(_of(name)).alias("number")).len()
        cause = [faults[number - 1].words for number in found["number"]]
        counts.append(
            found.select(
                FILE,
                pl.lit(name).alias("column"),
                pl.Series("cause", cause, pl.String),
                pl.col("len").cast(pl.Int64).alias("rows"),
            )
        )
    return pl.concat(counts)


def _faults(version: str, layout: Extract, data_date: date) -> list[_Fault]:
    """Return all faults that a row of one layout can have."""
    faults = []
    for name, column in layout.columns.items():
        if column.required:
            faults.append(_Fault(name, pl.col(f"text:{name}").is_null(), f"{name}: missing"))
        nulls = name if name in layout.nulled else None
        faults += [replace(fault, nulls=nulls) for fault in faults_of(name, column, data_date)]
        if name == layout.dated_by:
            faults += _outside_version(name, version, layout)
    for check in layout.check:
        faults += [
            _Fault(name, present, f"{name}: {why}", nulls=_spoilt(name, check, layout), across=True)
            for name, present, why in check.faults()
        ]
    return faults


def _spoilt(name: str, check: RowCheck, layout: Extract) -> str | None:
    """Return the column whose value becomes null if a row fails a check across columns: that which it is about."""
    suspects = (name, check.other) if isinstance(check, OrderCheck) else (name,)
    return next((one for one in suspects if one in layout.nulled), None)


def _outside_version(name: str, version: str, layout: Extract) -> list[_Fault]:
    """Return the faults of a record dated when its source did not use this layout."""
    bounds = [(layout.since, pl.col(name) < layout.since, "before")] if layout.since else []
    bounds += [(layout.until, pl.col(name) > layout.until, "after")] if layout.until else []
    return [
        _Fault(name, present, f"{name}: {side} {day}, outside the dates of version '{version}'")
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
    """Return all faults that a value of a column can have, in the order in which they are given as reasons."""
    text, value = pl.col(f"text:{name}"), pl.col(name)
    faults = []
    if column.type == "code":
        shown = pl.col(f"shown:{name}")
        # not pl.format: it panics on frames of several chunks (polars issue 25339)
        quoted = pl.when(shown == WITHHELD).then(shown).otherwise(pl.concat_str(pl.lit("'"), shown, pl.lit("'")))
        quoting = pl.concat_str(pl.lit(f"{name}: code "), quoted, pl.lit(" is not in the code list"))
        unlisted = ~text.is_in(list(column.codes))
        faults.append(_Fault(name, unlisted, f"{name}: code is not in the code list", quoting))
    elif column.type != "text":
        faults.append(_Fault(name, text.is_not_null() & value.is_null(), f"{name}: {_not_readable(column)}"))
    if column.pattern is not None:
        whole = whole_match(column.pattern)
        faults.append(_Fault(name, ~value.cast(pl.String).str.contains(whole), f"{name}: does not match the pattern"))
    if column.check_digit is not None:
        faults.append(
            _Fault(name, ~passes(value, column.check_digit), f"{name}: fails the check '{column.check_digit}'")
        )
    for bound, side in ((column.min, "min"), (column.latest, "max")):
        if bound is not None:
            limit = bound
            if bound == "data_date":
                limit = data_date if column.gives_date else data_date.year
            present = value < pl.lit(limit) if side == "min" else value > pl.lit(limit)
            faults.append(_Fault(name, present, f"{name}: {_beyond(bound, side)}"))
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


def _repeats(rows: pl.DataFrame, unique: Collection[str]) -> pl.Series:
    """Return for every row whether an earlier valid row has the same unique key; none has, where there is no key."""
    if not unique:
        return pl.repeat(False, rows.height, eager=True)
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
        _shown(name, _refusals(name, extract, faults), extract, rows_checked) for name in extract.attributes
    )
    reasons = [pl.when(fault.present).then(fault.reason) for fault in faults if fault.nulls is None]
    repeated = f"repeated record: same {', '.join(extract.unique)} as an earlier row"
    reasons.append(pl.when(pl.col(_REPEATS)).then(pl.lit(repeated)))
    return shown.select(
        _ORDER,
        FILE,
        ROW_NUMBER,
        pl.concat_list(reasons).list.drop_nulls().alias(REASONS),
        *(pl.col(f"shown:{name}").alias(name) for name in extract.attributes),
    )


def _refusals(name: str, extract: Extract, faults: list[_Fault]) -> list[pl.Expr]:
    """Return what shows that a text is not a value of its column."""
    if name in extract.nulled:
        return [pl.col(_of(name)) > 0]
    return [fault.found for fault in faults if fault.column == name]


def _refused_codes(invalid: pl.DataFrame, layout: Extract) -> pl.DataFrame:
    """Return the codes that rows of one layout are quarantined for, and how often, if many people have each.

    A column that is an identifier is left out, and so is one whose refused values are mostly rare, or more than its
    codes, as names are.
    """
    columns = {"file": pl.String, "column": pl.String, "code": pl.String, "rows": pl.Int64}
    found = [pl.DataFrame(schema=columns)]
    for name, column in layout.columns.items():
        if column.type != "code" or column.identifier or name in layout.nulled:
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


def _shown(name: str, refused: list[pl.Expr], layout: Extract, rows_checked: int) -> pl.Expr:
    """Return as `shown:<name>` the texts of a column that may be written; all others are `WITHHELD`."""
    text = pl.col(f"text:{name}")
    invalid = pl.any_horizontal(pl.lit(value=False), *refused)
    mostly_valid = invalid.sum() <= FEW_INVALID * rows_checked
    people = pl.min_horizontal(number.over(text, invalid) for number in _people(layout))
    few = text.filter(invalid).n_unique() <= max(FEW_KINDS, len(layout.columns[name].codes))
    code_like = (text.str.len_chars() <= LONGEST_CODE) | ((people >= COMMON_ENOUGH) & few)
    harmless = (text.str.len_chars() <= 1) | (mostly_valid & code_like)
    return pl.when(invalid & ~harmless).then(pl.lit(WITHHELD)).otherwise(text).alias(f"shown:{name}")
