"""What suppliers do to a delivery without a word: each change as a function of one file's rows, for any column.

A file is a frame of texts under its headers. A plant takes it, a header and the column of the contract, and returns
the file as the supplier would deliver it after the change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.ingest.columns import Column
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.read_extract import headers_of, read_extract
from pipeline.ingest.versions import version_of

Plant = Callable[[pl.DataFrame, str, Column], pl.DataFrame]


@dataclass(frozen=True)
class File:
    """One file of an extract: its rows as texts by header, and the layout that its contract gives it."""

    path: Path
    layout: Extract
    rows: pl.DataFrame


def read_file(path: Path, extract: Extract) -> File:
    layout = extract.layouts[version_of(path, extract, None, "")]
    texts = read_extract(path, layout)
    present = headers_of(path)
    return File(path, layout, texts.select(
        pl.col(name).alias(column.header) for name, column in layout.columns.items() if column.header in present
    ))  # fmt: skip


def write_file(rows: pl.DataFrame, path: Path) -> None:
    rows.write_csv(path) if path.suffix == ".csv" else rows.write_parquet(path)


def some(rows: pl.DataFrame, share: float, seed: int = 7) -> pl.Expr:
    """True in about this share of the rows, whatever they contain."""
    return pl.int_range(pl.len()).hash(seed) % 1000 < share * 1000


def less_complete(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.when(~some(rows, 0.10)).then(header).alias(header))


def default_date(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    default = pl.lit("1900-01-01").str.to_date().dt.strftime(column.format)
    return rows.with_columns(pl.when(some(rows, 0.10)).then(default).otherwise(header).alias(header))


def first_of_january(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return _with_day(rows, header, column, lambda day: day.dt.truncate("1y"))


def later(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return _with_day(rows, header, column, lambda day: day.dt.offset_by("-14d"))


def other_zone(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    """In summer, midnight here is eleven in the evening of the day before in Greenwich."""
    summer = lambda day: pl.when(day.dt.month().is_between(4, 10)).then(day.dt.offset_by("-1d")).otherwise(day)  # noqa: E731
    return _with_day(rows, header, column, summer)


def month_before_day(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    turned = column.format.replace("%d", "%?").replace("%m", "%d").replace("%?", "%m")
    return rows.with_columns(pl.col(header).str.to_date(column.format, strict=False).dt.strftime(turned))


def _with_day(rows: pl.DataFrame, header: str, column: Column, change: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    day = pl.col(header).str.to_date(column.format, strict=False)
    return rows.with_columns(pl.coalesce(change(day).dt.strftime(column.format), header).alias(header))


def doubled(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return pl.concat([rows, rows])


def cut(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.head(int(rows.height * 0.8))


def renamed_code(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    commonest = rows[header].drop_nulls().value_counts(sort=True)[header][0]
    return rows.with_columns(pl.col(header).replace({commonest: f"{commonest}_NEW"}))


def collapsed_code(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    commonest = rows[header].drop_nulls().value_counts(sort=True)[header]
    return rows.with_columns(pl.col(header).replace({commonest[0]: commonest[1]}))


def another_format(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.col(header).str.replace(r"^(.{3})(.+)$", "${1}-${2}"))


def prefixed(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns((pl.lit("GB") + pl.col(header)).alias(header))


def reissued(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    """Every key another one of the same form: its digits in another order of the alphabet of digits."""
    digits = {str(one): str((7 * one + 3) % 10) for one in range(10)}
    return rows.with_columns(pl.col(header).str.replace_many(digits))


def upper_case(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.col(header).str.to_uppercase())


def without_accents(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.col(header).str.normalize("NFKD").str.replace_all(r"\p{M}", ""))


def truncated(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.col(header).str.slice(0, 4))


def mojibake(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    wrong = rows[header].map_elements(
        lambda text: text.encode("utf-8").decode("cp1252", errors="replace"), return_dtype=pl.String
    )
    return rows.with_columns(wrong.alias(header))


def dropped(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.drop(header)


def added(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.col(header).alias(f"{header}_2"))


def renamed_column(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.rename({header: f"{header}_NEW"})


def shuffled(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(pl.col(header).shuffle(seed=1))


def one_value(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns(
        pl.when(some(rows, 0.10)).then(pl.col(header).drop_nulls().first()).otherwise(header).alias(header)
    )


def ten_times(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    return rows.with_columns((pl.col(header).cast(pl.Float64) * 10).cast(pl.Int64, strict=False).cast(pl.String))


def without_a_quarter(rows: pl.DataFrame, header: str, column: Column) -> pl.DataFrame:
    day = pl.col(header).str.to_date(column.format, strict=False)
    return rows.filter(~day.is_between(pl.date(2018, 4, 1), pl.date(2018, 6, 30)).fill_null(value=False))
