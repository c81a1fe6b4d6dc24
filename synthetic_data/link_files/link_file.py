"""One file to link: its rows, what its contract says of each column, and who each row is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthetic_data.numbers.draws import draws

SERIAL = "serial"
"""The column that identifies a row and says nothing of its person."""
Columns = Mapping[str, Mapping[str, Any]]
"""Header -> the keys of the column in a contract, apart from `header`; `IGNORED` if it is not read."""
IDENTIFIES_ROW: Mapping[str, Any] = {"type": "text", "pattern": "[A-Z][0-9]{7}"}
IGNORED: Mapping[str, Any] = {}
"""A column that no linkage reads; the contract says only that it is ignored."""
SEX: Mapping[str, Any] = {
    "type": "code", "identifier": "sex", "required": False, "codes": {"Male": "M", "Female": "F"},
}  # fmt: skip


def describes(kind: str, **more: str) -> dict[str, Any]:
    """Return the contract of a text column that describes a person."""
    return {"type": "text", "identifier": kind, "required": False, **more}


def date_of_birth(form: str) -> dict[str, Any]:
    """Return the contract of a date of birth in a format."""
    bounds = {"min": "1900-01-01", "max": "data_date"}
    return {"type": "date", "identifier": "date_of_birth", "format": form, "required": False, **bounds}


@dataclass(frozen=True)
class LinkFile:
    """One source: `rows` has texts (empty where missing), `person` and `household` say who each row is."""

    source: str
    rows: pl.DataFrame
    columns: Columns
    person: NDArray[np.int64]
    household: NDArray[np.int64]

    @classmethod
    def shuffled(
        cls,
        source: str,
        rows: pl.DataFrame,
        columns: Columns,
        person: NDArray[np.int64],
        household: NDArray[np.int64],
        seed: int,
    ) -> Self:
        """Return a file of `rows` (without serials) in a random order, with serials in that order."""
        order = np.argsort(draws(seed, f"{source} order", np.arange(rows.height)), kind="stable")
        digits = np.char.zfill(np.arange(1, rows.height + 1).astype(str), 7)
        serials = pl.Series(SERIAL, np.char.add(source[0].upper(), digits))
        kept = rows[order].with_columns(serials).select(list(columns))
        return cls(source, kept, columns, person[order], household[order])

    def kind_of(self, header: str) -> str | None:
        """Return the kind of identifier in a column, if it is one."""
        return self.columns[header].get("identifier")

    def with_rows(self, rows: pl.DataFrame, columns: Columns | None = None) -> Self:
        """Return the file with other values, and with other columns if they are given."""
        kept = self.columns if columns is None else columns
        return replace(self, rows=rows.select(list(kept)), columns=kept)
