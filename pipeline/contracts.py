"""Source contracts: what an extract must look like, in TOML files that a statistician edits."""

import re
from collections import Counter
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from pipeline.errors import UserError, unknown
from pipeline.toml_files import Frozen, parse, read_toml

CONTRACT_FOLDER = Path(__file__).parent / "source_contracts"
CODE_LISTS = "code_lists.toml"

ColumnType = Literal["text", "date", "integer", "decimal", "boolean", "code"]
PARTS_OF_A_PERSON = ("given_name", "family_name", "date_of_birth", "sex", "postcode")
COLUMNS_OF_INGEST = ("record_id", "subject_id", "birth_month", "area", "file", "row_number", "reasons")
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


class Extract(Frozen):
    """One kind of file that a source delivers: the grain in words, the unique key, the columns.

    `dated_by` names the date that orders the records of one subject, so that their latest values are known;
    without it the order of the file does. Undated records count as older than dated ones.
    """

    says: str
    unique: tuple[str, ...] = Field(min_length=1)
    dated_by: str | None = None
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _unique_columns_exist(self) -> "Extract":
        for name in self.unique:
            if name not in self.columns:
                raise ValueError(f"'unique' names '{name}', which is no column of the extract")
        dated_by = self.columns.get(self.dated_by) if self.dated_by else None
        if self.dated_by and (dated_by is None or dated_by.type != "date" or dated_by.is_clear_identifier):
            raise ValueError(f"'dated_by' names '{self.dated_by}', which is no date of an event in the extract")
        return self

    @model_validator(mode="after")
    def _names_and_headers_are_told_apart(self) -> "Extract":
        for name, column in self.columns.items():
            if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in COLUMNS_OF_INGEST:
                raise ValueError(
                    f"'{name}' cannot name a column: use small letters, digits and '_', and none of the names "
                    f"that ingest adds ({', '.join(COLUMNS_OF_INGEST)})"
                )
            if column.of and f"{column.of}_{column.identifier}" in self.attributes:
                raise ValueError(f"'{column.of}_{column.identifier}' names the token of '{name}' already")
        headers = Counter(column.header.upper() for column in self.columns.values())
        kinds = Counter((column.identifier, column.of) for column in self.columns.values() if column.identifier)
        twice = [header for header, times in headers.items() if times > 1]
        twice += [f"the identifier {kind}" for (kind, _), times in kinds.items() if times > 1]
        if twice:
            raise ValueError(f"{twice[0]} stands in two columns; each header and each identifier has one")
        return self

    @property
    def attributes(self) -> dict[str, Column]:
        """The columns that `records` keeps: all but clear identifiers."""
        return {name: column for name, column in self.columns.items() if not column.is_clear_identifier}

    @property
    def has_postcode(self) -> bool:
        """Whether the subject's place can be derived from the extract."""
        return self.column_of("postcode") is not None

    @property
    def has_date_of_birth(self) -> bool:
        """Whether the subject's month of birth can be derived from the extract."""
        return self.column_of("date_of_birth") is not None

    def column_of(self, kind: str) -> str | None:
        """Return the name of the column that holds the subject's identifier of a kind, if there is one."""
        named = (name for name, column in self.columns.items() if column.identifier == kind and column.of is None)
        return next(named, None)


class SourceContract(Frozen):
    """One source: who its subjects are (`person_key`), and the extracts that it delivers.

    `counts_as_resident` is false for a source that says nothing about residence (a survey, a review).
    """

    source: str = Field(pattern="^[a-z][a-z0-9_]*$")
    title: str
    says: str
    person_key: str
    counts_as_resident: bool = True
    caveats: tuple[str, ...] = ()
    extracts: dict[Name, Extract] = Field(min_length=1)

    @model_validator(mode="after")
    def _every_extract_has_the_person_key(self) -> "SourceContract":
        for name, extract in self.extracts.items():
            column = extract.columns.get(self.person_key)
            if column is None or not column.is_direct_identifier or column.of is not None or not column.required:
                raise ValueError(
                    f"extract '{name}' needs the person key '{self.person_key}', required, as a direct identifier "
                    "of its subject"
                )
        return self

    @cached_property
    def person_key_kind(self) -> str:
        """The kind of direct identifier that is this source's own key."""
        first = next(iter(self.extracts.values()))
        return str(first.columns[self.person_key].identifier)

    @property
    def identifier_kinds(self) -> set[str]:
        """All kinds of identifiers of the subject that any extract carries."""
        return {
            column.identifier
            for extract in self.extracts.values()
            for column in extract.columns.values()
            if column.identifier and column.of is None
        }


def read_contract(path: Path) -> SourceContract:
    """Return the contract in a TOML file, its named code lists resolved; raises `UserError`."""
    data = read_toml(path)
    own = parse(_CodeLists, {"code_lists": data.pop("code_lists", {})}, str(path))
    lists = read_toml(CONTRACT_FOLDER / CODE_LISTS) | own.code_lists
    for extract in _tables_in(data.get("extracts")):
        columns = extract.get("columns")
        for name, column in columns.items() if isinstance(columns, dict) else ():
            if isinstance(column, dict) and "codes" in column:
                column["codes"] = _resolve(column["codes"], lists, f"{path}, column '{name}'")
    return parse(SourceContract, data, str(path))


class _CodeLists(Frozen):
    """The code lists that a contract brings with it."""

    code_lists: dict[str, dict[str, str]]


def _tables_in(value: object) -> list[dict[str, Any]]:
    """Return the tables of a table; what is none is left for the model to refuse."""
    return [one for one in value.values() if isinstance(one, dict)] if isinstance(value, dict) else []


def _resolve(codes: object, lists: dict[str, dict[str, str]], where: str) -> object:
    names = [codes] if isinstance(codes, str) else codes
    if not isinstance(names, list):
        return codes
    resolved: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str) or name not in lists:
            raise unknown("code list", str(name), lists, where)
        resolved |= lists[name]
    return resolved


def read_contracts(extra: tuple[Path, ...] = ()) -> dict[str, SourceContract]:
    """Return all contracts by source: those of the package, then `extra` files; sorted by source."""
    files = [path for path in sorted(CONTRACT_FOLDER.glob("*.toml")) if path.name != CODE_LISTS] + list(extra)
    contracts: dict[str, SourceContract] = {}
    owner: dict[str, str] = {}
    for path in files:
        contract = read_contract(path)
        if contract.source in contracts:
            raise UserError(f"{path}: the source '{contract.source}' has a contract already. Give it another name.")
        for extract in contract.extracts:
            if extract in owner:
                raise UserError(f"{path}: the extract '{extract}' belongs to '{owner[extract]}'. Rename it.")
            owner[extract] = contract.source
        contracts[contract.source] = contract
    return dict(sorted(contracts.items()))
