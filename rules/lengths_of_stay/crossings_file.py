"""A file of crossings that anybody may bring, CSV or Parquet: read in parts of whole people, and checked row by row.

It has the columns `person_id`, `date`, `is_arrival` and `initial_resident`, and may have others. The rows of a person
follow one another, in the order of the crossings.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.errors import UserError
from pipeline.tables import parts_of, scan_table, scan_text_table
from rules.lengths_of_stay.crossings import Crossings, Flags

COLUMNS = ("person_id", "date", "is_arrival", "initial_resident")
LISTED = 20
"""How many faults a message lists; the others are counted."""
WHOLE_NUMBER = "^(0|-?[1-9][0-9]{0,17})$"
DAY = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True)
class CrossingsFile:
    """A file of crossings with usable columns; whether its rows are usable is found out when they are read.

    Of a CSV file, a column whose values are all whole numbers, written as numbers are, is a number, and every other
    one keeps its text.
    """

    path: Path
    table: pl.LazyFrame
    schema: pl.Schema

    def people(self) -> Iterator[pl.DataFrame]:
        """Yield all rows in their order, in parts that end where the rows of a person end."""
        rest = self.schema.to_frame()
        for part in self._parts():
            rest = pl.concat([rest, part])
            person = rest["person_id"]
            others = person.ne_missing(person.tail(1)).arg_true()
            if others.len():
                last = others.item(-1) + 1
                yield rest.head(last)
                rest = rest.slice(last)
        if rest.height:
            yield rest

    def _parts(self) -> Iterator[pl.DataFrame]:
        try:
            yield from parts_of(self.table)
        except pl.exceptions.PolarsError as error:
            raise _unreadable(self.path, error) from error

    def rows_out_of_order(self) -> Iterator[tuple[int, object]]:
        """Yield the rows, from 1, at which a person comes again after other people, and that person's identifier."""
        person = pl.col("person_id")
        begins = person.ne_missing(person.shift()) | (pl.col("row") == 1)
        blocks = self.table.select("person_id").with_row_index("row", offset=1).filter(begins).collect()
        yield from blocks.filter(~person.is_first_distinct()).iter_rows()


def read_crossings_file(path: Path) -> CrossingsFile:
    """Look at the columns of a file; raises `UserError` if it cannot be read, or a column is missing or unusable."""
    if not path.is_file():
        raise UserError(f"{path}: there is no such file. Name a CSV or Parquet file of crossings.")
    try:
        table = scan_table(path) if path.suffix.lower() == ".parquet" else _with_numbers(scan_text_table(path))
        schema = table.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, error) from error
    if path.suffix.lower() != ".parquet":
        _check_header(path)
    for name in COLUMNS:
        if name not in schema:
            raise UserError(
                f"{path}: has no column '{name}'. Crossings need {', '.join(COLUMNS)}; it has {', '.join(schema)}."
            )
        wanted = _wanted(name, schema[name])
        if wanted is not None:
            raise UserError(f"{path}: column '{name}' is of the type {schema[name]}. Make it {wanted}.")
    return CrossingsFile(path, table, schema)


def _check_header(path: Path) -> None:
    """Raise `UserError` if a CSV file has two columns of one name: which of them is meant would be a guess."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = next(csv.reader(file), [])
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UserError(f"{path}: has more than one column '{twice[0]}'. Leave one of them, or rename the others.")


def _unreadable(path: Path, error: pl.exceptions.PolarsError) -> UserError:
    """Return the error for a file that is neither CSV nor Parquet as its name says, or is damaged."""
    (reason, *_) = str(error).splitlines() or [type(error).__name__]
    return UserError(
        f"{path}: cannot be read ({reason}). Give a CSV file with a header, or a Parquet file (.parquet)."
    )


def _with_numbers(text: pl.LazyFrame) -> pl.LazyFrame:
    """Make numbers of the columns of a CSV file that have nothing but whole numbers."""
    only_numbers = pl.all().str.contains(WHOLE_NUMBER).all() & pl.all().is_not_null().any()
    found = text.select(only_numbers).collect(engine="streaming")
    return text.with_columns(
        pl.col(name).cast(pl.Int64) for name in found.columns if name != "date" and found[name].item()
    )


def _wanted(name: str, dtype: pl.DataType) -> str | None:
    """Return what a column should be, or None if its type will do."""
    text = dtype == pl.String
    match name:
        case "person_id":
            return (
                None if text or dtype.is_integer() or dtype in (pl.Categorical, pl.Enum) else "a whole number or text"
            )
        case "date":
            day = dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)
            return None if text or day else "a date, or text as in 2018-12-31"
        case _:
            return None if text or dtype.is_numeric() or dtype == pl.Boolean else "1 and 0, or true and false"


@dataclass
class Faults:
    """What is wrong with the rows of a file, by row, from 1 and the header apart."""

    count: int = 0
    listed: list[str] = field(default_factory=list)

    def add(self, part: pl.DataFrame, rows_before: int, found: Mapping[str, pl.Series]) -> None:
        """Note the rows of a part in which a fault is found, by its sentence; `{name}` is the value of a column.

        The first `LISTED` faults of a file are listed with their rows; the others are only counted. A null is no
        fault: so a comparison with what cannot be read finds none.
        """
        count = sum(int(rows.sum()) for rows in found.values())
        if not count:
            return
        self.count += count
        faulty = pl.DataFrame(dict(found)).select(pl.any_horizontal(pl.all())).to_series()
        for row in faulty.arg_true().head(LISTED - len(self.listed)).to_list():
            values = part.row(row, named=True)
            shown = {name: "(empty)" if value is None else f"'{value}'" for name, value in values.items()}
            faults = [fault.format_map(shown) for fault, where in found.items() if where[row]]
            self.listed.append(f"row {rows_before + row + 1}: {' and '.join(faults)}")

    def add_second_blocks(self, file: CrossingsFile) -> None:
        """Note the rows at which a person comes again after other people."""
        for row, person in file.rows_out_of_order():
            self.count += 1
            if len(self.listed) < LISTED:
                self.listed.append(f"row {row}: person_id '{person}' comes again after rows of other people")

    def refuse(self, path: Path) -> None:
        """Raise `UserError` if there are faults."""
        if self.count:
            others = self.count - len(self.listed)
            more = [f"and {others:,} more"] if others else []
            raise UserError(
                f"{path}: {'; '.join([*self.listed, *more])}. Nothing is written. "
                "Correct these rows (they count from 1, the header apart), and sort the file by person and time."
            )


@dataclass(frozen=True)
class CheckedPart:
    """A part of whole people as arrays; they mean something only if the part has no faults.

    `frame` has the part's columns, with dates that were text as dates.
    """

    frame: pl.DataFrame
    crossings: Crossings
    initial_resident: Flags


def check_part(part: pl.DataFrame, rows_before: int, faults: Faults) -> CheckedPart:
    """Read the crossings of a part that follows `rows_before` rows, and add what is wrong with them to the faults."""
    starts = starts_person(part["person_id"])
    date = _days(part["date"])
    is_arrival, resident = _flags(part["is_arrival"]), _flags(part["initial_resident"])
    same_person = pl.Series(~starts)
    found = {
        "has no person_id": part["person_id"].is_null(),
        "date {date} is no day of the calendar, written as in 2018-12-31": date.is_null(),
        "is_arrival {is_arrival} is neither 1 (an arrival) nor 0 (a departure)": is_arrival.is_null(),
        "initial_resident {initial_resident} is neither 1 nor 0": resident.is_null(),
        "date {date} is before that of the row above, which is of the same person": (
            same_person & (date < date.shift())
        ),
        "initial_resident {initial_resident} is another than in the row above, which is of the same person": (
            same_person & (resident != resident.shift())
        ),
    }
    faults.add(part, rows_before, found)
    frame = part.with_columns(date.alias("date")) if part.schema["date"] == pl.String else part
    day = date.cast(pl.Date).to_physical().fill_null(0).to_numpy()
    directions, residence = (flags.fill_null(False).to_numpy() for flags in (is_arrival, resident))
    return CheckedPart(frame, Crossings(starts, day, directions), residence)


def checked_people(file: CrossingsFile, faults: Faults) -> Iterator[CheckedPart]:
    """Yield a file as arrays, in parts of whole people, and add what is wrong with it to the faults.

    Raises `UserError` after the last part if any row is unusable; from the first such row on, nothing is yielded.
    """
    rows, ascending, highest = 0, True, None
    for frame in file.people():
        part = check_part(frame, rows, faults)
        rows += frame.height
        if faults.count:
            continue
        person = frame["person_id"].gather(part.crossings.first)
        person = person if person.dtype.is_integer() else person.cast(pl.String)
        ascending = ascending and _rises(person, highest)
        highest = person.last()
        yield part
    if not ascending:
        faults.add_second_blocks(file)
    faults.refuse(file.path)


def _rises(person: pl.Series, above: object) -> bool:
    """Tell whether each person's identifier is above that of the person before: then nobody comes twice."""
    return bool((person[1:] > person[:-1]).all()) and (above is None or person.first() > above)  # ty: ignore[unsupported-operator]


def starts_person(person: pl.Series) -> Flags:
    """Return for each row of a part that begins with a new person whether it is the first of its person."""
    starts = person.ne_missing(person.shift()).to_numpy().copy()
    starts[:1] = True
    return starts


def _days(date: pl.Series) -> pl.Series:
    """Return dates, null for a text that is no day; the day of a time is that on which it falls."""
    if date.dtype != pl.String:
        return date
    return date.set(~date.str.contains(DAY), None).str.to_date("%Y-%m-%d", strict=False)


def _flags(column: pl.Series) -> pl.Series:
    """Return the flags that a column has, as 1 or 0, or in words true or false; null for any other value."""
    if column.dtype == pl.Boolean:
        return column
    if column.dtype == pl.String:
        word = column.str.to_lowercase()
        yes, no = word.is_in(["1", "true"]), word.is_in(["0", "false"])
    else:
        yes, no = column == 1, column == 0
    return yes.set(~(yes | no), None)
