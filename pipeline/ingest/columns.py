"""One column of an extract: its header in the file, its type, and what may stand in it."""

import re
from datetime import date
from typing import Annotated, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from pipeline.toml_files import Frozen

ColumnType = Literal["text", "date", "integer", "decimal", "boolean", "code"]
PARTS_OF_A_PERSON = ("given_name", "family_name", "date_of_birth", "sex", "postcode")
Bound = int | float | date | Literal["data_date"] | None
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]


def whole_match(pattern: str) -> str:
    """Return the regular expression that matches a text only if all of it is of a pattern."""
    return f"^(?:{pattern})$"


class Column(Frozen):
    """One column of an extract: the source's header, its type, and what is allowed in it.

    `identifier` names the kind of identifier (one of `PARTS_OF_A_PERSON`, or a direct identifier such as
    `nhs_number`); two columns of one kind are comparable across sources. `of` says whose it is when it is
    not the subject's own (the mother's, or the match that a reviewer names).
    """

    header: str
    type: ColumnType
    says: str = ""
    required: bool = True
    format: str = "%Y-%m-%d"
    codes: dict[str, str] = Field(default_factory=dict)
    pattern: str | None = None
    min: Bound = None
    max: Bound = None
    identifier: Name | None = None
    of: Name | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                re.compile(value)
                pl.Series([""]).str.contains(whole_match(value))  # what checks it: it knows no look-around
            except (re.error, pl.exceptions.ComputeError, RecursionError) as error:
                raise ValueError(f"not a regular expression: {str(error).splitlines()[0]}") from None
        return value

    @field_validator("format")
    @classmethod
    def _tells_days_apart(cls, value: str) -> str:
        day = pl.Series([date(2001, 2, 3)])
        try:
            told_apart = day.dt.strftime(value).str.to_date(value, strict=False).equals(day)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            told_apart = False
        if not told_apart:
            raise ValueError("a date's format must give year, month and day, as '%d/%m/%Y' does")
        return value

    @field_validator("min", "max", mode="before")
    @classmethod
    def _date_bound(cls, value: Bound | str) -> Bound | str:
        return date.fromisoformat(value) if isinstance(value, str) and value != "data_date" else value

    @model_validator(mode="after")
    def _codes_belong_to_codes(self) -> "Column":
        if (self.type == "code") != bool(self.codes):
            raise ValueError("a column of type 'code' needs 'codes', and no other column takes them")
        return self

    @model_validator(mode="after")
    def _identifiers_are_what_they_say(self) -> "Column":
        needed = {"date_of_birth": "date", "sex": "code"}.get(self.identifier or "", "text")
        if self.identifier and self.type != needed:
            raise ValueError(f"a column whose identifier is '{self.identifier}' must be of type '{needed}'")
        if self.identifier == "sex" and not set(self.codes.values()) <= {"F", "M"}:
            raise ValueError("the codes of sex must map to 'F' and 'M'")
        if self.type != "text" and self.pattern is not None:
            raise ValueError("only a column of type 'text' takes a 'pattern'")
        if self.type == "text" and not self.identifier and self.pattern is None:
            raise ValueError("text that is no identifier needs a 'pattern', so that nobody's name can hide in it")
        return self

    @model_validator(mode="after")
    def _bounds_fit_the_type(self) -> "Column":
        for bound in (self.min, self.max):
            fits = {"date": isinstance(bound, date) or bound == "data_date"}
            fits |= dict.fromkeys(("integer", "decimal"), isinstance(bound, int | float))
            if bound is not None and not fits.get(self.type, False):
                raise ValueError(f"'min' and 'max' of a column of type '{self.type}' cannot be {bound!r}")
            if bound is None and self.type in {"integer", "decimal"}:
                raise ValueError("a number needs 'min' and 'max', so that nobody's own number can hide in it")
        ends = [
            float(bound.toordinal() if isinstance(bound, date) else bound)
            for bound in (self.min, self.max)
            if bound is not None and bound != "data_date"
        ]
        if ends and not ends[0] <= ends[-1]:
            raise ValueError(f"'min' is {self.min} and 'max' is {self.max}: no value lies between them")
        return self

    @property
    def is_clear_identifier(self) -> bool:
        """Whether the value must never be written: every identifier but sex, which is also an attribute."""
        return self.identifier is not None and self.identifier != "sex"

    @property
    def is_direct_identifier(self) -> bool:
        """Whether the value is a number or key that stands for one person."""
        return self.identifier is not None and self.identifier not in PARTS_OF_A_PERSON
