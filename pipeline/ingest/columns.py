"""The keys that a contract can give a column; the columns themselves are in `source_contracts/`."""

import re
from datetime import date
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, Literal, get_args

import polars as pl
from pydantic import Field, ValidationInfo, field_validator, model_validator

from pipeline.ingest.check_digits import CheckDigit
from pipeline.ingest.days import (
    COUNTRY_ZONE,
    WITHOUT_CENTURY,
    calendar_day,
    has_century,
    has_offset,
    identifies_minutes,
    is_zone,
)
from pipeline.toml_files import Frozen

ColumnType = Literal["text", "date", "datetime", "year", "integer", "decimal", "boolean", "code"]
DATE_TYPES = ("date", "datetime", "year")
"""The types whose values are calendar days in the records."""
FORMATS = {"datetime": "%Y-%m-%dT%H:%M:%S"}
"""The format of a type of column where its contract gives none; `%Y-%m-%d` for all others."""
PARTS_OF_A_PERSON = (
    "given_name", "middle_name", "family_name", "full_name", "name_parts", "former_given_name", "former_family_name",
    "date_of_birth", "birth_year", "age", "sex", "postcode", "house", "street", "locality",
)  # fmt: skip
"""The kinds of identifiers that describe a person. Any other kind is a direct identifier, declared as such."""
_USUAL_WORDS = {
    "given_name": ("forename", "first_name", "firstname", "christian_name"),
    "family_name": ("surname", "last_name", "lastname"),
    "full_name": ("name",),
    "former_family_name": ("maiden_name", "birth_name", "previous_surname", "former_name"),
    "date_of_birth": ("dob", "birth_date", "birthdate", "birthday"),
    "birth_year": ("year_of_birth", "yob"),
    "sex": ("gender",),
    "postcode": ("postal_code", "zip", "zip_code", "zipcode"),
    "house": ("house_number", "street_number", "house_name", "building"),
    "street": ("address", "address_1", "street_name", "road"),
    "locality": ("suburb", "town", "city", "village", "place"),
}
"""What a kind is often called elsewhere: by its letters, `first_name` would be nearest to `family_name`."""
TYPES_OF_PARTS = {"date_of_birth": "date", "birth_year": "integer", "age": "integer", "sex": "code"}
"""The type of a column of a describing kind, if it is not text."""
EARLIEST_BIRTH_YEAR = 1800
BOUNDS_OF_PARTS = {"age": (0, 130), "birth_year": (EARLIEST_BIRTH_YEAR, "data_date")}
"""`min` and `max` of a number that describes a person, where its contract gives none."""
YEARS_OF_BIRTH = ("birth_year_from", "birth_year_to")
"""What linkage is given of an age: the years in which the person can have been born."""
Corroborating = Literal["nationality", "country_of_birth", "ethnic_group", "first_arrival"]
CORROBORATING: tuple[str, ...] = get_args(Corroborating)
"""The kinds of attributes that speak for or against a pair of records without being secret."""
FIRST_ARRIVAL = "first_arrival"
Bound = int | float | date | Literal["data_date"] | None
NOT_KNOWN = ""
"""The meaning of a code by which a source says that a value is not known: the row is accepted, the value is empty."""
MissingValues = tuple[Annotated[str, Field(pattern=r"^\S(?:.*\S)?$")], ...]
"""Texts by which a source says that it has no value; blanks around a value are removed before it is compared."""
Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]


def _nearest_kind(word: str) -> str:
    """Return a sentence with the describing kind that a word may stand for."""
    meant = [kind for kind, words in _USUAL_WORDS.items() if word in words]
    nearest = meant or get_close_matches(word, PARTS_OF_A_PERSON, n=1)
    return f"Did you mean '{nearest[0]}'?" if nearest else f"Valid: {', '.join(PARTS_OF_A_PERSON)}."


def whole_match(pattern: str) -> str:
    """Return the regular expression that matches a text only if the pattern matches all of it."""
    return f"^(?:{pattern})$"


@cache
def _fault_of_pattern(pattern: str) -> str | None:
    """Return what is wrong with a regular expression, by the engine that will check values: it has no look-around."""
    try:
        re.compile(pattern)
        pl.Series([""]).str.contains(whole_match(pattern))
    except (re.error, pl.exceptions.ComputeError, RecursionError) as error:
        return str(error).splitlines()[0]
    return None


@cache
def _gives_a_day(day_format: str) -> bool:
    """Return whether a day that was written in a format is read as the same day."""
    day = pl.Series("day", [date(2001, 2, 3)])
    try:
        written = pl.DataFrame(day.dt.strftime(day_format))
        return written.select(calendar_day(pl.col("day"), day_format)).to_series().equals(day)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return False


class Column(Frozen):
    """One column of an extract: the source's header, its type and its valid values.

    `identifier` names the kind of identifier: one of `PARTS_OF_A_PERSON`, or, with `direct`, a number or key that
    identifies one person, such as `nhs_number`. Columns of one kind are compared across sources. `check_digit` names
    the check that a direct identifier must pass, `age_on` the day on which an age is counted: a date, or the column
    that has it. `of` says whose identifier it is if it is not the subject's own (the mother's, or the match that a
    reviewer found). `corroborates` says what an attribute is to linkage. `unusable` says whether a value that cannot
    be used becomes null, or its row is quarantined; `Extract.nulled` has the columns of which it becomes null.
    `missing` has the texts that mean an empty value, if not those of the extract.
    """

    header: str
    type: ColumnType
    says: str = ""
    required: bool = True
    format: str = "%Y-%m-%d"
    zone: str | None = None
    starts: str | None = None
    planned: bool = False
    in_every_file: bool = True
    missing: MissingValues | None = None
    codes: dict[str, str] = Field(default_factory=dict)
    pattern: str | None = None
    min: Bound = None
    max: Bound = None
    identifier: Name | None = None
    direct: bool = False
    check_digit: CheckDigit | None = None
    age_on: date | Name | None = None
    of: Name | None = None
    corroborates: Corroborating | None = None
    unusable: Literal["null", "quarantine"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_usual_for_the_kind(cls, data: Any) -> Any:
        """Let a describing identifier be missing unless stated otherwise: few people are described in full."""
        if not isinstance(data, dict) or data.get("identifier") not in PARTS_OF_A_PERSON:
            return data
        least, largest = BOUNDS_OF_PARTS.get(data["identifier"], (None, None))
        bounds = {"min": least, "max": largest} if least is not None else {}
        return {"required": False} | bounds | {key: value for key, value in data.items() if value is not None}

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        if value is not None and (fault := _fault_of_pattern(value)):
            raise ValueError(f"not a regular expression: {fault}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _format_of_the_type(cls, data: Any) -> Any:
        if isinstance(data, dict) and "format" not in data and data.get("type") in FORMATS:
            return data | {"format": FORMATS[data["type"]]}
        return data

    @field_validator("format")
    @classmethod
    def _identifies_days(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("type") == "datetime":
            if not identifies_minutes(value):
                raise ValueError(
                    f"a date-time's format must give day, hour and minute, as '{FORMATS['datetime']}' does"
                )
            return value
        if not _gives_a_day(value):
            raise ValueError(
                "a date's format must give year, month and day, as '%d/%m/%Y' does, with all of their digits where "
                "they touch ('%d', not '%-d'), and no time: that needs type = \"datetime\""
            )
        return value

    @field_validator("min", "max", mode="before")
    @classmethod
    def _date_bound(cls, value: Bound | str) -> Bound | str:
        return date.fromisoformat(value) if isinstance(value, str) and value != "data_date" else value

    @model_validator(mode="after")
    def _codes_are_given_to_code_columns(self) -> "Column":
        if (self.type == "code") != bool(self.codes):
            raise ValueError("a column of type 'code' needs 'codes', and no other column can have them")
        return self

    @model_validator(mode="after")
    def _days_are_given_to_dates(self) -> "Column":
        if self.zone is not None and (self.type != "datetime" or has_offset(self.format)):
            raise ValueError("'zone' is for a column of type 'datetime' whose format has no offset")
        if self.zone is not None and not is_zone(self.zone):
            raise ValueError(f"'zone' is '{self.zone}', which is no time zone. Write one such as 'UTC'")
        if (self.type == "year") != (self.starts is not None):
            raise ValueError("a column of type 'year' needs 'starts', and no other column can have it")
        bounded = isinstance(self.min, date) and self.min >= WITHOUT_CENTURY[0]
        if self.type in ("date", "datetime") and not has_century(self.format) and not bounded:
            raise ValueError(
                "the years of the format have two digits, which are read as 1970 to 2069, so that whoever was born "
                "in 1915 would be born in 2015. Ask the source for four digits ('%Y'), or give as 'min' the first "
                "date that can occur, 1970-01-01 or later"
            )
        if self.starts is not None:
            try:
                date.fromisoformat(f"2001-{self.starts}")
            except ValueError:
                raise ValueError(
                    f"'starts' is '{self.starts}', not the month and day on which years begin, as '08-01' is"
                ) from None
        if self.planned and (not self.gives_date or self.max == "data_date"):
            raise ValueError(
                "'planned' is for a date that may lie after the data date, so not with max = \"data_date\""
            )
        return self

    @model_validator(mode="after")
    def _identifiers_are_of_known_kinds(self) -> "Column":
        if self.direct and self.identifier is None:
            raise ValueError("'direct' is for an identifier. Name its kind, as in identifier = \"nhs_number\"")
        if self.direct and self.identifier in PARTS_OF_A_PERSON:
            raise ValueError(f"'{self.identifier}' describes a person and identifies nobody. Remove 'direct'")
        if self.is_direct_identifier and not self.direct:
            raise ValueError(
                f"unknown kind of identifier '{self.identifier}'. {_nearest_kind(str(self.identifier))} A number or "
                "key that identifies one person is a direct identifier: declare it by direct = true"
            )
        if self.identifier in (*YEARS_OF_BIRTH, *CORROBORATING):
            raise ValueError(f"'{self.identifier}' is a name of Sojourn's own. Give the kind of identifier another")
        if self.check_digit and not self.direct:
            raise ValueError("'check_digit' is for a direct identifier")
        if (self.identifier == "age") != (self.age_on is not None):
            raise ValueError(
                "a column whose identifier is 'age' needs 'age_on', the day on which it is counted (a date, or the "
                "column that has it), and no other column can have it"
            )
        return self

    @model_validator(mode="after")
    def _attributes_corroborate(self) -> "Column":
        if self.corroborates is None:
            return self
        if self.identifier or self.of:
            raise ValueError("'corroborates' is for an attribute of the subject, which is no identifier")
        arrival = self.corroborates == FIRST_ARRIVAL
        if arrival != self.gives_date or not (arrival or self.type in ("code", "text")):
            wanted = "a date" if arrival else "a code or a text"
            raise ValueError(f"a column that corroborates '{self.corroborates}' must be {wanted}")
        return self

    @model_validator(mode="after")
    def _unusable_values_may_be_null(self) -> "Column":
        if self.unusable == "null" and not self.identifier and self.required:
            raise ValueError("an attribute whose unusable values become null must be 'required = false'")
        return self

    @model_validator(mode="after")
    def _identifiers_have_their_types(self) -> "Column":
        needed = TYPES_OF_PARTS.get(self.identifier or "", "text")
        if self.identifier and self.type != needed and (needed, self.type) != ("date", "datetime"):
            raise ValueError(f"a column whose identifier is '{self.identifier}' must be of type '{needed}'")
        if self.identifier == "sex" and not self.meanings <= {"F", "M"}:
            raise ValueError("the codes of sex must map to 'F' and 'M'")
        if self.type != "text" and self.pattern is not None:
            raise ValueError("only a column of type 'text' can have a 'pattern'")
        if self.type == "text" and not self.identifier and self.pattern is None:
            raise ValueError(
                "a text that is not an identifier needs a 'pattern', so that no name can pass as its value"
            )
        return self

    @model_validator(mode="after")
    def _bounds_fit_the_type(self) -> "Column":
        for bound in (self.min, self.max):
            fits = dict.fromkeys(DATE_TYPES, isinstance(bound, date) or bound == "data_date")
            fits |= dict.fromkeys(("integer", "decimal"), isinstance(bound, int | float))
            fits["integer"] |= bound == "data_date" and self.identifier == "birth_year"
            if bound is not None and not fits.get(self.type, False):
                raise ValueError(f"'min' and 'max' of a column of type '{self.type}' cannot be {bound!r}")
            if bound is None and self.type in {"integer", "decimal"}:
                raise ValueError(
                    "a number needs 'min' and 'max', so that no identifying number can pass as its value"
                )
        ends = [
            float(bound.toordinal() if isinstance(bound, date) else bound)
            for bound in (self.min, self.max)
            if bound is not None and bound != "data_date"
        ]
        if ends and not ends[0] <= ends[-1]:
            raise ValueError(f"'min' is {self.min} and 'max' is {self.max}: no value lies between them")
        return self

    @property
    def gives_date(self) -> bool:
        """Whether the values are calendar days, of whatever the source writes."""
        return self.type in DATE_TYPES

    @property
    def clock(self) -> str:
        """The zone of the clocks by which a date-time without an offset is written."""
        return self.zone or COUNTRY_ZONE

    @property
    def latest(self) -> Bound:
        """The largest valid value; a date that is not planned lies no later than the data date."""
        return "data_date" if self.gives_date and self.max is None and not self.planned else self.max

    @property
    def meanings(self) -> frozenset[str]:
        """The codes of Sojourn that can occur in records."""
        return frozenset(self.codes.values()) - {NOT_KNOWN}

    @property
    def meaning_of(self) -> dict[str, str | None]:
        """What each code of the source means; null for a code that says that the value is not known."""
        return {code: None if meaning == NOT_KNOWN else meaning for code, meaning in self.codes.items()}

    @property
    def is_clear_identifier(self) -> bool:
        """Whether the value must never be written: every identifier except sex, which is also an attribute."""
        return self.identifier is not None and self.identifier != "sex"

    @property
    def is_direct_identifier(self) -> bool:
        """Whether the value is a number or key that identifies one person."""
        return self.identifier is not None and self.identifier not in PARTS_OF_A_PERSON
