"""What is wrong with a delivery by itself: contracts, repeated rows, default dates, damaged letters, empty months."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import polars as pl

from pipeline.ingest.columns import Column
from pipeline.ingest.extract_contract import Extract
from pipeline.ingest.gaps import gaps_of
from pipeline.ingest.period_check import PeriodCheck
from reception.finding import Finding, percent, share
from reception.thresholds import Thresholds, Tolerance

FAULTY = 0.01
"""Share of the values of a column that may break its contract."""
REPEATED = Tolerance(0.001, 0.005)
DEFAULT_DAYS = (
    date(1900, 1, 1), date(1901, 1, 1), date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1), date(2099, 12, 31),
)  # fmt: skip
"""Days that programs write where none is known."""
ON_A_DEFAULT_DAY = 0.005
BORN_ON_NEW_YEARS_DAY = 0.05
"""Share of people who may be born on 1 January: where the day of a birth is not known, some registers write it."""
ON_NEW_YEARS_DAY = 0.25
"""The same of other dates: asked when they arrived, people name a year."""
BORN_ON_ONE_DAY = 0.005
DAMAGED = Tolerance(0.0003, 0.001)
DAMAGED_LETTERS = (
    r"[ÃÂÄÅ][\u{80}-\u{BF}\u{20AC}\u{2018}-\u{201E}\u{2020}-\u{2026}\u{0192}\u{0152}-\u{0178}]|\u{FFFD}|\pL\?|\?\pL"
)
"""What is left of letters with accents that were read in the wrong encoding, or written in one without them."""
FEWER = 1.25
"""How many times fewer rows a month may have than the months about it, or the same month a year before and after."""
SHOWN_CODES = 5
PEOPLE_OF_A_CODE = 10
"""Rows of a code outside the list, from which it may be shown: it identifies nobody."""


def check_alone(
    rows: pl.DataFrame, source: str, extract: Extract, key: str | None, data_date: date, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield what is wrong with the typed rows of an extract, whatever was delivered before.

    `key` is the column of the person key, if the source has one. Faults against the contract are `faulty_values`.
    """
    yield from _repeated_rows(rows, source, extract, thresholds)
    for name, column in extract.columns.items():
        if column.gives_date:
            yield from _default_days(rows, source, extract, name, key, thresholds)
        elif column.type == "text":
            yield from _damaged_letters(rows, source, name, thresholds)
    yield from _empty_times(rows, source, extract, data_date, thresholds)


def faulty_values(
    rows: pl.DataFrame, before: pl.DataFrame, source: str, extract: Extract, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield the columns of which more values break the contract than before, or than are tolerated."""
    for name, column in extract.columns.items():
        fault = pl.col(f"fault:{name}")
        count = rows.height - rows[f"fault:{name}"].null_count()
        earlier = before.height - before[f"fault:{name}"].null_count()
        tolerated = max(FAULTY, thresholds.largest_share(earlier, before.height)) if earlier else FAULTY
        if thresholds.too_many(count, rows.height, tolerated):
            commonest = rows.drop_nulls(f"fault:{name}").group_by(fault).len().sort("len", descending=True)
            found = f"{share(count, rows.height)}: {commonest[0, 0]}{_refused_codes(rows, name, column)}"
            yield Finding(source, name, "contract", f"at most {percent(tolerated)} break the contract", found)
    for check in {one for layout in extract.layouts.values() for one in layout.check}:
        for name, present, why in check.faults():
            count, earlier = (int(one.select(present.fill_null(value=False).sum()).item()) for one in (rows, before))
            tolerated = max(FAULTY, thresholds.largest_share(earlier, before.height)) if earlier else FAULTY
            if thresholds.too_many(count, rows.height, tolerated):
                yield Finding(
                    source, name, "contract", f"at most {percent(tolerated)} break the contract",
                    f"{share(count, rows.height)}: {why}",
                )  # fmt: skip


def _refused_codes(rows: pl.DataFrame, name: str, column: Column) -> str:
    """Return the commonest codes outside the list, unless values are so many that they may be something else."""
    if column.type != "code":
        return ""
    texts = rows.filter(pl.col(f"fault:{name}").is_not_null()).drop_nulls(f"text:{name}")[f"text:{name}"]
    counted = texts.value_counts(sort=True, name="rows")
    if counted.height > max(SHOWN_CODES, len(column.codes)) or not (counted["rows"] >= PEOPLE_OF_A_CODE).all():
        return ""
    return " (" + ", ".join(f"'{code}'" for code in sorted(counted[f"text:{name}"].head(SHOWN_CODES))) + ")"


def _repeated_rows(rows: pl.DataFrame, source: str, extract: Extract, thresholds: Thresholds) -> Iterator[Finding]:
    key = list(extract.unique) or [f"text:{name}" for name in extract.columns]
    keyed = rows.drop_nulls(key) if extract.unique else rows
    count = keyed.height - keyed.select(key).n_unique() if keyed.height else 0
    if thresholds.too_many(count, rows.height, REPEATED):
        what = f"the same {', '.join(extract.unique)}" if extract.unique else "the same values"
        yield Finding(source, None, "repeated rows", "each record once", f"{share(count, rows.height)} have {what}")


def _default_days(
    rows: pl.DataFrame, source: str, extract: Extract, name: str, key: str | None, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield the day that too many people have in a column of days: a default, 1 January, or one day of birth."""
    day = pl.col(name).cast(pl.Date)
    people = rows.select(key, day).drop_nulls(name).unique() if key and key != name else rows.select(day).drop_nulls()
    if people.is_empty():
        return
    counts = Counter(dict(people.group_by(name).len().iter_rows()))
    born = extract.columns[name].identifier == "date_of_birth"
    for one, count in counts.most_common(1) if born else ():
        if thresholds.too_many(count, people.height, BORN_ON_ONE_DAY):
            expected = "births spread over the days of many years"
            yield Finding(source, name, "default date", expected, f"{share(count, people.height)} on {one}")
            return
    for one in DEFAULT_DAYS:
        if thresholds.too_many(counts[one], people.height, ON_A_DEFAULT_DAY):
            yield Finding(source, name, "default date", "no default", f"{share(counts[one], people.height)} on {one}")
            return
    periods = {
        column for check in extract.check if isinstance(check, PeriodCheck) for column in check.columns.values()
    }
    if name in periods or extract.columns[name].type == "year":
        return
    first = sum(count for one, count in counts.items() if (one.month, one.day) == (1, 1))
    tolerated = BORN_ON_NEW_YEARS_DAY if born else ON_NEW_YEARS_DAY
    if thresholds.too_many(first, people.height, tolerated):
        found = f"{share(first, people.height)} on 1 January"
        yield Finding(source, name, "default date", f"at most {percent(tolerated)} on 1 January", found)


def _damaged_letters(rows: pl.DataFrame, source: str, name: str, thresholds: Thresholds) -> Iterator[Finding]:
    texts = rows[f"text:{name}"].drop_nulls()
    count = int(texts.str.contains(DAMAGED_LETTERS).sum())
    if thresholds.too_many(count, len(texts), DAMAGED):
        yield Finding(source, name, "encoding", "letters as they were", f"{share(count, len(texts))} are damaged")


def _empty_times(
    rows: pl.DataFrame, source: str, extract: Extract, data_date: date, thresholds: Thresholds
) -> Iterator[Finding]:
    """Yield spans that the contract says are covered, and calendar months between others, that have no rows."""
    days = [one for one in extract.first_and_last_day or () if one]
    dated = rows.drop_nulls(days).with_columns(pl.col(day).cast(pl.Date) for day in days)
    column = extract.first_and_last_day[0] if extract.first_and_last_day else None
    gaps = gaps_of(dated, extract, data_date)
    for first, last in gaps.iter_rows():
        yield Finding(source, column, "empty period", "rows of every time that is covered", f"none {first} to {last}")
    if column is None or extract.yearly is not None or dated.is_empty():
        return
    months = dated.group_by(pl.col(column).dt.truncate("1mo").alias("month")).len().sort("month")
    every = months.select(pl.date_range(pl.col("month").min(), pl.col("month").max(), "1mo").alias("month"))
    counted = every.join(months, on="month", how="left").with_columns(pl.col("len").fill_null(0))
    beside = (pl.col("len").shift(1) + pl.col("len").shift(-1)) / 2
    years_apart = pl.mean_horizontal(pl.col("len").shift(12), pl.col("len").shift(-12))
    usual = pl.when(years_apart.is_not_null()).then(pl.min_horizontal(years_apart, beside))
    empty = counted.with_columns(usual=usual).filter(pl.col("len") == 0)
    for month, usually in empty.select("month", "usual").iter_rows():
        in_a_gap = gaps.filter(pl.col("gap_from") <= month, pl.col("gap_to") >= month).height
        if usually is not None and not in_a_gap and thresholds.too_few(0, usually / FEWER):
            yield Finding(source, column, "empty period", f"about {usually:.0f} rows", f"none in {month:%Y-%m}")
