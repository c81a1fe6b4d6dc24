"""Finds clear values in everything that a run has written.

`find_clear(folder, canaries)` reads every file twice: its raw bytes, and, for a Parquet file, every value of
every column decoded, inside lists and structs too. A canary is a name, a day, a postcode or a number; it is
looked for as it is and in the forms that the pipeline or a library could give it, whatever the case.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import polars as pl

DAYS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%Y%m%d",
    "%d-%m-%Y",
    "%d.%m.%Y",
    "%d%m%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d %B %Y",
    "%d %b %Y",
)


def forms_of(canary: str | date) -> set[str]:
    """Return the lower-case forms of a canary that must not be found."""
    if isinstance(canary, date):
        return {canary.strftime(form).lower() for form in DAYS}
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", canary) if not unicodedata.combining(sign))
    words = "".join(sign if sign.isalnum() else " " for sign in plain).split()
    return {canary.lower(), plain.lower(), " ".join(words).lower(), "".join(words).lower()}


def find_clear(folder: Path, canaries: Iterable[str | date]) -> list[str]:
    """Return one line for each place below a folder where a canary is found: file, column, form."""
    forms = sorted({form for canary in canaries for form in forms_of(canary)})
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found += [f"{name}: in the name of the file: {form}" for form in forms if form in name.lower()]
        if path.is_file():
            found += [f"{name}: {form}" for form in _in_bytes(path.read_bytes(), forms)]
            if path.suffix == ".parquet" or path.read_bytes()[:4] == b"PAR1":
                found += [f"{name}, {place}" for place in _in_table(pl.read_parquet(path), forms)]
    return found


def _in_bytes(content: bytes, forms: list[str]) -> Iterator[str]:
    lower = content.lower()
    for form in forms:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            try:
                if form.encode(encoding) in lower:
                    yield f"{form} ({encoding})"
                    break
            except UnicodeEncodeError:
                continue


def _in_table(table: pl.DataFrame, forms: list[str]) -> Iterator[str]:
    for column in table.columns:
        for leaf in _leaves(table[column]):
            if leaf.dtype.is_numeric():
                numbers = [int(form) for form in forms if form.isdecimal()]
                hits = leaf.filter(leaf.cast(pl.Float64).is_in([float(number) for number in numbers]))
                exact = {str(int(value)) for value in hits.to_list()}
                yield from (f"column {column}: {number}" for number in numbers if str(number) in exact)
                continue
            texts = leaf.cast(pl.String, strict=False).drop_nulls().unique().str.to_lowercase()
            for form in forms:
                if texts.str.contains(form, literal=True).any():
                    yield f"column {column}: {form}"


def _leaves(values: pl.Series) -> Iterator[pl.Series]:
    """Yield the values of a column; those inside lists and structs as columns of their own."""
    if isinstance(values.dtype, pl.Array):
        values = values.arr.to_list()
    if isinstance(values.dtype, pl.List):
        yield from _leaves(values.explode())
    elif isinstance(values.dtype, pl.Struct):
        for field in values.struct.fields:
            yield from _leaves(values.struct.field(field))
    elif values.dtype == pl.Binary:
        yield pl.Series([value.decode("utf-8", "replace") for value in values.drop_nulls()], dtype=pl.String)
    elif values.dtype.is_temporal():
        days = values.drop_nulls().unique()
        yield days.dt.strftime("%Y-%m-%d") if values.dtype in (pl.Date, pl.Datetime) else days.cast(pl.String)
    else:
        yield values
