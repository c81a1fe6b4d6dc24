"""A check that a contract declares: two dates of a row are in the order in which such things happen."""

from collections.abc import Iterator, Mapping

import polars as pl
from pydantic import model_validator

from pipeline.ingest.columns import Column
from pipeline.toml_files import Frozen


class OrderCheck(Frozen):
    """A date in `column` that lies `not_before` or `not_after` the date in another column of the row.

    An end is not before its start, a birth not after its registration. The same day is in order, and a row that lacks
    one of the two dates passes.
    """

    column: str
    not_before: str | None = None
    not_after: str | None = None

    @model_validator(mode="after")
    def _compares_two_columns(self) -> "OrderCheck":
        if (self.not_before is None) == (self.not_after is None):
            raise ValueError("a check of dates needs 'not_before' or 'not_after': the column to compare with")
        if self.other == self.column:
            raise ValueError(f"a check compares '{self.column}' with itself. Name two columns")
        return self

    @property
    def other(self) -> str:
        """The column that is compared with."""
        return str(self.not_before if self.not_after is None else self.not_after)

    @property
    def sentence(self) -> str:
        """The check in words, for the data dictionary."""
        return f"`{self.column}` is not {'after' if self.not_before is None else 'before'} `{self.other}`"

    def misfit(self, columns: Mapping[str, Column]) -> str | None:
        """Return why the check does not fit the columns of an extract, if it does not."""
        for name in (self.column, self.other):
            if name not in columns:
                return f"a check names '{name}', which is not a column of the extract"
            if not columns[name].gives_date:
                return f"a check of dates names '{name}', which is of type '{columns[name].type}'"
        return None

    def faults(self) -> Iterator[tuple[str, pl.Expr, str]]:
        """Yield each fault that a row can have: the column, an expression that is true where it is present, why."""
        day, other = pl.col(self.column), pl.col(self.other)
        if self.not_before is not None:
            yield self.column, day < other, f"before {self.other}"
        else:
            yield self.column, day > other, f"after {self.other}"
